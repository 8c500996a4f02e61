"""Accepted recordings that outlive their worker: one after the other, and several at once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    AudioEnhanceError,
    EnhanceClient,
    InvalidInputError,
    JobStatus,
    TooManyWaitingError,
)
from audio_enhance._journal.row import JournalRow
from audio_enhance.integrations import kept
from audio_enhance.integrations.kept import KeptJob, KeptJobs, NoResultError, UnknownJobError
from audio_enhance.local import Behaviour, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .serving import client_of

RECORDING = b"ID3" + bytes(range(256)) * 4


async def upload(number: int = 0) -> AsyncGenerator[bytes]:
    yield RECORDING
    yield bytes([number])


async def accept(jobs: KeptJobs, number: int = 0, key: str | None = None) -> str:
    return await jobs.accept(upload(number), f"talk-{number}.mp3", strength=93, key=key)


async def over(jobs: KeptJobs, key: str) -> KeptJob:
    async for _ in await jobs.events(key):
        pass
    return await jobs.find(key)


async def until_finished(jobs: KeptJobs, key: str) -> KeptJob:
    while not (found := await jobs.find(key)).finished:
        await asyncio.sleep(0.005)
    return found


class Held(Rehearsal):
    """Finishes nothing until it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.begun = asyncio.Event()
        super().__init__(seconds=1, sleep=self._until_let)

    async def _until_let(self, _: float) -> None:
        self.begun.set()
        await self.let.wait()


@asynccontextmanager
async def held_service() -> AsyncGenerator[tuple[LocalService, Held]]:
    enhancer = Held()
    async with LocalService(enhancer=enhancer) as service:
        yield service, enhancer


def worker(service: LocalService, folder: Path, look_every: float = 3600) -> KeptJobs:
    return KeptJobs(lambda: client_of(service), folder, look_every=look_every)


def asked(folder: Path) -> list[str]:
    """What is still to be cancelled."""
    return [path.name for path in (folder / "cancel").glob("*")]


def kept_in(folder: Path) -> list[str]:
    return [path.name for path in (folder / "uploads").iterdir()]


async def test_the_next_start_finishes_what_was_accepted_under_the_same_keys(
    tmp_path: Path,
) -> None:
    async with held_service() as (service, enhancer):
        async with worker(service, tmp_path) as jobs:
            keys = [await accept(jobs, number) for number in range(5)]
            assert len(kept_in(tmp_path)) == 5
            assert await jobs.result(keys[0]) is None
        enhancer.let.set()
        async with worker(service, tmp_path) as jobs:
            made: set[str] = set()
            for number, key in enumerate(keys):
                found = await over(jobs, key)
                assert (found.status, found.name) == (JobStatus.SUCCEEDED, f"talk-{number}.mp3")
                enhancement = await jobs.result(key)
                assert enhancement is not None
                assert await jobs.client.presigned_download_url(enhancement)
                made.add(enhancement.id)
            assert len(made) == 5
            assert kept_in(tmp_path) == []
            assert jobs._jobs == {}  # what is done is not in memory


async def test_any_worker_tells_of_any_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_STATUS_SECONDS", 0.005)
    async with (
        held_service() as (service, enhancer),
        worker(service, tmp_path) as one,
        worker(service, tmp_path) as other,
    ):
        key = await accept(one)
        assert (await other.find(key)).name == "talk-0.mp3"
        told = await other.events(key)
        assert b'"key": ' in await anext(told)
        # The same key again is the same job, at whichever worker.
        assert await accept(other, key=key) == key
        with pytest.raises(InvalidInputError, match="strength 93"):
            await other.accept(upload(), "talk.mp3", strength=50, key=key)
        enhancer.let.set()
        assert (await over(one, key)).status == JobStatus.SUCCEEDED
        assert (await other.find(key)).status == JobStatus.SUCCEEDED
        assert b"event: finished\n" in [piece async for piece in told][-1]
        assert await other.result(key) == await one.result(key)
        assert service.count("POST /assets", 201) == 1
    assert sorted(path.name for path in tmp_path.glob("*.sqlite")) == [
        "worker-0.sqlite",
        "worker-1.sqlite",
    ]


