"""What a batch has done so far, on disk: the next run repeats nothing that is dear."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from itertools import islice
from pathlib import Path, PurePath
from types import TracebackType
from typing import TYPE_CHECKING, Self

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.clock import Clock, SystemClock
from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._core.journal_file import is_journal
from audio_enhance._core.paths import absolute, path_of
from audio_enhance._core.redaction import redact
from audio_enhance._recording.spooled import remove_quietly

from .entry import EntryState, JournalEntry, entry_of, state_of, stored, text_of
from .leftovers import remove_leftovers
from .lock import holder_of
from .names import here, written
from .result_file import settled
from .rows import COLUMNS, SELECT, UNSETTLED, Rows

if TYPE_CHECKING:
    import sqlite3

    from .database import Database

# Four values each: SQLite before 3.32 takes 999 values for a statement at most.
_PLANNED_AT_ONCE = 240
_READ_AT_ONCE = 256


class Journal:
    """A SQLite file with a row for every source and strength of a batch.

    Make one with `open` or `read`, and close it with `close` or `async with`. If a call is
    cancelled, each row is as it was before the call or as it is after it.

    Attributes:
        path: The file.
    """

    def __init__(self, database: "Database", clock: Clock) -> None:
        self.path = database.path
        self._database = database
        self._clock = clock
        self._rows = Rows(database, clock)

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, clock: Clock | None = None) -> Self:
        """Open a journal for a run, and create it if it does not exist.

        Args:
            path: The file, on a local disk.
            clock: What tells the time.

        Raises:
            JournalLockedError: Another run uses it.
            JournalError: It cannot be opened, or the file is not a journal.
        """
        return await cls._opened(path, clock or SystemClock(), writable=True)

    @classmethod
    async def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal for reading only, whether a run uses it or not.

        Raises:
            JournalError: It does not exist, cannot be opened, or is not a journal.
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
        """Return the id of the process that uses a journal, `None` if there is none.

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
                await journal._rows.settle()
            except BaseException:
                await journal.close()
                raise
        return journal

    async def close(self) -> None:
        """Finish what is being written, and close the file."""
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
            source: Its absolute path, or the name that its entry has.
            strength: 0 to 100.
            key: Your own key for the job, if you gave one.
        """
        return await self._rows.entry(source, strength, key)

    async def entry_with(self, key: str) -> JournalEntry | None:
        """Return what is known of the job that has this key of your own."""
        return await self._rows.entry_with(key)

    async def plan(self, jobs: Iterable[tuple[str, int]]) -> None:
        """Write down sources and strengths that are still to be done, one by one as they come.

        Entries that exist already stay as they are. Memory does not grow with the number of
        sources. If the run ends in the middle, the first ones are written.
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
        """Write down that results are to be made once more, by this run or a later one.

        If the server still has a result, the client fetches it from there. Until then, the journal
        still knows the files that are there as results, which may be replaced.

        Args:
            jobs: Sources, as entries have them, and strengths; unfinished ones stay as they are.
        """
        remaining = iter(jobs)
        while chunk := list(islice(remaining, _PLANNED_AT_ONCE)):
            rows = ", ".join(["(?, ?)"] * len(chunk))
            await self._database.rows(
                "UPDATE entries SET state = 'processed', output_modified_ns = NULL"  # noqa: S608
                f" WHERE state = 'succeeded' AND (source, strength) IN (VALUES {rows})",
                *(value for source, strength in chunk for value in (written(source), strength)),
            )

    async def explain(
        self, source: str | os.PathLike[str], strength: int, error: AudioEnhanceError
    ) -> None:
        """Write down why a source failed, for somebody who knows more than the server tells.

        Args:
            source: Its path, or the name that its entry has. One that has not failed stays as it
                is.
            strength: 0 to 100.
            error: The reason.
        """
        await self._database.rows(
            "UPDATE entries SET error = ?"
            " WHERE source IN (?, ?) AND strength = ? AND state = 'failed'",
            redact(str(error)),
            written(str(source)),
            written(absolute(source)),
            strength,
        )

    async def forget(
        self, sources: Iterable[str | os.PathLike[str]], *, strength: int | None = None
    ) -> int:
        """Take sources out of the journal, and return how many rows that were.

        Their recordings and results stay where they are, as files that no journal knows. Data that
        was kept for their jobs is deleted.

        Args:
            sources: Paths, or the names that entries have; those that have no entry are ignored.
            strength: Only at this strength; the default is every strength.
        """
        await remove_leftovers(self._database)
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
        await self._rows.drop(entry)

    async def trim(self, seconds: float) -> int:
        """Take out jobs with a key of your own that ended long ago, and return their number.

        Args:
            seconds: How long ago they must have ended.
        """
        deleted = await self._database.rows(
            "DELETE FROM entries WHERE key != '' AND state IN ('succeeded', 'failed')"  # noqa: S608
            f" AND updated_at < ? AND spooled IS NULL AND NOT {UNSETTLED} RETURNING id",
            self._clock.time() - seconds,
        )
        return len(deleted)

    async def sources(self) -> list[str]:
        """Return the paths of the recordings that it knows."""
        return await self._rows.sources()

    async def counts(self) -> dict[EntryState, int]:
        """Return how many entries are in each state; states without any are included."""

        def counted(connection: "sqlite3.Connection") -> dict[EntryState, int]:
            counts = dict.fromkeys(EntryState, 0)
            # Whether a result got its place is for the disk to say, see `settled`.
            for row in connection.execute(f"{SELECT} {UNSETTLED}").fetchall():
                counts[settled(self._rows.here(entry_of(row))).state] += 1
            for state, count in connection.execute(
                f"SELECT state, count(*) FROM entries WHERE NOT {UNSETTLED} GROUP BY state"  # noqa: S608
            ).fetchall():
                counts[state_of(state)] += count
            return counts

        return await self._database.run(counted)

    async def entries(self, *states: EntryState) -> AsyncIterator[JournalEntry]:
        """Yield the entries in some states, or all, in the order in which they were added.

        They are read 256 at a time, as you ask for them. Entries may be saved meanwhile.
        """
        wanted = frozenset(states or EntryState)
        others = frozenset(EntryState) - wanted
        among = ", ".join("?" * len(others))
        statement = (
            f"SELECT {COLUMNS}, id FROM entries WHERE id > ?"  # noqa: S608
            f" AND (state NOT IN ({among}) OR {UNSETTLED}) ORDER BY id LIMIT {_READ_AT_ONCE}"
        )
        last = 0
        while found := await self._rows.read(statement, last, *others):
            for _, entry in found:
                if entry.state in wanted:
                    yield entry
            last = found[-1][0]

    async def setting(self, name: str) -> str | None:
        """Return the setting of a name, `None` if there is none."""
        given = [stored(name)]

        def read(connection: "sqlite3.Connection") -> str | None:
            rows = connection.execute("SELECT value FROM settings WHERE name = ?", given)
            row = rows.fetchone()
            return None if row is None else text_of(row[0])

        return await self._database.run(read)

    async def set_setting(self, name: str, value: str) -> None:
        """Keep a setting of the whole batch; never put a secret here."""
        await self._database.rows(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    async def path_setting(self, name: str) -> PurePath | None:
        """Return the file or folder that is the setting of a name, `None` if there is none."""
        name_in_journal = await self.setting(f"path:{name}")
        if name_in_journal is None:
            return None
        moved = self._database.moved
        path = here(name_in_journal)
        return path_of(path if moved is None else moved.now(path))

    async def set_path_setting(self, name: str, path: str | os.PathLike[str]) -> None:
        """Keep a path as a setting of the whole batch; it moves with the journal."""
        await self.set_setting(f"path:{name}", written(absolute(path)))


def rows_of(journal: Journal) -> Rows:
    """Return what jobs read and write in a journal, which `Journal` does not show to users."""
    return journal._rows  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the one way to it


@asynccontextmanager
async def journal_at(
    given: str | os.PathLike[str] | Journal | None, clock: Clock
) -> AsyncGenerator[Journal | None]:
    """Open the journal at a path for as long as this lasts; an open one stays open."""
    if given is None or isinstance(given, Journal):
        yield given
        return
    async with await Journal.open(given, clock=clock) as journal:
        yield journal
