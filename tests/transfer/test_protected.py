"""Files that stay, under whichever name a result would take their place."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audio_enhance import Journal, OutputError
from audio_enhance._transfer.protected import ProtectedFiles


def same(path: Path) -> Path:
    return path


def other_case(path: Path) -> Path:
    return path.with_name(path.name.upper())


def linked_folder(path: Path) -> Path:
    folder = path.parent / "link"
    folder.symlink_to(path.parent)
    return folder / path.name


def hard_link(path: Path) -> Path:
    os.link(path, link := path.with_name("another name"))
    return link


def soft_link(path: Path) -> Path:
    (link := path.with_name("a link")).symlink_to(path)
    return link


def refused(protected: ProtectedFiles, target: Path, what: str) -> None:
    with pytest.raises(OutputError, match=what) as caught:
        protected.check(target)
    assert "another output folder" in str(caught.value)


@pytest.mark.parametrize("name", [same, linked_folder, hard_link, soft_link])
def test_a_recording_by_any_name_of_it(name: Callable[[Path], Path], tmp_path: Path) -> None:
    (recording := tmp_path / "talk.mp3").write_bytes(b"ID3")
    protected = ProtectedFiles()
    protected.add_recordings([recording])
    refused(protected, name(recording), "a recording")


def test_a_recording_that_is_a_link_itself(tmp_path: Path) -> None:
    (recording := tmp_path / "talk.mp3").write_bytes(b"ID3")
    (link := tmp_path / "link.mp3").symlink_to(recording)
    protected = ProtectedFiles()
    protected.add_recordings([link])
    refused(protected, recording, "a recording")
    refused(protected, link, "a recording")


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("name", [same, other_case, linked_folder])
def test_other_files_whether_they_are_there_or_not(
    name: Callable[[Path], Path], there: bool, tmp_path: Path
) -> None:
    report = tmp_path / "report.csv"
    if there:
        report.touch()
    protected = ProtectedFiles()
    protected.add([report])
    refused(protected, name(report), "beside the results")


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal", ".lock"])
def test_a_journal_and_what_belongs_to_it(suffix: str, tmp_path: Path) -> None:
    protected = ProtectedFiles()
    protected.add_journal(tmp_path / "batch.sqlite")
    refused(protected, tmp_path / f"batch.sqlite{suffix}", "the journal")


def test_a_journal_behind_a_link(tmp_path: Path) -> None:
    (real := tmp_path / "real.sqlite").touch()
    (link := tmp_path / "link.sqlite").symlink_to(real)
    protected = ProtectedFiles()
    protected.add_journal(link)
    for name in (real, link, tmp_path / "real.sqlite-wal"):
        refused(protected, name, "the journal")


@pytest.mark.parametrize("name", [same, linked_folder, hard_link, soft_link])
async def test_the_journal_of_any_other_run(name: Callable[[Path], Path], tmp_path: Path) -> None:
    async with await Journal.open(tmp_path / "talk-enhanced-93p.mp3") as journal:
        refused(ProtectedFiles(), name(journal.path), "the journal of another run")
        refused(ProtectedFiles(), Path(f"{journal.path}-wal"), "the journal of another run")


def test_everything_else_may_be_replaced(tmp_path: Path) -> None:
    protected = ProtectedFiles()
    protected.add_recordings([tmp_path / "talk.mp3"])
    protected.add_journal(tmp_path / "batch.sqlite")
    (old := tmp_path / "talk-enhanced-93p.mp3").touch()
    protected.check(old)
    protected.check(tmp_path / "new.mp3")


def test_recordings_are_looked_at_only_when_something_would_be_replaced(tmp_path: Path) -> None:
    recording = tmp_path / "talk.mp3"
    protected = ProtectedFiles()
    protected.add_recordings([recording])
    protected.check(tmp_path / "new.mp3")
    recording.touch()  # only now, and it is known all the same
    refused(protected, recording, "a recording")
