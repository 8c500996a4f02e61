"""Jobs that are accepted for good: with a key of the caller's, with data that is kept."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    EnhanceClient,
    EnhanceResult,
    EntryState,
    InvalidInputError,
    Job,
    JobStatus,
    Journal,
    JournalError,
    OutputExistsError,
    RateLimits,
    Source,
)
from audio_enhance._journal.rows import Rows
from audio_enhance.local.enhancer import Rehearsal

from .support import CREATE, PUT, Bench, bench, files_below

RECORDING = b"ID3 something said " * 40


class Upload:
    """A recording that arrives, and counts how much of it was read."""

    def __init__(self, data: bytes = RECORDING) -> None:
        self.data = data
        self.read = 0

    async def pieces(self) -> AsyncGenerator[bytes]:
        for start in range(0, len(self.data), 100):
            await asyncio.sleep(0)
            self.read += 1
            yield self.data[start : start + 100]

    def source(self, folder: Path | None = None) -> Coroutine[Any, Any, Source]:
        return Source.spool(self.pieces(), "talk.mp3", keep_in=folder)


async def states(journal: Journal) -> list[EntryState]:
    return [entry.state async for entry in journal.entries()]


async def accepted(
    client: EnhanceClient, journal: Journal, b: Bench, key: str | None, name: str = "talk.mp3"
) -> Job:
    data = RECORDING + name.encode()
    return await client.submit(
        Source.spool(Upload(data).pieces(), name, keep_in=b.folder / "kept"),
        strength=93,
        journal=journal,
        key=key,
        output_dir=b.out,
    )


class TestKeptData:
    async def test_whatever_was_accepted_is_enhanced_after_a_restart(self, tmp_path: Path) -> None:
        kept = tmp_path / "kept"
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            slow = RateLimits(creations_per_minute=2, clock=b.clock)
            async with b.another(b.service.credentials, limits=slow) as client:
                for number in range(12):
                    await accepted(client, journal, b, None, f"talk-{number}.mp3")
                # It is closed at once: hardly anything was begun.
            left = len(files_below(kept))
            assert left >= 10
            jobs = await b.client.take_up(journal, output_dir=b.out)
            assert len(jobs) >= left
            for job in jobs:
                await job
            assert await states(journal) == [EntryState.SUCCEEDED] * 12
            assert files_below(kept) == set()
            assert b.count(CREATE) == 12

    async def test_it_is_gone_with_its_job(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            await (await accepted(b.client, journal, b, None))
            assert files_below(tmp_path / "kept") == set()
            [entry] = [entry async for entry in journal.entries()]
            assert entry.spooled is None

    async def test_it_is_gone_with_its_row(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            slow = RateLimits(creations_per_minute=1, clock=b.clock)
            async with b.another(b.service.credentials, limits=slow) as client:
                for number in range(3):
                    await accepted(client, journal, b, None, f"talk-{number}.mp3")
            entries = [entry async for entry in journal.entries()]
            assert len(files_below(tmp_path / "kept")) >= 2
            assert await journal.forget(entry.source for entry in entries) == 3
            assert files_below(tmp_path / "kept") == set()

    async def test_without_a_journal_it_is_gone_with_its_source(self, tmp_path: Path) -> None:
        source = await Source.spool(Upload().pieces(), "talk.mp3", keep_in=tmp_path)
        assert len(files_below(tmp_path)) == 2  # with the mark of whoever it belongs to
        source.close()
        assert files_below(tmp_path) == set()

    async def test_what_was_changed_meanwhile_is_told(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            async with b.another(b.service.credentials) as client:
                await accepted(client, journal, b, None)
            for file in files_below(tmp_path / "kept"):
                file.write_bytes(b"ID3 something else")
            assert await b.client.take_up(journal) == []
            [entry] = [entry async for entry in journal.entries()]
            assert entry.state == EntryState.FAILED
            assert "has changed" in str(entry.error)

    async def test_what_cannot_be_written_down_is_not_accepted(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:

            async def full(self: Rows, entry: object) -> None:
                raise JournalError("The disk is full.")

            with monkeypatch.context() as patched:
                patched.setattr(Rows, "save", full)
                with pytest.raises(JournalError):
                    await accepted(b.client, journal, b, "order 17")
            assert files_below(tmp_path / "kept") == set()
            assert b.client.waiting == 0
            await (await accepted(b.client, journal, b, "order 17"))


class TestKeys:
    @pytest.mark.parametrize("journal", [True, False])
    async def test_the_same_key_is_the_same_job(self, tmp_path: Path, journal: bool) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as opened:
            kept = opened if journal else None
            first, again = Upload(), Upload()
            # At once, while the first one is still arriving, and later.
            jobs = await asyncio.gather(
                *(
                    b.client.submit(
                        Source.spool(upload.pieces(), "talk.mp3"),
                        strength=93,
                        key="order 17",
                        journal=kept,
                    )
                    for upload in (first, again)
                )
            )
            assert jobs[0] is jobs[1]
            assert again.read == 0
            await jobs[0]
            later = await b.client.submit(RECORDING, strength=93, key="order 17", journal=kept)
            assert later is jobs[0]
            assert b.count(CREATE) == 1

    async def test_also_after_a_restart(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b:
            async with (
                await Journal.open(b.journal) as journal,
                b.another(b.service.credentials) as client,
            ):
                await accepted(client, journal, b, "order 17")
            async with await Journal.open(b.journal) as journal:
                [taken_up] = await b.client.take_up(journal, output_dir=b.out)
                assert await accepted(b.client, journal, b, "order 17") is taken_up
                result = await taken_up
            del taken_up
            async with (
                await Journal.open(b.journal) as journal,
                b.another(b.service.credentials) as client,
            ):
                assert await client.take_up(journal) == []
                job = await accepted(client, journal, b, "order 17")
                assert (await job).enhancement.id == result.enhancement.id
                assert (await job).path == result.path
            data = RECORDING + b"talk.mp3"
            assert result.path.read_bytes() == Rehearsal.expected(data, 93)
            assert files_below(tmp_path / "kept") == set()
            assert (b.count(CREATE), b.count(PUT)) == (1, 1)

    async def test_keys_tell_jobs_of_the_same_recording_apart(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            jobs = [
                await b.client.submit(RECORDING, strength=93, key=key, journal=journal)
                for key in ("one", "two")
            ]
            assert jobs[0] is not jobs[1]
            for job in jobs:
                await job
            assert b.count(CREATE) == 1  # which is one piece of work all the same
            assert await states(journal) == [EntryState.SUCCEEDED] * 2

    async def test_a_job_that_failed_is_begun_again(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            job = await b.client.submit(RECORDING, strength=93, key="order 17", journal=journal)
            job.cancel()
            await asyncio.wait([job.task])
            again = await b.client.submit(RECORDING, strength=93, key="order 17", journal=journal)
            assert again is not job
            await again
            assert again.status is JobStatus.SUCCEEDED
            assert await states(journal) == [EntryState.SUCCEEDED]

    async def test_a_job_that_was_cancelled_is_not_taken_up(self, tmp_path: Path) -> None:
        async with (
            bench(tmp_path, seconds=600) as b,
            await Journal.open(b.journal) as journal,
        ):
            begun, unbegun, closed = [
                await b.client.submit(
                    RECORDING + key.encode(), strength=93, key=key, journal=journal
                )
                for key in "abc"
            ]
            # Of data that was not uploaded, nothing could be taken up.
            while not all([entry.asset_id async for entry in journal.entries()]):
                await asyncio.sleep(0.01)
            begun.cancel()
            late = await b.client.submit(RECORDING, strength=93, key="late", journal=journal)
            late.cancel()  # its task has not begun
            await asyncio.wait([begun.task, late.task])
            assert (late.status, late.key) == (JobStatus.CANCELLED, "late")
            for key in ("a", "late"):
                entry = await journal.entry_with(key)
                assert entry is not None
                assert "cancelled" in str(entry.error)
            await b.client.aclose()
            await b.client.__aenter__()
            keys = {job.key for job in await b.client.take_up(journal)}
            assert keys == {job.key for job in (unbegun, closed)}

    async def test_another_strength_is_no_such_job(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            job = await b.client.submit(RECORDING, strength=93, key="order 17", journal=journal)
            with pytest.raises(InvalidInputError, match="strength 93"):
                await b.client.submit(RECORDING, strength=50, key="order 17", journal=journal)
            await job


class TestTwins:
    async def test_identical_uploads_at_once_are_one_piece_of_work(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            jobs = await asyncio.gather(
                *(
                    b.client.submit(
                        Upload().source(tmp_path / "kept"), strength=93, journal=journal
                    )
                    for _ in range(2)
                )
            )
            ids = {(await job).enhancement.id for job in jobs}
            assert len(ids) == 1
            assert (b.count(CREATE), b.count(PUT)) == (1, 1)
            assert await states(journal) == [EntryState.SUCCEEDED]
            assert files_below(tmp_path / "kept") == set()

    async def test_one_that_cannot_have_its_place_does_not_speak_for_the_other(
        self, tmp_path: Path
    ) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            jobs = [await accepted(b.client, journal, b, None) for _ in range(2)]
            ends = await asyncio.gather(*jobs, return_exceptions=True)
            assert {type(end) for end in ends} == {EnhanceResult, OutputExistsError}
            assert await states(journal) == [EntryState.SUCCEEDED]
            assert b.count(CREATE) == 1
