"""What a batch has done so far, on disk: the next run repeats nothing that is dear."""

import os
from collections.abc import AsyncIterator, Iterable
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

    Made by `open` or `read`, and closed by `close` or `async with`. Whatever is cancelled on
    the way leaves each row as it was before the call or after it.

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
                await journal._rows.settle()
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
        return await self._rows.entry(source, strength, key)

    async def entry_with(self, key: str) -> JournalEntry | None:
        """Return what is known of the job that was begun with a key of the caller's."""
        return await self._rows.entry_with(key)

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

        Their recordings and results stay where they are, as files that no journal knows of; what
        was kept for their jobs goes.

        Args:
            sources: Paths, or the names that entries have; what is not in it does no harm.
            strength: Only at this strength; at every one if it is not given.
        """
        await remove_leftovers(self._rows)
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
        """Take out jobs of a caller's own key that have been over for so long; return their number.

        Args:
            seconds: How long.
        """
        deleted = await self._database.rows(
            "DELETE FROM entries WHERE key != '' AND state IN ('succeeded', 'failed')"  # noqa: S608
            f" AND updated_at < ? AND spooled IS NULL AND NOT {UNSETTLED} RETURNING id",
            self._clock.time() - seconds,
        )
        return len(deleted)

    async def sources(self) -> list[str]:
        """Return the recordings that it knows, by their paths."""
        return await self._rows.sources()

    async def counts(self) -> dict[EntryState, int]:
        """Return how many entries are in each state, those with none included."""

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
        """Yield the entries in some states, or all, in the order in which they came in.

        They are read as they are drawn, 256 at once; entries may be saved meanwhile.
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


def rows_of(journal: Journal) -> Rows:
    """Return what jobs read and write in a journal, which `Journal` does not show to users."""
    return journal._rows  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  the one way to it
