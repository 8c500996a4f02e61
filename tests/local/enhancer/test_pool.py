"""The worker processes: kept, bounded, replaced when they crash, and never left behind."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from audio_enhance.local.enhancer import (
    Enhancer,
    EnhancerError,
    NotAudioError,
    SpeechEnhancer,
    TooLongError,
    WorkerDiedError,
    enhance_file,
)
from audio_enhance.local.enhancer import __main__ as worker_process
from audio_enhance.local.enhancer.protocol import TellsProgress
from audio_enhance.local.enhancer.worker import Worker

from .support import RATE, noise, write

PATIENCE = 60  # seconds until a test that waits for another process gives up


@pytest.fixture
async def enhancer() -> AsyncIterator[SpeechEnhancer]:
    enhancer = SpeechEnhancer(workers=2, engine="rnnoise")
    yield enhancer
    await enhancer.close()
    assert workers() == []


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """What takes no time."""
    return write(tmp_path / "short", noise("pink", RATE // 10) / 10)


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What takes so long that its worker can be held up in the middle of it."""
    path = tmp_path_factory.mktemp("endless") / "20 seconds"
    # Noise: RNNoise makes short work of silence.
    second = noise("white", 8000) / 10
    return write(path, np.tile(second, 20), codec="pcm_u8", rate=8000)


def workers(parent: int | None = None) -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process(parent).children()
        if "audio_enhance.local.enhancer" in child.cmdline()
    ]


async def started(result: Path, *, parent: int | None = None, held: bool = True) -> None:
    """Wait until a result is being written; the workers get no further unless they are not held."""
    async with asyncio.timeout(PATIENCE):
        while not result.exists():
            await asyncio.sleep(0.01)
    if held:
        for worker in workers(parent):
            worker.suspend()


async def run(enhancer: Enhancer, source: Path, result: Path, strength: int = 93) -> None:
    await enhancer.enhance(source, result, content_type="audio/wav", strength=strength)


async def test_a_worker_is_started_when_it_is_needed_and_used_again(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path
) -> None:
    assert workers() == []
    await run(enhancer, short, tmp_path / "result")
    (worker,) = workers()
    await run(enhancer, short, tmp_path / "result")
    assert workers() == [worker]

    enhance_file(short, tmp_path / "expected", strength=93, engine="rnnoise")
    assert (tmp_path / "result").read_bytes() == (tmp_path / "expected").read_bytes()


async def test_there_are_no_more_workers_than_allowed(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path
) -> None:
    results = [tmp_path / f"result {number}" for number in range(5)]
    await asyncio.gather(*(run(enhancer, short, result) for result in results))
    assert all(result.exists() for result in results)
    assert len(workers()) == 2


async def test_errors_are_passed_on_and_the_worker_stays(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path
) -> None:
    await run(enhancer, short, tmp_path / "done")
    before = workers()
    (tmp_path / "text").write_text("minutes of a meeting")
    with pytest.raises(NotAudioError, match="not audio"):
        await run(enhancer, tmp_path / "text", tmp_path / "result")
    with pytest.raises(EnhancerError, match="No such file") as caught:
        await run(enhancer, tmp_path / "nothing", tmp_path / "result")
    assert not isinstance(caught.value, NotAudioError)
    assert not (tmp_path / "result").exists()
    # Nor does Ctrl-C end it.
    before[0].send_signal(signal.SIGINT)
    await run(enhancer, short, tmp_path / "result")
    assert workers() == before


async def test_a_crash_fails_one_job_and_not_the_next(
    enhancer: SpeechEnhancer, short: Path, endless: Path, tmp_path: Path
) -> None:
    job = asyncio.create_task(run(enhancer, endless, tmp_path / "result"))
    await started(tmp_path / "result")
    (crashed,) = workers()
    crashed.kill()
    with pytest.raises(EnhancerError, match=r"ended in the middle of it \(killed by SIGKILL\)"):
        await job
    assert not (tmp_path / "result").exists()

    await run(enhancer, short, tmp_path / "result")
    assert workers() != [crashed]


@pytest.mark.slow
async def test_a_recording_over_which_a_worker_died_is_not_tried_again(
    enhancer: SpeechEnhancer, short: Path, endless: Path, tmp_path: Path
) -> None:
    job = asyncio.create_task(run(enhancer, endless, tmp_path / "result"))
    await started(tmp_path / "result")
    (crashed,) = workers()
    crashed.kill()
    with pytest.raises(WorkerDiedError):
        await job
    with pytest.raises(WorkerDiedError, match="not tried again"):
        await run(enhancer, endless, tmp_path / "result")
    assert workers() == []
    await run(enhancer, short, tmp_path / "result")


