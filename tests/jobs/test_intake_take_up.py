"""Jobs that an earlier run submitted with a journal, at the next start."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import attrs
import pytest

from audio_enhance import EnhanceClient, InvalidSourceError, Job, Journal, Source
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import rows_of
from audio_enhance._journal.revived import revive
from audio_enhance.local.enhancer import Rehearsal

from .support import CREATE, CREATE_ASSET, PUT, bench, files_below

RECORDING = b"ID3 something said " * 40


async def pieces() -> AsyncGenerator[bytes]:
    yield RECORDING


async def submitted(client: EnhanceClient, source: Source | Path, journal: Journal) -> Job:
    """Submit a job, and return it when the server has its enhancement."""
    job = await client.submit(source, strength=93, journal=journal)
    async for event in job.events():
        if event.enhancement_id is not None:
            break
    return job


async def states(journal: Journal) -> dict[str, EntryState]:
    return {entry.source: entry.state async for entry in journal.entries()}


def odd(folder: Path) -> Source:
    path = folder / "odd.bin"
    path.write_bytes(RECORDING)
    return Source.from_path(path, content_type="audio/wav")


def other_name(folder: Path) -> Source:
    path = folder / "talk.mp3"
    path.write_bytes(RECORDING)
    return Source.from_path(path, filename="interview.wav", content_type="audio/flac")


@pytest.mark.parametrize("make", [odd, other_name])
async def test_a_source_is_what_it_was_said_to_be(
    make: Callable[[Path], Source], tmp_path: Path
) -> None:
    source = make(tmp_path)
    async with (
        bench(tmp_path, speed=100, seconds=60) as b,
        await Journal.open(b.journal) as journal,
    ):
        async with b.another(b.service.credentials) as client:
            await submitted(client, source, journal)
        [entry] = [entry async for entry in journal.entries()]
        revived = revive(entry)
        assert (revived.filename, revived.content_type) == (source.filename, source.content_type)
        [job] = await b.client.take_up(journal, output_dir=b.out)
        result = await job
        assert result.path.read_bytes() == Rehearsal.expected(RECORDING, 93)
        assert (b.count(CREATE_ASSET), b.count(PUT), b.count(CREATE)) == (1, 1, 1)


@pytest.mark.parametrize("spooled", [True, False])
async def test_data_that_is_gone_by_then_is_taken_up_once(spooled: bool, tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(RECORDING)
    source = await Source.spool(pieces(), "talk.mp3") if spooled else path
    async with (
        bench(tmp_path, speed=100, seconds=60) as b,
        await Journal.open(b.journal) as journal,
    ):
        async with b.another(b.service.credentials) as client:
            await submitted(client, source, journal)
        path.unlink()
        [job] = await b.client.take_up(journal, output_dir=b.out)
        await job
        assert set((await states(journal)).values()) == {EntryState.SUCCEEDED}
        assert await b.client.take_up(journal, output_dir=b.out) == []
        assert len(files_below(b.out)) == 1
        assert (b.count(PUT), b.count(CREATE)) == (1, 1)


async def test_one_that_cannot_be_taken_up_does_not_hold_up_the_others(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.mp3", "b.mp3")]
    for path in paths:
        path.write_bytes(RECORDING + path.name.encode())
    async with (
        bench(tmp_path, speed=100, seconds=60) as b,
        await Journal.open(b.journal) as journal,
    ):
        async with b.another(b.service.credentials) as client:
            for path in paths:
                await submitted(client, path, journal)
        first, second = [entry async for entry in journal.entries()]
        # As an earlier version wrote it, of a file whose name tells no type.
        nameless = tmp_path / "odd.bin"
        nameless.write_bytes(RECORDING)
        await rows_of(journal).save(attrs.evolve(first, source=str(nameless), content_type=None,
                                        filename=None))  # fmt: skip
        # Of data that was not uploaded.
        paths[1].unlink()
        await rows_of(journal).save(attrs.evolve(second, asset_id=None))
        jobs = await b.client.take_up(journal, output_dir=b.out)
        assert [job.source.filename for job in jobs] == ["a.mp3"]
        for job in jobs:
            await job
        found = {entry.source: entry async for entry in journal.entries()}
        for name in (str(nameless), str(paths[1])):
            assert found[name].state == EntryState.FAILED
            assert found[name].error
        assert "not uploaded" in str(found[str(paths[1])].error)


async def test_neither_file_nor_upload_is_an_error_that_says_so(tmp_path: Path) -> None:
    async with await Journal.open(tmp_path / "j.sqlite") as journal:
        await journal.plan([(str(tmp_path / "gone.mp3"), 93)])
        [entry] = [entry async for entry in journal.entries()]
    with pytest.raises(InvalidSourceError, match="not uploaded"):
        revive(entry)


async def test_downloads_of_jobs_that_share_a_journal_are_left_alone(tmp_path: Path) -> None:
    """A batch begins with the part files of a dead run, not with those of this one."""
    async with await Journal.open(tmp_path / "j.sqlite") as journal:
        [dead, living] = [tmp_path / f".audio-enhance-{name}.part" for name in ("dead", "living")]
        dead.touch()
        await journal.plan([("a", 93), ("b", 93)])
        first, second = [entry async for entry in journal.entries()]
        await rows_of(journal).save(attrs.evolve(first, temporary=str(dead)))
    async with bench(tmp_path) as b, await Journal.open(tmp_path / "j.sqlite") as journal:
        b.check(await b.batch([b.source("x.mp3")], journal=journal))
        assert not dead.exists()
        living.touch()
        await rows_of(journal).save(attrs.evolve(second, temporary=str(living)))
        b.check(await b.batch([b.source("y.mp3")], journal=journal))
        assert living.exists()


async def test_what_is_under_way_is_not_begun_again(tmp_path: Path) -> None:
    earlier, now = tmp_path / "earlier.mp3", tmp_path / "now.mp3"
    for path in (earlier, now):
        path.write_bytes(RECORDING + path.name.encode())
    async with (
        bench(tmp_path, speed=100, seconds=60) as b,
        await Journal.open(b.journal) as journal,
    ):
        async with b.another(b.service.credentials) as client:
            await submitted(client, earlier, journal)

        submitting = b.client.submit(now, strength=93, journal=journal, output_dir=b.out)
        takings = [b.client.take_up(journal, output_dir=b.out) for _ in range(3)]
        job, first = await asyncio.gather(submitting, asyncio.gather(*takings))
        second = await b.client.take_up(journal, output_dir=b.out)
        [taken_up] = [each for taking in (*first, second) for each in taking]
        assert taken_up.source.path == earlier
        await asyncio.gather(job, taken_up)
        assert set((await states(journal)).values()) == {EntryState.SUCCEEDED}
        assert len(files_below(b.out)) == 2


async def test_what_was_cancelled_with_its_client_is_taken_up_by_the_same_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(RECORDING)
    async with (
        bench(tmp_path, speed=100, seconds=60) as b,
        await Journal.open(b.journal) as journal,
    ):
        async with b.another(b.service.credentials) as client:
            cancelled = [await submitted(client, path, journal)]
            # Cancelled before its task has begun: it holds nothing either.
            other = tmp_path / "other.mp3"
            other.write_bytes(RECORDING * 2)
            cancelled.append(await client.submit(other, strength=93, journal=journal))
        async with client:
            jobs = await client.take_up(journal, output_dir=b.out)
            assert len(jobs) == len(cancelled)
            await asyncio.gather(*jobs)
        assert len(files_below(b.out)) == 2