async def test_what_a_worker_that_is_gone_left_is_taken_up_by_one_that_is_there(
    tmp_path: Path,
) -> None:
    async with held_service() as (service, enhancer):
        async with worker(service, tmp_path), worker(service, tmp_path) as gone:
            key = await accept(gone)
        async with worker(service, tmp_path, look_every=0.005) as jobs:
            enhancer.let.set()
            assert (await until_finished(jobs, key)).status == JobStatus.SUCCEEDED
            # It let go of that journal, for a worker that comes.
            while len(jobs._journals._held) > 1:
                await asyncio.sleep(0.005)
            async with worker(service, tmp_path) as again:
                assert again._own.path.name == "worker-1.sqlite"


@pytest.mark.parametrize("submitted", [False, True])
async def test_any_worker_cancels_any_job(
    submitted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_STATUS_SECONDS", 0.005)
    async with (
        held_service() as (service, enhancer),
        worker(service, tmp_path) as one,
        worker(service, tmp_path) as other,
    ):
        keys = [await accept(one, number) for number in range(4)]
        await enhancer.begun.wait()
        key = keys[0 if submitted else 3]
        # The journal may know of it a moment later than the server.
        while submitted and (await other.find(key)).enhancement_id is None:
            await asyncio.sleep(0.005)
        assert await other.cancel(key) is not submitted
        with pytest.raises(NoResultError, match="cancelled"):
            await other.result(key)
        while key in one._jobs:  # the journal knows a moment before
            await asyncio.sleep(0.005)
        assert await other.cancel(key) is None
        assert asked(tmp_path) == []
        # The same key begins again, at whichever worker, and is not cancelled once more.
        enhancer.let.set()
        assert await accept(other, key=key) == key
        assert (await over(other, key)).status == JobStatus.SUCCEEDED


async def test_what_nobody_could_cancel_in_time_is_cancelled_by_whoever_resumes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "_STATUS_SECONDS", 0.005)
    monkeypatch.setattr(kept, "_CANCELLING_SECONDS", 0.01)
    async with held_service() as (service, enhancer):
        async with worker(service, tmp_path), worker(service, tmp_path) as gone:
            key = await accept(gone)
            await enhancer.begun.wait()
        async with worker(service, tmp_path) as one:  # it has the first journal, not that one
            assert await one.cancel(key) is False
        async with worker(service, tmp_path, look_every=0.005) as jobs:
            assert (await until_finished(jobs, key)).status == JobStatus.FAILED
        assert asked(tmp_path) == []


@pytest.mark.virtual_time
async def test_when_its_end_is_told_its_place_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted = JournalRow.note_failed

    async def slowly(self: JournalRow, error: AudioEnhanceError, **about: Any) -> None:
        await noted(self, error, **about)
        await asyncio.sleep(1.0)

    monkeypatch.setattr(JournalRow, "note_failed", slowly)
    async with held_service() as (service, _), worker(service, tmp_path) as jobs:
        key = await accept(jobs)
        assert await jobs.cancel(key)
        await over(jobs, key)
        assert jobs.client.waiting == 0


async def test_a_request_to_cancel_does_not_outlive_its_job(tmp_path: Path) -> None:
    async with held_service() as (service, _), worker(service, tmp_path) as jobs:
        await jobs._cancellations.ask("failed before")
        await accept(jobs, key="failed before")
        assert asked(tmp_path) == []


