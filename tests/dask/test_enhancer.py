"""A local service whose work a real cluster does: three workers, each a process."""

import asyncio
import gc
import importlib
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import Outcome, OutcomeStatus, Source
from audio_enhance.dask import ClusterError, ClusterLostError, DaskEnhancer, WorkersDiedError
from audio_enhance.local import LocalService
from tests.support.warm import Warm

from .cluster import Cluster
from .conftest import WORKERS, Stage, staged
from .support import Rehearse


def contents(count: int, seconds: float = 0.0) -> list[bytes]:
    return [b"waits %.2f %d" % (seconds, number) for number in range(count)]


async def test_every_recording_is_done_once_by_a_worker(cluster: Cluster, tmp_path: Path) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        assert (stage.enhancer.workers, stage.enhancer.threads) == (WORKERS, WORKERS)
        recordings = contents(12)
        stage.check(await stage.batch(recordings), recordings)
        # Each recording and each result went to and from the object store, and no other way.
        assert stage.service.count("GET /object", 200) == 24
        assert stage.service.count("PUT /object", 200) == 24
    log = "".join(cluster.said)
    assert "X-Amz" not in log
    assert [*cluster.folder.rglob("*.recording"), *cluster.folder.rglob("*.result")] == []


async def test_what_is_wrong_with_a_recording_is_told_by_the_worker(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        report = await stage.batch([b"not audio", b"audio"])
        assert [outcome.ok for outcome in report] == [False, True]
        reason = why(stage, report[0])
        assert type(reason).__name__ == "NotAudioError"


@pytest.mark.slow
async def test_it_follows_the_cluster_as_it_grows_and_shrinks(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        before = stage.enhancer.places
        [added] = await asyncio.to_thread(cluster.add, 1)
        await until(lambda: stage.enhancer.threads == WORKERS + 1)
        assert stage.enhancer.places == before + 2
        cluster.kill(added)
        await until(lambda: stage.enhancer.threads == WORKERS)
        assert stage.enhancer.places == before


async def test_what_a_killed_worker_was_doing_is_done_elsewhere(
    cluster: Cluster, tmp_path: Path
) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        recordings = contents(9, 0.3)
        batch = asyncio.create_task(stage.batch(recordings))
        await until(lambda: stage.service.count("GET /object") >= WORKERS)
        cluster.kill(next(iter(cluster.workers)))
        stage.check(await batch, recordings)


async def test_nothing_is_left_of_what_is_given_up(cluster: Cluster, tmp_path: Path) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        job = await stage.client.submit(
            Source.from_bytes(b"waits 600", filename="a.wav"), strength=93, output_dir=tmp_path
        )
        await until(lambda: stage.service.count("GET /object", 200) == 1)
        assert job.asset is not None
        await stage.service.remove_asset(job.asset.id)
        await until(lambda: not [*cluster.folder.rglob("*.recording")])
        job.cancel()


async def test_an_address_without_a_port_is_told_and_nothing_else(
    recwarn: pytest.WarningsRecorder,
) -> None:
    with pytest.raises(ClusterError, match="missing port number in address 'nonsense'"):
        await DaskEnhancer("nonsense").model_id()
    gc.collect()  # tasks that were never awaited warn then
    assert not recwarn.list


async def test_without_a_scheduler_it_says_so() -> None:
    service = LocalService(
        enhancer=DaskEnhancer("tcp://127.0.0.1:9", factory=Rehearse(), timeout=0.1)
    )
    with pytest.raises(ClusterError, match=r"No Dask scheduler can be reached at tcp://127.0.0.1"):
        async with service:
            pass


def another_version(folder: Path) -> dict[str, str]:
    """Return the environment of a process that finds another version of the package."""
    other = folder / "other" / "audio_enhance-0.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: audio-enhance\nVersion: 0.0.1\n")
    return {"PYTHONPATH": f"{other.parent}:{ROOT}"}  # before all other places


@pytest.mark.slow
async def test_a_scheduler_of_another_version_is_no_use(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    await asyncio.to_thread(cluster.start, another_version(tmp_path))
    try:
        service = LocalService(enhancer=DaskEnhancer(cluster.address, factory=Rehearse()))
        with pytest.raises(
            ClusterError, match=r"cannot pass work on: it has audio-enhance 0\.0\.1"
        ):
            async with service:
                pass
    finally:
        await asyncio.to_thread(cluster.stop)


async def test_a_scheduler_that_cannot_read_the_work_is_no_use(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "only_here.py").write_text(
        "from audio_enhance.local.enhancer import Rehearsal\n"
        "def make(threads):\n    return Rehearsal()\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    factory = importlib.import_module("only_here").make
    service = LocalService(enhancer=DaskEnhancer(cluster.address, factory=factory))
    with pytest.raises(ClusterError, match=r"cannot pass work on: .*only_here"):
        async with service:
            pass


@pytest.mark.slow
async def test_a_worker_of_another_version_gets_no_work(cluster: Cluster, tmp_path: Path) -> None:
    [odd] = await asyncio.to_thread(cluster.add, 1, another_version(tmp_path))

    try:
        async with staged(cluster.address, tmp_path / "out") as stage:
            assert stage.enhancer.workers == WORKERS
            assert f"{odd} gets no work: it has audio-enhance 0.0.1" in (
                await stage.enhancer.description()
            )
            recordings = contents(8)
            stage.check(await stage.batch(recordings), recordings)
    finally:
        cluster.kill(odd)


@pytest.mark.slow
async def test_a_cluster_that_has_no_workers_yet_is_waited_for(tmp_path: Path) -> None:
    empty = Cluster(tmp_path, None)
    await asyncio.to_thread(empty.start)
    try:
        async with staged(empty.address, tmp_path / "out") as stage:
            assert "has no workers yet: recordings wait" in await stage.enhancer.description()
            recordings = contents(2)
            report = asyncio.create_task(stage.batch(recordings))
            await asyncio.to_thread(empty.add, 1)
            stage.check(await report, recordings)
    finally:
        empty.stop()


async def test_a_cluster_without_a_fit_worker_is_no_use(cluster: Cluster) -> None:
    service = LocalService(enhancer=DaskEnhancer(cluster.address, engine="unheard-of"))
    with pytest.raises(ClusterError, match="No worker of the cluster can enhance") as caught:
        async with service:
            pass
    assert caught.value.message.count("unheard-of") == WORKERS


@pytest.mark.slow
async def test_a_recording_that_kills_workers_fails_alone(cluster: Cluster, tmp_path: Path) -> None:
    async with staged(cluster.address, tmp_path) as stage:
        recordings = [*contents(4, 0.2), b"kills", *contents(4, 0.3)]
        batch = asyncio.create_task(stage.batch(recordings))
        while not batch.done():
            await asyncio.sleep(0.1)
            await asyncio.to_thread(cluster.add, cluster.bury())
        report = await batch
        assert [outcome.ok for outcome in report] == [True] * 4 + [False] + [True] * 4
        reason = why(stage, report[4])
        assert isinstance(reason, WorkersDiedError)


@pytest.mark.slow
async def test_a_lost_scheduler_is_told_and_a_second_run_carries_on(
    tmp_path: Path, warm_worker: Warm | None
) -> None:
    folder, journal = tmp_path / "out", tmp_path / "journal.sqlite"
    paths = [tmp_path / f"{number}.wav" for number in range(12)]
    for number, path in enumerate(paths):
        path.write_bytes(b"waits 0.2 %d" % number)
    options: dict[str, Any] = {"strength": 93, "output_dir": folder, "journal": journal}
    first = Cluster(tmp_path / "first", warm_worker)
    second = Cluster(tmp_path / "second", warm_worker)
    try:
        first.start()
        first.add(1)
        async with staged(first.address, folder) as stage:
            batch = asyncio.create_task(stage.client.enhance_batch(paths, **options))
            await until(lambda: len([*folder.glob("*-enhanced-93p.wav")]) >= 2)
            assert first.scheduler is not None
            first.scheduler.send_signal(signal.SIGKILL)
            report = await batch
            done = len(report.succeeded)
            assert 2 <= done < 12
            reasons = [why(stage, one) for one in report.failed]
            assert {type(one) for one in reasons} == {ClusterLostError}
        second.start()
        second.add(1)
        async with staged(second.address, folder) as stage:
            report = await stage.client.enhance_batch(paths, **options)
            statuses = [outcome.status for outcome in report]
            assert (statuses.count(OutcomeStatus.SKIPPED), len(report.failed)) == (done, 0)
    finally:
        first.stop()
        second.stop()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
async def test_workers_are_killed_at_any_moment(
    cluster: Cluster, tmp_path: Path, seed: int
) -> None:
    """Ten for each seed: all results are right, and none is there twice."""
    draw = random.Random(seed)
    async with staged(cluster.address, tmp_path) as stage:
        recordings = contents(60, 0.2)
        batch = asyncio.create_task(stage.batch(recordings))
        for _ in range(10):
            await asyncio.sleep(draw.uniform(0.0, 0.5))
            cluster.kill(draw.choice([*cluster.workers]))
            await asyncio.to_thread(cluster.add, 1)
        stage.check(await batch, recordings)


ROOT = Path(__file__).parents[2]


def why(stage: Stage, outcome: Outcome) -> object:
    """Return why an enhancement failed, which only the service tells."""
    assert outcome.error is not None
    return stage.service.why_failed(outcome.error.enhancement_id or "")


async def until(happened: Callable[[], object]) -> None:
    """Wait until something has happened elsewhere."""
    async with asyncio.timeout(60):
        while not happened():
            await asyncio.sleep(0.02)
