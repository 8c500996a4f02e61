"""What `enhance` adds to a job: a name, a time, a journal, and files that are open."""

import asyncio
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    EntryState,
    InvalidSourceError,
    Journal,
    OutputExistsError,
    Source,
    WaitTimeoutError,
)
from audio_enhance.local.enhancer import Rehearsal

from .support import CREATE, CREATE_ASSET, bench

DATA = b"ID3" + bytes(1000)


async def test_an_open_file_is_enhanced_and_its_copy_goes(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        result = await b.client.enhance(io.BytesIO(DATA), filename="talk.mp3", output_dir=b.out)
        assert result.path == b.out / "talk-enhanced-93p.mp3"
        assert result.path.read_bytes() == Rehearsal.expected(DATA, 93)


async def test_open_files_in_a_batch(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        files = [io.BytesIO(DATA + bytes([number])) for number in range(3)]
        files.insert(1, io.BytesIO(b"nothing that is known"))
        report = await b.batch(files, [50, 93])
        assert [outcome.ok for outcome in report] == [True] * 2 + [False] * 2 + [True] * 4
        assert [outcome.source for outcome in report] == [file for file in files for _ in (50, 93)]
        assert b.count(CREATE_ASSET) == 3


async def test_a_recording_goes_by_the_name_that_is_given(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        for source in (b.source("x.mp3"), DATA):
            result = await b.client.enhance(
                source, filename="talk.mp3", output_dir=b.out, overwrite=True
            )
            assert result.path.name == "talk-enhanced-93p.mp3"
            assert result.asset.filename == "talk.mp3"
        for named in (Source.from_bytes(DATA, "y.mp3"), Source.spool(_chunks(), "y.mp3")):
            with pytest.raises(InvalidSourceError, match=r"has its name|cannot rename"):
                await b.client.submit(named, filename="talk.mp3")
        assert b.count(CREATE) == 2


async def _chunks() -> AsyncIterator[bytes]:
    yield DATA


async def test_the_folder_and_the_strength_have_defaults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with bench(tmp_path) as b:
        [source] = b.sources(1)
        result = await b.client.enhance(source)
        assert result.path == tmp_path / "enhanced" / "talk-00000-enhanced-93p.mp3"
        job = await b.client.submit(source)
        assert (await job).saved is None
        assert job.strength == 93


async def test_a_call_takes_no_longer_than_it_may(tmp_path: Path) -> None:
    async with bench(tmp_path, seconds=100.0) as b:
        [source] = b.sources(1)
        began = b.clock.monotonic()
        with pytest.raises(WaitTimeoutError, match="within 30 s") as caught:
            await b.client.enhance(source, output_dir=b.out, timeout=30, journal=b.journal)
        assert b.clock.monotonic() - began == pytest.approx(30, abs=1)
        assert caught.value.enhancement_id is not None
        # What was submitted goes on, and the same call resumes it.
        result = await b.client.enhance(source, output_dir=b.out, timeout=200, journal=b.journal)
        assert result.enhancement.id == caught.value.enhancement_id
        assert b.count(CREATE) == 1


class _SlowVault:
    """A token provider whose own time is up."""

    client_id = "id"

    async def token(self) -> str:
        raise TimeoutError("the vault")

    def reject(self, token: str) -> None: ...


@pytest.mark.parametrize("timeout", [None, 30])
async def test_a_timeout_of_somebody_else_is_not_taken_for_its_own(
    tmp_path: Path, timeout: float | None
) -> None:
    async with bench(tmp_path, auth=_SlowVault()) as b:
        with pytest.raises(TimeoutError, match="the vault"):
            await b.client.enhance(b.source("a.mp3"), output_dir=b.out, timeout=timeout)


async def test_what_is_done_is_returned_and_nobody_asked(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        [source] = b.sources(1)
        first = await b.client.enhance(source, output_dir=b.out, journal=b.journal)
        await b.forget()
        asked = len(b.service.record)
        again = await b.client.enhance(source, output_dir=b.out, journal=b.journal)
        assert len(b.service.record) == asked
        assert (again.path, again.asset.id, again.enhancement.id) == (
            first.path,
            first.asset.id,
            first.enhancement.id,
        )
        assert again.asset.checksum == first.asset.checksum
        assert again.note is None
        first.path.write_bytes(b"edited")
        changed = await b.client.enhance(source, output_dir=b.out, journal=b.journal)
        assert changed.path.read_bytes() == b"edited"
        assert changed.note is not None
        with pytest.raises(OutputExistsError):
            await b.client.enhance(source, output_dir=b.out)


async def test_what_is_done_is_returned_for_a_source_as_for_its_path(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        [path] = b.sources(1)
        first = await b.client.enhance(path, output_dir=b.out, journal=b.journal)
        await b.forget()
        asked = len(b.service.record)
        source = Source.from_path(path)
        again = await b.client.enhance(source, output_dir=b.out, journal=b.journal)
        assert len(b.service.record) == asked
        assert again.path == first.path


async def test_several_calls_share_an_open_journal(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
        sources = b.sources(3)
        results = await asyncio.gather(
            *(b.client.enhance(one, output_dir=b.out, journal=journal) for one in sources)
        )
        assert len({result.path for result in results}) == 3
        assert (await journal.counts())[EntryState.SUCCEEDED] == 3
