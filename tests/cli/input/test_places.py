"""Whether files can be written where they are to go, found before anything is paid for."""

import errno
import os
import tempfile
from pathlib import Path
from typing import Self

import pytest

from audio_enhance import AudioEnhanceError, InvalidInputError, OutputError
from audio_enhance.cli.input.places import check_results, is_full, journal_files


def test_a_folder_is_made_and_nothing_is_left_in_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    check_results(folder)
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_file_in_its_place_is_said_to_be_no_folder(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="Not a directory") as caught:
        check_results(tmp_path / place)
    assert "--output-dir" in str(caught.value)


def test_a_disk_that_is_full_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def write(self, _: bytes) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(**_: object) -> Full:
        return Full()

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(InvalidInputError, match="No space left"):
        check_results(tmp_path)


def test_a_journal_behind_a_link_is_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    names = [path.name for path in journal_files(tmp_path / "link")]
    assert names == ["real", "real-wal", "real-shm", "real.lock"]


@pytest.mark.parametrize(
    ("number", "full"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_no_room_for_one_is_none_for_the_others(number: int, full: bool) -> None:
    error = OutputError("no")
    error.__cause__ = OSError(number, "no")
    assert is_full(error) is full
    other = AudioEnhanceError("no")
    other.__cause__ = OSError(number, "no")
    assert not is_full(other)
    assert not is_full(OutputError("no"))
    assert not is_full(None)
