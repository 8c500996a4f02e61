"""A journal's tables: those of every earlier version are brought up, whole or not at all."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from audio_enhance._core.errors import JournalError
from audio_enhance._core.journal_file import APPLICATION_ID
from audio_enhance._journal import schema
from audio_enhance._journal.entry import NAMES, EntryState, JournalEntry
from audio_enhance._journal.journal import Journal, rows_of
from tests.support import journals
from tests.support.journals import all_of, done, opening

path = journals.path
nothing_left = journals.nothing_left


class TestVersions:
    async def test_an_older_journal_is_brought_up(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with await Journal.open(path) as journal:
            await rows_of(journal).save(done("a", EntryState.SUCCEEDED))
            before = await all_of(journal)
        steps = schema.MIGRATIONS
        more = (*steps, "ALTER TABLE entries ADD COLUMN colour TEXT DEFAULT 'red';")
        monkeypatch.setattr(schema, "MIGRATIONS", more)
        for _ in range(2):  # once only
            async with await Journal.open(path) as journal:
                assert await journal._database.rows("SELECT colour FROM entries") == [("red",)]
                assert await all_of(journal) == before

    async def test_the_first_version_is_brought_up(self, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as first:
            first.executescript(
                f"{schema.MIGRATIONS[0]} PRAGMA user_version = 1;"
                f" PRAGMA application_id = {APPLICATION_ID};"
                " INSERT INTO entries (source, strength, created_at, updated_at)"
                " VALUES ('/in/talk.mp3', 93, 1.0, 1.0);"
            )
        async with await Journal.open(path) as journal:
            entry = await journal.entry("/in/talk.mp3", 93)
            known = JournalEntry(source="/in/talk.mp3", strength=93, created_at=1.0, updated_at=1.0)
            assert entry == known
            await rows_of(journal).save(attrs.evolve(known, content_type="audio/mpeg"))
            entry = await journal.entry("/in/talk.mp3", 93)
            assert entry is not None
            assert entry.content_type == "audio/mpeg"

    async def test_a_step_that_fails_leaves_it_as_it_was(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with await Journal.open(path) as journal:
            await rows_of(journal).save(done("a", EntryState.SUCCEEDED))
        steps = schema.MIGRATIONS
        with monkeypatch.context() as patched:
            patched.setattr(schema, "MIGRATIONS", (*steps, "DROP TABLE entries; NONSENSE;"))
            with pytest.raises(JournalError, match="NONSENSE"):
                await opening(path)
        async with await Journal.open(path) as journal:
            assert len(await all_of(journal)) == 1


@pytest.fixture
def tables() -> Iterator[sqlite3.Connection]:
    """A database in memory, empty."""
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def version_of(connection: sqlite3.Connection) -> int:
    [[version]] = connection.execute("PRAGMA user_version")
    return int(version)


class TestSteps:
    @pytest.mark.parametrize("version", range(len(schema.MIGRATIONS)))
    def test_from_every_version_to_the_same_columns(
        self, tables: sqlite3.Connection, version: int
    ) -> None:
        whole = schema.MIGRATIONS
        for step in whole[:version]:
            tables.executescript(step)
        schema.bring_up(tables, version)
        assert version_of(tables) == len(whole)
        columns = {row[1] for row in tables.execute("PRAGMA table_info(entries)")}
        assert columns == {*NAMES, "id"}

    def test_the_steps_before_one_that_fails_stay(
        self, tables: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = schema.MIGRATIONS[0]
        monkeypatch.setattr(schema, "MIGRATIONS", (first, "DROP TABLE entries; NONSENSE;"))
        with pytest.raises(sqlite3.Error, match="NONSENSE"):
            schema.bring_up(tables, 0)
        assert version_of(tables) == 1
        assert not tables.in_transaction
        assert tables.execute("SELECT count(*) FROM entries").fetchall() == [(0,)]

    def test_an_earlier_one_that_is_only_looked_at_has_all_columns(
        self, tables: sqlite3.Connection
    ) -> None:
        tables.executescript(
            schema.MIGRATIONS[0] + "INSERT INTO entries (source, strength, created_at, updated_at)"
            " VALUES ('/in/talk.mp3', 93, 1.0, 1.0);"
        )
        schema.complete(tables, 1)
        found = tables.execute("SELECT key, gone, filename FROM entries").fetchall()
        assert found == [("", 0, None)]


class TestMoving:
    def test_paths_go_along_and_a_row_that_is_there_already_stays(
        self, tables: sqlite3.Connection
    ) -> None:
        schema.bring_up(tables, 0)
        schema.move_in(tables, Path("/old"))
        assert schema.home_of(tables) == "/old"
        for source, output in [("/old/a.mp3", "/old/out/a.mp3"), ("/new/b.mp3", None),
                               ("/old/b.mp3", None), ("bytes (md5)", None)]:  # fmt: skip
            tables.execute(
                "INSERT INTO entries (source, strength, output, created_at, updated_at)"
                " VALUES (?, 93, ?, 1.0, 1.0)",
                (source, output),
            )
        schema.move_in(tables, Path("/new"))
        assert schema.home_of(tables) == "/new"
        found = tables.execute("SELECT source, output FROM entries ORDER BY id").fetchall()
        assert found == [
            ("/new/a.mp3", "/new/out/a.mp3"),
            ("/new/b.mp3", None),
            ("/old/b.mp3", None),
            ("bytes (md5)", None),
        ]