async def test_what_is_done_is_known_for_as_long_as_is_said(
    enhance_service: LocalService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with worker(enhance_service, tmp_path), worker(enhance_service, tmp_path) as gone:
        await over(gone, await accept(gone, 0, key="of a worker that is gone"))
    async with worker(enhance_service, tmp_path) as jobs:
        await over(jobs, await accept(jobs, 1, key="done"))
    monkeypatch.setattr(kept, "_TRIM_SECONDS", 0.005)
    for keep, known in ((None, True), (3600.0, True), (0.0, False)):
        jobs = KeptJobs(
            lambda: client_of(enhance_service), tmp_path, look_every=3600, keep_done=keep
        )
        async with jobs:
            for key in ("done", "of a worker that is gone"):
                if known:
                    assert (await jobs.find(key)).finished
                    continue
                with pytest.raises(UnknownJobError):
                    while True:
                        await jobs.find(key)
                        await asyncio.sleep(0.005)


async def test_a_job_that_is_over_leaves_memory_and_one_that_begins_again_stays(
    tmp_path: Path,
) -> None:
    async with held_service() as (service, enhancer), worker(service, tmp_path) as jobs:
        key = await accept(jobs, key="mine")
        job = jobs._jobs[key]
        await enhancer.begun.wait()
        await jobs.cancel(key)
        await asyncio.wait([job.task])
        await accept(jobs, key=key)
        await asyncio.sleep(0)
        assert jobs._jobs[key] is not job
        enhancer.let.set()
        await over(jobs, key)
        await asyncio.sleep(0)
        assert jobs._jobs == {}


async def test_a_cancelled_job_is_not_resumed(tmp_path: Path) -> None:
    async with held_service() as (service, _):
        async with worker(service, tmp_path) as jobs:
            keys = [await accept(jobs, number) for number in range(4)]
            # One before its task has begun, one at the server or on its way there.
            assert await jobs.cancel(keys[3])
            await jobs.cancel(keys[0])
        async with worker(service, tmp_path) as jobs:
            for key in (keys[0], keys[3]):
                assert (await jobs.find(key)).status == JobStatus.FAILED
                with pytest.raises(NoResultError, match="cancelled"):
                    await jobs.result(key)
                assert await jobs.cancel(key) is None
            assert set(jobs._jobs) == {keys[1], keys[2]}


@pytest.mark.enhance_service(faults=Faults(failed_enhancement=1.0))
async def test_a_failed_job_says_why_and_begins_again_with_its_key(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    async with worker(enhance_service, tmp_path) as jobs:
        key = await accept(jobs)
        assert (await over(jobs, key)).status == JobStatus.FAILED
        with pytest.raises(NoResultError, match="could not enhance"):
            await jobs.result(key)
        enhance_service.faults = Faults()
        assert await accept(jobs, key=key) == key
        assert (await over(jobs, key)).status == JobStatus.SUCCEEDED


async def test_what_nobody_accepted_is_unknown(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    async with worker(enhance_service, tmp_path) as jobs:
        for look in (jobs.find, jobs.result, jobs.cancel, jobs.events):
            with pytest.raises(UnknownJobError):
                await look("unknown")


async def test_where_there_is_no_room_nothing_is_read(tmp_path: Path) -> None:
    read: list[str] = []

    async def untouched() -> AsyncGenerator[bytes]:
        read.append("something")
        yield RECORDING

    behaviour = Behaviour(ready_lag=3600)
    async with (
        LocalService(behaviour=behaviour, enhancer=Rehearsal()) as service,
        KeptJobs(lambda: client_of(service, max_waiting=1), tmp_path) as jobs,
    ):
        await accept(jobs)
        with pytest.raises(TooManyWaitingError):
            await jobs.accept(untouched(), "talk.mp3", strength=93)
    assert read == []


async def test_a_client_that_cannot_be_made_lets_go_of_the_journal(tmp_path: Path) -> None:
    def unmade() -> EnhanceClient:
        raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await KeptJobs(unmade, tmp_path).__aenter__()
    assert [path.name for path in tmp_path.glob("*.sqlite")] == ["worker-0.sqlite"]
