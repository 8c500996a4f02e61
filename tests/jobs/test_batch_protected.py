"""Recordings, journals and reports of a run, whose place no result takes, whatever the options."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import BatchReport, Journal, JournalEntry, OutputError, Source
from audio_enhance._journal.journal import rows_of

from .support import CREATE_ASSET, Bench, bench


def plain(recording: Path, place: Path) -> None:
    """The recording lies in the place itself."""
    recording.rename(place)


def hard_link(recording: Path, place: Path) -> None:
    place.hardlink_to(recording)


def symbolic_link(recording: Path, place: Path) -> None:
    place.symlink_to(recording)


def refused(report: BatchReport, b: Bench) -> None:
    """It was said before anything was sent."""
    [error] = [outcome.error for outcome in report.failed]
    assert isinstance(error, OutputError)
    assert "would replace" in str(error)
    assert b.count(CREATE_ASSET) == len(report.succeeded)


@pytest.mark.parametrize("lie", [plain, hard_link, symbolic_link])
@pytest.mark.parametrize("pull", [list[Path], iter], ids=["known", "pulled"])
async def test_another_recording_of_the_run(
    lie: Callable[[Path, Path], None], pull: Callable[[list[Path]], Any], tmp_path: Path
) -> None:
    async with bench(tmp_path) as b:
        talk, other = b.source("talk.mp3"), b.source("other.mp3")
        b.out.mkdir()
        place = b.out / "talk-enhanced-93p.mp3"
        lie(other, place)
        sources = [place, talk]
        b.data[place] = b.data[other]
        report = await b.batch(pull(sources), overwrite=True)
        refused(report, b)
        assert place.read_bytes() == b.data[other]
        assert place.is_symlink() == (lie is symbolic_link)


@pytest.mark.parametrize("moved", [False, True])
async def test_a_recording_of_an_earlier_run(tmp_path: Path, moved: bool) -> None:
    """Its journal knows it, also after all of it was moved; this run has no use for it."""
    async with bench(tmp_path) as b:
        folder = tmp_path / "studio"
        folder.mkdir()
        place, journal = folder / "talk-enhanced-93p.mp3", folder / "j.sqlite"
        b.source("other.mp3").rename(place)
        assert (await b.batch([place], journal=journal)).ok
        if moved:
            folder = folder.rename(tmp_path / "moved")
            place, journal = folder / place.name, folder / journal.name
        before = place.read_bytes()
        sent = b.count(CREATE_ASSET)
        report = await b.client.enhance_batch(
            [b.source("talk.mp3")], strength=93, output_dir=folder, journal=journal, overwrite=True
        )
        assert "would replace a recording" in str(report[0].error)
        assert place.read_bytes() == before
        assert b.count(CREATE_ASSET) == sent


@pytest.mark.parametrize("redo", [False, True])
async def test_a_result_that_is_a_recording_now(tmp_path: Path, redo: bool) -> None:
    """An earlier result of ours, which would be replaced, is what another pass begins with."""
    async with bench(tmp_path) as b:
        talk = b.source("talk.mp3")
        [first] = await b.batch([talk], journal=b.journal)
        assert first.path is not None
        before = first.path.read_bytes()
        b.source("talk.mp3", b"ID3 recorded once more")
        sent = b.count(CREATE_ASSET)
        report = await b.batch([first.path, talk], journal=b.journal, overwrite=True, redo=redo)
        assert [type(outcome.error) for outcome in report] == [type(None), OutputError]
        assert first.path.read_bytes() == before
        assert b.count(CREATE_ASSET) == sent + 1


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
@pytest.mark.parametrize("spelling", [str, str.upper], ids=["as it is", "in capitals"])
async def test_the_journal(suffix: str, spelling: Callable[[str], str], tmp_path: Path) -> None:
    """The result would be called as the journal is, or as a file that belongs to it."""
    async with bench(tmp_path) as b:
        path = b.source(spelling(f"x.mp3{suffix}"), b"ID3 something")
        source = Source.from_path(path, content_type="audio/mpeg")
        result = f"{path.stem}-enhanced-93p{path.suffix}".lower()
        journal = b.out / result.removesuffix(suffix)
        refused(await b.batch([source], journal=journal, overwrite=True), b)
        assert (await b.batch([b.source("fine.mp3")], journal=journal)).ok  # it is whole


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", ".lock"])
async def test_the_journal_of_another_run(suffix: str, tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        name = f"x.mp3{suffix}"
        source = Source.from_path(b.source(name, b"ID3 something"), content_type="audio/mpeg")
        result = b.out / f"{Path(name).stem}-enhanced-93p{Path(name).suffix}"
        async with await Journal.open(str(result).removesuffix(suffix)) as other:
            await rows_of(other).save(JournalEntry(source="dear", strength=93))
            refused(await b.batch([source], journal=b.journal, overwrite=True), b)
            assert await other.entry("dear", 93)


async def test_a_journal_is_not_replaced_by_a_download(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        job = await b.client.submit(b.source("talk.mp3"), strength=93)
        enhancement = (await job).enhancement
        async with await Journal.open(b.out / "j.sqlite"):
            for name in ("j.sqlite", "j.sqlite-wal"):
                with pytest.raises(OutputError, match="would replace a journal"):
                    await b.client.download(
                        enhancement, output_dir=b.out, filename=name, overwrite=True
                    )
        assert Journal.recognises(b.out / "j.sqlite")


@pytest.mark.parametrize("there", [False, True])
async def test_a_report(tmp_path: Path, there: bool) -> None:
    async with bench(tmp_path) as b:
        b.out.mkdir()
        place = b.out / "talk-enhanced-93p.mp3"
        if there:
            place.write_bytes(b"a report")
        through = tmp_path / "link"
        through.symlink_to(b.out)
        given: Iterable[Path] = [through / place.name]
        report = await b.batch([b.source("talk.mp3")], overwrite=True, protected=given)
        refused(report, b)
        assert place.exists() == there


async def test_a_single_recording_is_not_replaced_by_its_own_result(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        talk = b.source("talk.mp3")
        b.out.mkdir()
        os.link(talk, b.out / "talk-enhanced-93p.mp3")
        with pytest.raises(OutputError, match="would replace a recording"):
            await b.client.enhance(talk, strength=93, output_dir=b.out, overwrite=True)
        assert b.count(CREATE_ASSET) == 0
        assert talk.stat().st_nlink == 2


async def test_a_recording_that_only_the_journal_of_a_job_knows(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        place = b.out / "talk-enhanced-93p.mp3"
        b.out.mkdir()
        b.source("other.mp3").rename(place)
        assert (await b.batch([place], journal=tmp_path / "j.sqlite")).ok
        before, sent = place.read_bytes(), b.count(CREATE_ASSET)
        async with await Journal.open(tmp_path / "j.sqlite") as journal:
            job = await b.client.submit(
                b.source("talk.mp3"),
                strength=93,
                output_dir=b.out,
                overwrite=True,
                journal=journal,
            )
            with pytest.raises(OutputError, match="would replace a recording"):
                await job
        assert place.read_bytes() == before
        assert b.count(CREATE_ASSET) == sent
