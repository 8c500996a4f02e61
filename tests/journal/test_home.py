"""Where files are after a journal was moved: the disk tells."""

from pathlib import Path

import pytest

from audio_enhance._journal.home import Move


@pytest.fixture
def move(tmp_path: Path) -> Move:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
    return Move(str(tmp_path / "old"), str(tmp_path / "new"))


def test_as_far_from_the_journal_as_it_was(move: Move, tmp_path: Path) -> None:
    (tmp_path / "new" / "in").mkdir()
    (moved := tmp_path / "new" / "in" / "talk.mp3").touch()
    assert move.now(str(tmp_path / "old" / "in" / "talk.mp3")) == str(moved)


def test_beside_the_journals_folder_too(move: Move, tmp_path: Path) -> None:
    assert move.now(str(tmp_path / "old" / ".." / "in" / "a.mp3")) == str(tmp_path / "in" / "a.mp3")


def test_where_it_was_if_it_stayed_there_alone(move: Move, tmp_path: Path) -> None:
    (stayed := tmp_path / "old" / "talk.mp3").touch()
    assert move.now(str(stayed)) == str(stayed)


def test_at_the_new_place_if_it_is_in_both(move: Move, tmp_path: Path) -> None:
    for folder in ("old", "new"):
        (tmp_path / folder / "talk.mp3").touch()
    assert move.now(str(tmp_path / "old" / "talk.mp3")) == str(tmp_path / "new" / "talk.mp3")


def test_at_the_new_place_if_it_is_in_neither(move: Move, tmp_path: Path) -> None:
    assert move.now(str(tmp_path / "old" / "talk.mp3")) == str(tmp_path / "new" / "talk.mp3")


@pytest.mark.parametrize("name", ["talk.mp3 (016cc94d)", "", "\0", "in/talk.mp3"])
def test_what_is_no_absolute_path_stays_as_it_is(name: str, move: Move) -> None:
    assert move.now(name) == name


def test_what_no_disk_can_hold_stays_as_it_is(move: Move) -> None:
    assert move.now("/in/\0.mp3") == "/in/\0.mp3"
