"""Which file is a journal, told by its first bytes."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audio_enhance._core.journal_file import APPLICATION_ID, files_of, is_journal, is_of_journal
from audio_enhance._journal.journal import Journal


async def test_a_journal_is_one(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    async with await Journal.open(path):
        assert is_journal(path)  # also while it is open
    assert is_journal(path)
    assert is_journal(os.fspath(path))


@pytest.mark.parametrize(("mark", "ours"), [(APPLICATION_ID, True), (0, False), (17, False)])
def test_a_database_is_one_by_its_mark(mark: int, ours: bool, tmp_path: Path) -> None:
    path = tmp_path / "some.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"PRAGMA application_id = {mark}; CREATE TABLE things (a);")
    assert is_journal(path) is ours


def test_the_mark_without_a_database_is_none(tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(bytes(68) + APPLICATION_ID.to_bytes(4, "big") + bytes(28))
    assert not is_journal(path)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"ID3" + bytes(200)])
def test_other_files_are_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "some"
    path.write_bytes(content)
    assert not is_journal(path)


def test_what_cannot_be_read_is_none_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in (tmp_path, tmp_path / "pipe", tmp_path / "missing", "\0"):
        assert not is_journal(name)


async def test_what_lies_beside_a_journal_is_of_it_and_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "result.mp3"
    async with await Journal.open(path):
        there = set(tmp_path.iterdir())
        assert len(there) == 4
        assert there < set(files_of(path))
    for file in files_of(path):
        assert is_of_journal(file)  # those that are gone too: the next run makes them
    for name in ("result", "result.mp3.bak", "other.mp3-wal", "-wal", ".lock"):
        assert not is_of_journal(tmp_path / name)