async def test_what_is_too_long_is_refused(short: Path, tmp_path: Path) -> None:
    enhancer = SpeechEnhancer(max_seconds=0.05)
    with pytest.raises(TooLongError):
        await run(enhancer, short, tmp_path / "result")
    await enhancer.close()


@pytest.mark.slow
async def test_a_worker_that_died_while_idle_is_not_missed(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path
) -> None:
    await run(enhancer, short, tmp_path / "result")
    (idle,) = workers()
    idle.kill()
    async with asyncio.timeout(PATIENCE):
        while enhancer._idle[0].alive:
            await asyncio.sleep(0.01)
    await run(enhancer, short, tmp_path / "result")
    assert workers() != [idle]


async def test_a_worker_that_dies_as_it_is_asked_is_no_recordings_fault(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(enhancer, short, tmp_path / "result")
    (idle,) = workers()
    real = Worker.run

    async def dead(worker: Worker, **job: Any) -> EnhancerError | list[str]:
        if idle.is_running():
            idle.kill()  # after it was looked at, and before it is given anything
        return await real(worker, **job)

    monkeypatch.setattr(Worker, "run", dead)
    await run(enhancer, short, tmp_path / "result")
    assert workers() != [idle]
    await run(enhancer, short, tmp_path / "result")  # nothing is held against it


async def test_workers_that_do_not_start_are_not_started_for_ever(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        with pytest.raises(EnhancerError, match=r"has ended \(exit status 1\)") as caught:
            await run(enhancer, short, tmp_path / "result")
    assert not isinstance(caught.value, WorkerDiedError)
    await run(enhancer, short, tmp_path / "result")


async def test_a_cancelled_one_leaves_nothing_behind(
    enhancer: SpeechEnhancer, short: Path, endless: Path, tmp_path: Path
) -> None:
    job = asyncio.create_task(run(enhancer, endless, tmp_path / "result"))
    await started(tmp_path / "result")
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert workers() == []
    assert not (tmp_path / "result").exists()
    await run(enhancer, short, tmp_path / "result")


@pytest.mark.slow
async def test_one_that_is_cancelled_again_and_again_leaves_nothing_behind(
    enhancer: SpeechEnhancer, endless: Path, tmp_path: Path
) -> None:
    job = asyncio.create_task(run(enhancer, endless, tmp_path / "result"))
    await started(tmp_path / "result")
    for _ in range(3):
        job.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await job
    assert workers() == []
    assert not (tmp_path / "result").exists()


@pytest.mark.slow
async def test_one_that_is_cancelled_while_its_worker_starts_leaves_nothing_behind(
    enhancer: SpeechEnhancer, short: Path, tmp_path: Path
) -> None:
    for turns in (0, 1, 2, 4, 8):
        job = asyncio.create_task(run(enhancer, short, tmp_path / "result"))
        for _ in range(turns):
            await asyncio.sleep(0)
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert workers() == []
    await run(enhancer, short, tmp_path / "result")


@pytest.mark.slow
async def test_one_that_waits_for_a_worker_can_be_cancelled(
    short: Path, endless: Path, tmp_path: Path
) -> None:
    enhancer = SpeechEnhancer(workers=1, engine="rnnoise")
    first = asyncio.create_task(run(enhancer, endless, tmp_path / "first"))
    await started(tmp_path / "first")
    second = asyncio.create_task(run(enhancer, short, tmp_path / "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert not first.done()
    await enhancer.close()
    with pytest.raises(EnhancerError):
        await first


async def test_close_ends_what_runs_and_what_waits(
    short: Path, endless: Path, tmp_path: Path
) -> None:
    enhancer = SpeechEnhancer(workers=2, engine="rnnoise")
    await run(enhancer, short, tmp_path / "done")
    running = [tmp_path / "running 1", tmp_path / "running 2"]
    jobs: list[asyncio.Task[None]] = []
    for result in running:  # one is held before another worker starts, which takes a while
        jobs.append(asyncio.create_task(run(enhancer, endless, result)))
        await started(result)
    jobs.append(asyncio.create_task(run(enhancer, short, tmp_path / "waiting")))
    await asyncio.sleep(0)

    await enhancer.close()
    assert workers() == []
    assert all(job.done() for job in jobs)
    for job in jobs:
        with pytest.raises(EnhancerError):
            await job
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "short"]


async def test_close_while_a_worker_starts_leaves_no_process(short: Path, tmp_path: Path) -> None:
    enhancer = SpeechEnhancer()
    job = asyncio.create_task(run(enhancer, short, tmp_path / "result"))
    await asyncio.sleep(0)
    await enhancer.close()
    assert workers() == []
    with pytest.raises(EnhancerError):
        await job


async def test_after_close_there_is_nothing_to_be_had(short: Path, tmp_path: Path) -> None:
    enhancer = SpeechEnhancer()
    await enhancer.close()
    await enhancer.close()
    with pytest.raises(EnhancerError, match="closed"):
        await run(enhancer, short, tmp_path / "result")


# As a user would write it: no guard, at the top level of a script.
SCRIPT = """
import asyncio, sys
from pathlib import Path
from audio_enhance.local.enhancer import SpeechEnhancer

async def main():
    enhancer = SpeechEnhancer(engine="rnnoise")
    try:
        await enhancer.enhance(Path(sys.argv[1]), Path(sys.argv[2]), content_type="", strength=93)
        print("enhanced")
    finally:
        await enhancer.close()

asyncio.run(main())
"""


def script(folder: Path, source: Path, result: Path) -> "subprocess.Popen[str]":
    # Modules of these names beside the script must not get in the worker's way.
    for name in ("numpy", "av", "audio_enhance"):
        (folder / "work").mkdir(exist_ok=True)
        (folder / "work" / f"{name}.py").write_text("raise RuntimeError('the wrong module')")
    (folder / "script.py").write_text(SCRIPT)
    return subprocess.Popen(
        [sys.executable, folder / "script.py", source, result],
        cwd=folder / "work",
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
def test_a_script_needs_no_guard(short: Path, tmp_path: Path) -> None:
    process = script(tmp_path, short, tmp_path / "result")
    assert process.communicate(timeout=PATIENCE) == ("enhanced\n", "")


@pytest.mark.slow
async def test_ctrl_c_is_the_applications_affair(endless: Path, tmp_path: Path) -> None:
    process = script(tmp_path, endless, tmp_path / "result")
    await started(tmp_path / "result", parent=process.pid)
    (worker,) = workers(process.pid)
    assert os.getsid(worker.pid) != os.getsid(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as the terminal does
    _, said = process.communicate(timeout=PATIENCE)
    assert said.count("KeyboardInterrupt\n") == 1
    assert "__main__.py" not in said
    assert not psutil.pid_exists(worker.pid)
    assert not (tmp_path / "result").exists()


@pytest.mark.parametrize("package", ["enhancer", "measuring"])
def test_a_process_ends_whose_application_ends_within_a_line(package: str) -> None:
    command = sys.executable, "-m", f"audio_enhance.local.{package}"
    run = subprocess.run(command, input=b'{"path": "ta', timeout=60, check=False)
    assert run.returncode == 0


@pytest.mark.slow
async def test_a_worker_does_not_outlive_an_application_that_was_killed(
    endless: Path, tmp_path: Path
) -> None:
    process = script(tmp_path, endless, tmp_path / "result")
    # One that is held would not notice.
    await started(tmp_path / "result", held=False)
    (worker,) = workers(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE)
    worker.wait(timeout=PATIENCE)
    assert not (tmp_path / "result").exists()


async def test_recordings_in_work_share_the_cores(
    endless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed: list[int] = []
    allow = Worker.allow

    def noted(worker: Worker, cores: int) -> None:
        allowed.append(cores)
        allow(worker, cores)

    monkeypatch.setattr(Worker, "allow", noted)
    enhancer = SpeechEnhancer(workers=3, engine="rnnoise")
    jobs: list[asyncio.Task[None]] = []
    for result in (tmp_path / name for name in ("a", "b", "c")):
        jobs.append(asyncio.create_task(run(enhancer, endless, result)))
        await started(result)
    assert sorted(allowed) == [1, 1, 1, 2, 2, 3]
    allowed.clear()
    for job in jobs[1:]:
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)
    assert allowed == [2, 2, 3]  # nobody's core is idle
    jobs[0].cancel()
    await asyncio.gather(*jobs, return_exceptions=True)
    await enhancer.close()


async def test_a_worker_hears_of_more_cores_in_the_middle_of_a_recording(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = io.StringIO('{"cores": 2}\n{"source": "a"}\n{"cores": 3}\n')
    ended = threading.Event()

    def end(_: int) -> None:
        ended.set()

    monkeypatch.setattr(os, "_exit", end)
    jobs = worker_process._Jobs(lines)
    assert jobs.next() == {"source": "a"}
    assert await asyncio.to_thread(ended.wait, PATIENCE)
    assert jobs.cores == 3


async def test_it_knows_how_far_it_is(endless: Path, tmp_path: Path) -> None:
    enhancer = SpeechEnhancer(workers=1, engine="rnnoise")
    assert isinstance(enhancer, TellsProgress)
    result = tmp_path / "result"
    assert enhancer.share_done(result) is None
    job = asyncio.create_task(run(enhancer, endless, result))
    async with asyncio.timeout(PATIENCE):
        while (share := enhancer.share_done(result)) is None:
            await asyncio.sleep(0.01)
    assert 0 < share < 1
    await enhancer.close()
    await asyncio.gather(job, return_exceptions=True)
    assert enhancer.share_done(result) is None
