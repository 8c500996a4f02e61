"""What a batch has done so far, on disk: the next run repeats nothing that is dear."""

import os
from collections.abc import AsyncIterator, Callable, Hashable, Iterable
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakValueDictionary

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.clock import Clock, SystemClock
from audio_enhance._core.journal_file import is_journal
from audio_enhance._core.paths import absolute, path_of
from audio_enhance._core.redaction import redact
from audio_enhance._recording.spooled import remove_quietly

from .entry import NAMES, EntryState, JournalEntry, entry_of, state_of, stored, text_of
from .leftovers import remove_kept, remove_parts
from .lock import holder_of
from .names import here, written
from .result_file import settled

if TYPE_CHECKING:
    import sqlite3

    from .database import Database

# Four values each: SQLite before 3.32 takes 999 values for a statement at most.
_PLANNED_AT_ONCE = 240
_READ_AT_ONCE = 256

_COLUMNS = ", ".join(NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM entries WHERE"  # noqa: S608  (names of our own)
_IDENTITY = ("source", "strength", "key")
_UPSERT = (
    f"INSERT INTO entries ({_COLUMNS}) VALUES ({', '.join('?' * len(NAMES))})"  # noqa: S608
    " ON CONFLICT (source, strength, key) DO UPDATE SET "
    + ", ".join(f"{n} = excluded.{n}" for n in NAMES if n not in {*_IDENTITY, "created_at"})
)
_UNSETTLED = "(placing IS NOT NULL OR state = 'downloading')"  # see `settled`
_UNFINISHED = "SELECT 1 FROM entries AS other WHERE other.state NOT IN ('succeeded', 'failed')"
_PATHS = ("source", "output", "placing", "temporary", "spooled")


class Journal:
    """A SQLite file with a row for every source and strength of a batch.

    Made by `open` or `read`, and closed by `close` or `async with`. Whatever is cancelled on
    the way leaves each row as it was before the call or after it.

    Attributes:
        path: The file.
        alive: What is at work on a row, by the row's identity.
        api_version: The generation of the API that its jobs are at, once a run has told.
    """

    def __init__(self, database: "Database", clock: Clock) -> None:
        self.path = database.path
        self.alive: WeakValueDictionary[Hashable, Any] = WeakValueDictionary()
        self._database = database
        self._clock = clock
        self._cleaned = False
        self.api_version: str | None = None

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, clock: Clock | None = None) -> Self:
        """Open a journal for a run, and make it if it is not there.

        Args:
            path: The file, on a local disk.
            clock: What tells the time.

        Raises:
            JournalLockedError: Another run uses it.
            JournalError: It cannot be opened, or the file is something else.
        """
        return await cls._opened(path, clock or SystemClock(), writable=True)

    @classmethod
    async def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to look at it only, whether a run is at work on it or not.

        Raises:
            JournalError: It is not there, cannot be opened, or is no journal.
        """
        return await cls._opened(path, SystemClock(), writable=False)

    @staticmethod
    def recognises(path: str | os.PathLike[str]) -> bool:
        """Tell by a file's first bytes whether it is a journal; blocks for a moment.

        A folder that holds one holds results, too: that is where a run keeps its journal.
        """
        return is_journal(path)

    @staticmethod
    def in_use_by(path: str | os.PathLike[str]) -> int | None:
        """Return the id of the process that is at work on a journal, `None` if there is none.

        Blocks for a moment.
        """
        return holder_of(Path(path))

    @classmethod
    async def _opened(cls, path: str | os.PathLike[str], clock: Clock, *, writable: bool) -> Self:
        from .database import Database

        database = Database(Path(path), writable=writable)
        await database.open()
        journal = cls(database, clock)
        if writable:
            try:
                await journal._settle()
            except BaseException:
                await journal.close()
                raise
        return journal

    async def close(self) -> None:
        """Write what is under way, and let go of the file."""
        await self._database.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def entry(self, source: str, strength: int, key: str = "") -> JournalEntry | None:
        """Return what is known of a source at a strength.

        Args:
            source: Its absolute path, or what else names it.
            strength: 0 to 100.
            key: The caller's own key, if it was begun with one.
        """
        return await self._first(
            "source = ? AND strength = ? AND key = ?", written(source), strength, key
        )

    async def entry_with(self, key: str) -> JournalEntry | None:
        """Return what is known of the job that was begun with a key of the caller's."""
        return await self._first("key = ? AND key != ''", key)

    async def save(self, entry: JournalEntry) -> None:
        """Write an entry, in the place of the one that it is the next state of, if there is one.

        When this returns it is on the disk, and outlives the process and a power cut.

        Raises:
            JournalError: It cannot be written, because the disk is full for example.
        """
        now = self._clock.time()
        error = entry.error and redact(entry.error)
        entry = attrs.evolve(entry, error=error, created_at=now, updated_at=now)
        entry = _with_paths(entry, written)
        await self._database.rows(_UPSERT, *attrs.astuple(entry, recurse=False))

    async def plan(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Write down sources and strengths that are still to be done, as they are drawn.

        What is there already stays as it is. Memory does not grow with their number; a run that
        ends in the middle of it has written the first ones.
        """
        remaining = iter(jobs)
        while chunk := list(islice(remaining, _PLANNED_AT_ONCE)):
            now = self._clock.time()
            rows = ", ".join(["(?, ?, ?, ?)"] * len(chunk))
            await self._database.rows(
                "INSERT INTO entries (source, strength, created_at, updated_at)"  # noqa: S608
                f" VALUES {rows} ON CONFLICT (source, strength, key) DO NOTHING",
                *(
                    value
                    for source, strength in chunk
                    for value in (written(source), strength, now, now)
                ),
            )

    async def redo(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Write down that results are to be made once more, so that any later run goes on with it.

        What the server still has is fetched from there. Those that are there stay known as files
        of ours until then, which may be replaced.

        Args:
            jobs: Sources, as entries have them, and strengths; what is not done stays as it is.
        """
        remaining = iter(jobs)
        while chunk := list(islice(remaining, _PLANNED_AT_ONCE)):
            rows = ", ".join(["(?, ?)"] * len(chunk))
            await self._database.rows(
                "UPDATE entries SET state = 'processed', output_modified_ns = NULL"  # noqa: S608
                f" WHERE state = 'succeeded' AND (source, strength) IN (VALUES {rows})",
                *(value for source, strength in chunk for value in (written(source), strength)),
            )

    async def forget(
        self, sources: Iterable[str | os.PathLike[str]], *, strength: int | None = None
    ) -> int:
        """Take sources out of the journal, and return how many rows that were.

        Their recordings and results stay where they are, as files that no journal knows of; what
        was kept for their jobs goes.

        Args:
            sources: Paths, or the names that entries have; what is not in it does no harm.
            strength: Only at this strength; at every one if it is not given.
        """
        await self.remove_leftovers()
        count = 0
        for source in sources:
            deleted = await self._database.rows(
                "DELETE FROM entries WHERE source IN (?, ?) AND strength = coalesce(?, strength)"
                " RETURNING spooled",
                written(str(source)),
                written(absolute(source)),
                strength,
            )
            for (kept,) in deleted:
                if kept is not None:
                    await to_its_end(partial(remove_quietly, Path(here(text_of(kept)))))
            count += len(deleted)
        return count

    async def drop(self, entry: JournalEntry) -> None:
        """Take one row out of the journal."""
        await self._database.rows(
            "DELETE FROM entries WHERE source = ? AND strength = ? AND key = ?",
            written(entry.source),
            entry.strength,
            entry.key,
        )

    async def trim(self, seconds: float) -> int:
        """Take out jobs of a caller's own key that have been over for so long; return their number.

        Args:
            seconds: How long.
        """
        deleted = await self._database.rows(
            "DELETE FROM entries WHERE key != '' AND state IN ('succeeded', 'failed')"  # noqa: S608
            f" AND updated_at < ? AND spooled IS NULL AND NOT {_UNSETTLED} RETURNING id",
            self._clock.time() - seconds,
        )
        return len(deleted)

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
        return await self._first(
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

    async def same_upload(self, md5: str, byte_size: int, client_id: str) -> JournalEntry | None:
        """Return an entry with an asset of this content, one that was ready if there is any.

        Whether it is ready (still, or by now) is for the server to say: a run may have ended
        within its upload, or right after it.

        Args:
            md5: 32 hexadecimal digits.
            byte_size: Length in bytes.
            client_id: The API client that can use the asset.
        """
        return await self._first(
            "md5 = ? AND byte_size = ? AND client_id = ? AND asset_id IS NOT NULL"
            " AND state != 'queued'"
            " ORDER BY state = 'uploading', state = 'failed', updated_at DESC",
            md5,
            byte_size,
            client_id,
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

        return await self._database.run(read)

    async def asset_deleted(self, asset_id: str) -> None:
        """Take note that the server has an asset, and its enhancements, no longer."""
        await self._database.rows(
            "UPDATE entries SET asset_id = NULL, enhancement_id = NULL WHERE asset_id = ?", asset_id
        )
        for row in list(self.alive.values()):
            row.asset_deleted(asset_id)

    async def sources(self) -> list[str]:
        """Return the recordings that it knows, by their paths."""

        def read(connection: "sqlite3.Connection") -> list[str]:
            rows = connection.execute("SELECT DISTINCT source FROM entries").fetchall()
            moved = self._database.moved
            names = [here(text_of(name)) for (name,) in rows]
            return names if moved is None else [moved.now(name) for name in names]

        return await self._database.run(read)

    async def owner_of(self, output: str) -> JournalEntry | None:
        """Return the entry whose result a path is."""
        return await self._first(
            "output = ? OR placing = ? ORDER BY updated_at DESC", written(output), written(output)
        )

    async def counts(self) -> dict[EntryState, int]:
        """Return how many entries are in each state, those with none included."""

        def counted(connection: "sqlite3.Connection") -> dict[EntryState, int]:
            counts = dict.fromkeys(EntryState, 0)
            # Whether a result got its place is for the disk to say, see `settled`.
            for row in connection.execute(f"{_SELECT} {_UNSETTLED}").fetchall():
                counts[settled(self._here(entry_of(row))).state] += 1
            for state, count in connection.execute(
                f"SELECT state, count(*) FROM entries WHERE NOT {_UNSETTLED} GROUP BY state"  # noqa: S608
            ).fetchall():
                counts[state_of(state)] += count
            return counts

        return await self._database.run(counted)

    async def entries(self, *states: EntryState) -> AsyncIterator[JournalEntry]:
        """Yield the entries in some states, or all, in the order in which they came in.

        They are read as they are drawn, 256 at once; entries may be saved meanwhile.
        """
        wanted = frozenset(states or EntryState)
        others = frozenset(EntryState) - wanted
        among = ", ".join("?" * len(others))
        statement = (
            f"SELECT {_COLUMNS}, id FROM entries WHERE id > ?"  # noqa: S608
            f" AND (state NOT IN ({among}) OR {_UNSETTLED}) ORDER BY id LIMIT {_READ_AT_ONCE}"
        )
        last = 0
        while found := await self._read(statement, last, *others):
            for _, entry in found:
                if entry.state in wanted:
                    yield entry
            last = found[-1][0]

    async def setting(self, name: str) -> str | None:
        """Return what was written down under a name, if anything was."""
        given = [stored(name)]

        def read(connection: "sqlite3.Connection") -> str | None:
            rows = connection.execute("SELECT value FROM settings WHERE name = ?", given)
            row = rows.fetchone()
            return None if row is None else text_of(row[0])

        return await self._database.run(read)

    async def set_setting(self, name: str, value: str) -> None:
        """Write down something that holds for the whole batch; not for secrets."""
        await self._database.rows(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    async def path_setting(self, name: str) -> PurePath | None:
        """Return where a file or folder is that was written down under a name."""
        name_in_journal = await self.setting(f"path:{name}")
        if name_in_journal is None:
            return None
        moved = self._database.moved
        path = here(name_in_journal)
        return path_of(path if moved is None else moved.now(path))

    async def set_path_setting(self, name: str, path: str | os.PathLike[str]) -> None:
        """Write down a path that holds for the whole batch, and moves with the journal."""
        await self.set_setting(f"path:{name}", written(absolute(path)))

    async def remove_leftovers(self) -> list[Path]:
        """Remove what a run that died left, and return its part files.

        What was kept for jobs that are over goes, too.

        Only the first time: what is written down later belongs to downloads under way.
        """
        if self._cleaned:
            return []
        self._cleaned = True
        await remove_kept(self._database)
        return await remove_parts(self._database)

    async def _first(self, condition: str, *values: object) -> JournalEntry | None:
        found = await self._read(f"{_SELECT} {condition} LIMIT 1", *values)
        return found[0][1] if found else None

    async def _read(self, statement: str, *values: object) -> list[tuple[Any, JournalEntry]]:
        """Return the entries that a statement finds, each with its row's last value."""
        given = [stored(value) for value in values]

        def read(connection: "sqlite3.Connection") -> list[tuple[Any, JournalEntry]]:
            rows = connection.execute(statement, given).fetchall()
            return [(row[-1], settled(self._here(entry_of(row)))) for row in rows]

        return await self._database.run(read)

    async def _settle(self) -> None:
        """Write down what became of results whose run died between two writings."""
        found = await self._read(f"{_SELECT} {_UNSETTLED}")
        for _, entry in found:
            await self.save(entry)

    def _here(self, entry: JournalEntry) -> JournalEntry:
        """Return an entry with the paths that its files have here and now."""
        entry = _with_paths(entry, here)
        moved = self._database.moved
        return entry if moved is None else _with_paths(entry, moved.now)


def _with_paths(entry: JournalEntry, change: Callable[[str], str]) -> JournalEntry:
    paths = {name: value for name in _PATHS if (value := getattr(entry, name)) is not None}
    changed = {name: now for name, value in paths.items() if (now := change(value)) != value}
    changes: dict[str, Any] = changed
    return attrs.evolve(entry, **changes) if changes else entry
