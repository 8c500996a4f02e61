"""The rows of a journal as the package reads and writes them, whose calls no user needs."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import attrs

from audio_enhance._core.clock import Clock
from audio_enhance._core.redaction import redact

from .entry import NAMES, JournalEntry, entry_of, stored, text_of
from .names import here, written
from .result_file import settled

if TYPE_CHECKING:
    import sqlite3

    from .database import Database

COLUMNS = ", ".join(NAMES)
SELECT = f"SELECT {COLUMNS} FROM entries WHERE"  # noqa: S608  (names of our own)
UNSETTLED = "(placing IS NOT NULL OR state = 'downloading')"  # see `settled`
_IDENTITY = ("source", "strength", "key")
_UPSERT = (
    f"INSERT INTO entries ({COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608
    " ON CONFLICT (source, strength, key) DO UPDATE SET "
    + ", ".join(f"{n} = excluded.{n}" for n in NAMES if n not in {*_IDENTITY, "created_at"})
)
_UNFINISHED = "SELECT 1 FROM entries AS other WHERE other.state NOT IN ('succeeded', 'failed')"
_PATHS = ("source", "output", "placing", "temporary", "spooled")


class Rows:
    """What jobs read and write in an open journal.

    Attributes:
        clock: What tells the time.
        database: The file.
        alive: What is at work on a row, by the row's identity.
        api_version: The generation of the API that its jobs are at, once a run has told.
    """

    def __init__(self, database: "Database", clock: Clock) -> None:
        self.clock = clock
        self.database = database
        self.alive: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        self.api_version: str | None = None

    async def save(self, entry: JournalEntry) -> None:
        """Write an entry, in the place of the one that it is the next state of, if there is one.

        When this returns it is on the disk, and outlives the process and a power cut.

        Raises:
            JournalError: It cannot be written, because the disk is full for example.
        """
        now = self.clock.time()
        error = entry.error and redact(entry.error)
        entry = attrs.evolve(entry, error=error, created_at=now, updated_at=now)
        entry = _with_paths(entry, written)
        await self.database.rows(_UPSERT, *attrs.astuple(entry, recurse=False))

    async def entry(self, source: str, strength: int, key: str = "") -> JournalEntry | None:
        """Return what is known of a source at a strength; `Journal.entry` says more."""
        return await self.first(
            "source = ? AND strength = ? AND key = ?", written(source), strength, key
        )

    async def entry_with(self, key: str) -> JournalEntry | None:
        """Return what is known of the job that was begun with a key of the caller's."""
        return await self.first("key = ? AND key != ''", key)

    async def drop(self, entry: JournalEntry) -> None:
        """Take one row out of the journal."""
        await self.database.rows(
            "DELETE FROM entries WHERE source = ? AND strength = ? AND key = ?",
            written(entry.source),
            entry.strength,
            entry.key,
        )

    async def sources(self) -> list[str]:
        """Return the recordings that it knows, by their paths."""

        def read(connection: "sqlite3.Connection") -> list[str]:
            rows = connection.execute("SELECT DISTINCT source FROM entries").fetchall()
            moved = self.database.moved
            names = [here(text_of(name)) for (name,) in rows]
            return names if moved is None else [moved.now(name) for name in names]

        return await self.database.run(read)

    async def same_content(
        self, md5: str, byte_size: int, strength: int, client_id: str
    ) -> JournalEntry | None:
        """Return an entry with an enhancement of this content at this strength.

        One whose result is in its place comes first, then those that the server has finished,
        then those it may be at work on, last those that failed after they were submitted.

        Args:
            md5: 32 hexadecimal digits.
            byte_size: Length in bytes.
            strength: 0 to 100.
            client_id: The API client that can ask for the enhancement.
        """
        return await self.first(
            "md5 = ? AND byte_size = ? AND strength = ? AND client_id = ?"
            " AND asset_id IS NOT NULL AND enhancement_id IS NOT NULL"
            " AND state IN ('submitted', 'processed', 'downloading', 'succeeded', 'failed')"
            " ORDER BY state = 'failed', state = 'submitted', state != 'succeeded',"
            " updated_at DESC",
            md5,
            byte_size,
            strength,
            client_id,
        )

    async def same_upload(
        self, md5: str, byte_size: int, strength: int, client_id: str
    ) -> JournalEntry | None:
        """Return an entry with an asset of this content, one that was ready if there is any.

        Whether it is ready (still, or by now) is for the server to say: a run may have ended
        within its upload, or right after it. What was uploaded for the same strength comes first:
        that may be because the asset of another one is of no use for it.

        Args:
            md5: 32 hexadecimal digits.
            byte_size: Length in bytes.
            strength: What it is to be enhanced at.
            client_id: The API client that can use the asset.
        """
        return await self.first(
            "md5 = ? AND byte_size = ? AND client_id = ? AND asset_id IS NOT NULL"
            " AND state != 'queued'"
            " ORDER BY state = 'failed', strength != ?, state = 'uploading', updated_at DESC",
            md5,
            byte_size,
            client_id,
            strength,
        )

    async def deletable(self, client_id: str, asset_id: str | None = None) -> list[str]:
        """Return the assets whose results are all on disk, and that nothing unfinished can use.

        Args:
            client_id: The API client that can delete them.
            asset_id: Only this one.
        """

        def read(connection: "sqlite3.Connection") -> list[str]:
            rows = connection.execute(
                "SELECT asset_id FROM entries AS one"  # noqa: S608  (of our own)
                " WHERE asset_id = coalesce(?, asset_id) GROUP BY asset_id HAVING min("
                "state = 'succeeded' AND output IS NOT NULL AND client_id = ?"
                f" AND NOT EXISTS ({_UNFINISHED} AND other.source = one.source)"
                f" AND NOT EXISTS ({_UNFINISHED} AND other.md5 = one.md5))",
                [asset_id, client_id],
            )
            return [text_of(found) for (found,) in rows.fetchall()]

        return await self.database.run(read)

    async def asset_deleted(self, asset_id: str) -> None:
        """Take note that the server has an asset, and its enhancements, no longer."""
        await self.database.rows(
            "UPDATE entries SET asset_id = NULL, enhancement_id = NULL WHERE asset_id = ?", asset_id
        )
        for row in list(self.alive.values()):
            row.asset_deleted(asset_id)

    async def owner_of(self, output: str) -> JournalEntry | None:
        """Return the entry whose result a path is."""
        return await self.first(
            "output = ? OR placing = ? ORDER BY updated_at DESC", written(output), written(output)
        )

    async def first(self, condition: str, *values: object) -> JournalEntry | None:
        """Return the first entry that a condition holds for."""
        found = await self.read(f"{SELECT} {condition} LIMIT 1", *values)
        return found[0][1] if found else None

    async def read(self, statement: str, *values: object) -> list[tuple[Any, JournalEntry]]:
        """Return the entries that a statement finds, each with its row's last value."""
        given = [stored(value) for value in values]

        def found(connection: "sqlite3.Connection") -> list[tuple[Any, JournalEntry]]:
            rows = connection.execute(statement, given).fetchall()
            return [(row[-1], settled(self.here(entry_of(row)))) for row in rows]

        return await self.database.run(found)

    async def settle(self) -> None:
        """Write down what became of results whose run died between two writings."""
        found = await self.read(f"{SELECT} {UNSETTLED}")
        for _, entry in found:
            await self.save(entry)

    def here(self, entry: JournalEntry) -> JournalEntry:
        """Return an entry with the paths that its files have here and now."""
        entry = _with_paths(entry, here)
        moved = self.database.moved
        return entry if moved is None else _with_paths(entry, moved.now)


def _with_paths(entry: JournalEntry, change: Callable[[str], str]) -> JournalEntry:
    paths = {name: value for name in _PATHS if (value := getattr(entry, name)) is not None}
    changed = {name: now for name, value in paths.items() if (now := change(value)) != value}
    changes: dict[str, Any] = changed
    return attrs.evolve(entry, **changes) if changes else entry
