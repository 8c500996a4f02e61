"""Places that are held, against other jobs of this process and against other processes."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audio_enhance import OutputExistsError
from audio_enhance._core.paths import RemotePath
from audio_enhance._transfer import held_places
from audio_enhance._transfer.held_places import Hold

NAME = "talk-enhanced-93p.mp3"
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="locks no parts of a file there")


@contextmanager
def held_elsewhere(path: Path, directory: Path) -> Generator["subprocess.Popen[bytes]"]:
    """Have another process hold a place in or below a folder for results."""
    code = (
        "import sys; from pathlib import Path;"
        "from audio_enhance._transfer.held_places import Hold;"
        f"place = Path({str(path)!r});"
        f"Hold(None, Path({str(directory)!r})).take(place); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_a_place_is_one_owners_until_it_is_given_back(tmp_path: Path) -> None:
    mine, also_mine, other = Hold("a", tmp_path), Hold("a", tmp_path), Hold("b", tmp_path)
    mine.take(tmp_path / NAME)
    also_mine.take(tmp_path / NAME)
    other.take(tmp_path / "another.mp3")
    for hold in (mine, also_mine):
        (tmp_path / "link").unlink(missing_ok=True)
        (tmp_path / "link").symlink_to(tmp_path)
        for path in (tmp_path / NAME, tmp_path / NAME.upper(), tmp_path / "link" / NAME):
            with pytest.raises(OutputExistsError, match="Another job writes its result to"):
                other.take(path)
        hold.release()
    other.take(tmp_path / NAME)
    other.release()
    other.release()
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
    assert not held_places._folders


def test_whoever_announces_a_place_first_has_it_before_anybody_looks(tmp_path: Path) -> None:
    mine, also_mine, other = Hold("a", tmp_path), Hold("a", tmp_path), Hold("b", tmp_path)
    mine.announce(tmp_path / "out" / NAME)  # there is no such folder yet
    also_mine.announce(tmp_path / "out" / NAME)
    for hold in (mine, also_mine):
        with pytest.raises(OutputExistsError, match="Another job writes its result to"):
            other.announce(tmp_path / "out" / ".." / "out" / NAME.upper())
        hold.release()
    other.announce(tmp_path / "out" / NAME)
    other.release()
    assert not held_places._announced


@posix_only
def test_another_process_has_a_place_as_long_as_it_lives(tmp_path: Path) -> None:
    hold = Hold("a", tmp_path)
    with held_elsewhere(tmp_path / NAME, tmp_path) as process:
        with pytest.raises(OutputExistsError, match="Another job writes its result to"):
            hold.take(tmp_path / NAME)
        hold.take(tmp_path / "another.mp3")
        hold.release()  # which leaves the file to the other
        with pytest.raises(OutputExistsError):
            hold.take(tmp_path / NAME)
        held_places.remove_left(tmp_path)  # it is not left yet
        with pytest.raises(OutputExistsError):
            hold.take(tmp_path / NAME)
        process.kill()
        process.wait()
        assert len(list(tmp_path.iterdir())) == 1
        held_places.remove_left(tmp_path)
        assert list(tmp_path.iterdir()) == []
        hold.take(tmp_path / NAME)
    hold.release()
    assert list(tmp_path.iterdir()) == []


@posix_only
def test_all_below_a_folder_for_results_is_held_there(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "link").symlink_to("sub")
    with held_elsewhere(tmp_path / "sub" / NAME, tmp_path) as process:
        assert list((tmp_path / "sub").iterdir()) == []
        hold = Hold("a", tmp_path)
        hold.take(tmp_path / NAME)
        with pytest.raises(OutputExistsError):
            hold.take(tmp_path / "link" / NAME)
        hold.release()
        process.kill()
        process.wait()
        held_places.remove_left(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"sub", "link"}


def test_other_folders_for_results_of_this_process_have_no_such_place(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    hold = Hold("a", tmp_path)
    hold.take(tmp_path / "sub" / NAME)
    with pytest.raises(OutputExistsError):
        Hold("b", tmp_path / "sub").take(tmp_path / "sub" / NAME)
    hold.release()
    assert not held_places._holds
    assert not held_places._folders


@posix_only
def test_a_file_that_was_just_removed_holds_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, opened = os.open, 0

    def open_and_lose(path: Path, flags: int, mode: int) -> int:
        nonlocal opened
        opened += 1
        fd = real(path, flags, mode)
        if opened == 1:
            path.unlink()  # as its last user does
        return fd

    monkeypatch.setattr(os, "open", open_and_lose)
    hold = Hold("a", tmp_path)
    hold.take(tmp_path / NAME)
    assert opened == 2
    assert len(list(tmp_path.iterdir())) == 1
    hold.release()
    assert list(tmp_path.iterdir()) == []


@posix_only
@pytest.mark.parametrize("kind", ["pipe", "folder", "link"])
def test_what_is_called_like_the_file_locks_nobody_out_and_stays(tmp_path: Path, kind: str) -> None:
    path = tmp_path / held_places._NAME
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "mine")
    hold = Hold("a", tmp_path)
    hold.take(tmp_path / NAME)
    with pytest.raises(OutputExistsError):
        Hold("b", tmp_path).take(tmp_path / NAME)
    hold.release()
    assert list(tmp_path.iterdir()) == [path]


@posix_only
def test_files_are_opened_for_so_many_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_places, "_MOST_FOLDERS", 1)
    folders = [tmp_path / "a", tmp_path / "b"]
    holds = [Hold("a", folder) for folder in folders]
    for folder, hold in zip(folders, holds, strict=True):
        folder.mkdir()
        hold.take(folder / NAME)
    assert [len(list(folder.iterdir())) for folder in folders] == [1, 0]
    for hold in holds:
        hold.release()
    assert [len(list(folder.iterdir())) for folder in folders] == [0, 0]


def test_a_place_in_a_bucket_is_one_owners_in_this_process() -> None:
    bucket = RemotePath("s3://bucket/clean")
    mine, other = Hold("a", bucket), Hold("b", bucket)
    mine.take(bucket / NAME)
    with pytest.raises(OutputExistsError, match="Another job writes its result to s3://bucket"):
        other.take(bucket / NAME)
    mine.release()
    other.take(bucket / NAME)
    other.release()
    held_places.remove_left(bucket)
    assert not held_places._folders
