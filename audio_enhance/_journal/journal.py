"""What a batch has done so far, on disk: the next run repeats nothing that is dear."""

import os
from collections.abc import AsyncIterator, Iterable
from enum import StrEnum, auto
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.clock import Clock, SystemClock
from audio_enhance._core.errors import MissingExtraError
from audio_enhance._core.redaction import redact
from audio_enhance._recording.filenames import is_part_name

if TYPE_CHECKING:
    from .database import Database

# Four values each: SQLite before 3.32 takes 999 values for a statement at most.
_PLANNED_AT_ONCE = 240
_READ_AT_ONCE = 256


class EntryState(StrEnum):
    """How far one source at one strength is; the order is that of the work."""

    QUEUED = auto()
    """Nothing was asked of the server yet."""
    UPLOADING = auto()
    """There is an asset; its upload may be under way."""
    UPLOADED = auto()
    """The asset is ready for processing."""
    SUBMITTING = auto()
    """An enhancement is about to be asked for: a run that ends here may have made one more."""
    SUBMITTED = auto()
    """There is an enhancement, and the server has not finished it as far as we know."""
    PROCESSED = auto()
    """The server has finished it."""
    DOWNLOADING = auto()
    """The result is on its way into the file `temporary`."""
    SUCCEEDED = auto()
    """The result is in its place."""
    FAILED = auto()
    """It came to nothing; `error` says why."""


@attrs.frozen(kw_only=True)
class JournalEntry:
    """What is known of one source at one strength.

    Attributes:
        source: The absolute path, or what else names it.
        strength: 0 (the original) to 100 (fully enhanced).
        state: How far it is.
        byte_size: Length of the source in bytes.
        modified_ns: Nanoseconds since 1970 at which the source was modified last.
        filename: The name that the API was told.
        content_type: The type that it was sent under.
        md5: The source's MD5, as 32 hexadecimal digits.
        client_id: The API client that the asset and the enhancement belong to.
        asset_id: The asset, as soon as there is one.
        enhancement_id: The speech enhancement, as soon as there is one.
        output: The path of the result.
        output_size: Length of the result in bytes.
        output_modified_ns: Nanoseconds since 1970 at which the result was modified last.
        output_md5: The result's MD5, as 32 hexadecimal digits.
        temporary: The part file of a download under way.
        tries: How many enhancements were created for it.
        extra: How many enhancements may exist beyond the one that is needed.
        error: Why it failed, without secrets.
        created_at: Seconds since 1970 (UTC) at its first writing; set by the journal.
        updated_at: Seconds since 1970 (UTC) at its last writing; set by the journal.
    """

    source: str
    strength: int
    state: EntryState = EntryState.QUEUED
    byte_size: int | None = None
    modified_ns: int | None = None
    filename: str | None = None
    content_type: str | None = None
    md5: str | None = None
    client_id: str | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None
    output: str | None = None
    output_size: int | None = None
    output_modified_ns: int | None = None
    output_md5: str | None = None
    temporary: str | None = None
    tries: int = 0
    extra: int = 0
    error: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0


_NAMES = [field.name for field in attrs.fields(JournalEntry)]
_COLUMNS = ", ".join(_NAMES)
_SELECT = f"SELECT {_COLUMNS} FROM entries WHERE"  # noqa: S608  (names of our own)
_UPSERT = (
    f"INSERT INTO entries ({_COLUMNS}) VALUES ({', '.join('?' * len(_NAMES))})"  # noqa: S608
    " ON CONFLICT (source, strength) DO UPDATE SET "
    + ", ".join(
        f"{n} = excluded.{n}" for n in _NAMES if n not in {"source", "strength", "created_at"}
    )
)


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
        self._cleaned = False

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, clock: Clock | None = None) -> Self:
        """Open a journal for a run, or begin one, along with the folders above it.

        Args:
            path: The file, on a local disk (SQLite: a WAL does not work over a network).
            clock: Tells the times that are written down.

        Raises:
            JournalLockedError: Another run is at work on it.
            JournalError: It cannot be opened, is of a newer version, or is no journal at all.
            MissingExtraError: The package aiosqlite is not installed.
        """
        return await cls._opened(path, clock or SystemClock(), writable=True)

    @classmethod
    async def read(cls, path: str | os.PathLike[str]) -> Self:
        """Open a journal to look at it only, whether a run is at work on it or not.

        Raises:
            JournalError: It is not there, cannot be opened, or is no journal.
            MissingExtraError: The package aiosqlite is not installed.
        """
        return await cls._opened(path, SystemClock(), writable=False)

    @classmethod
    async def _opened(cls, path: str | os.PathLike[str], clock: Clock, *, writable: bool) -> Self:
        try:
            from .database import Database
        except ModuleNotFoundError as error:
            raise MissingExtraError(None, error.name or "aiosqlite") from error
        database = Database(Path(path), writable=writable)
        await database.open()
        return cls(database, clock)

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

    async def entry(self, source: str, strength: int) -> JournalEntry | None:
        """Return what is known of a source at a strength."""
        return await self._first("source = ? AND strength = ?", source, strength)

    async def save(self, entry: JournalEntry) -> None:
        """Write an entry, in the place of the one of its source and strength if there is one.

        When this returns it is committed, and outlives the process.

        Raises:
            JournalError: It cannot be written, because the disk is full for example.
        """
        now = self._clock.time()
        error = entry.error and redact(entry.error)
        entry = attrs.evolve(entry, error=error, created_at=now, updated_at=now)
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
                f" VALUES {rows} ON CONFLICT (source, strength) DO NOTHING",
                *(value for job in chunk for value in (*job, now, now)),
            )

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

    async def owner_of(self, output: str) -> JournalEntry | None:
        """Return the entry whose result a path is."""
        return await self._first("output = ? ORDER BY updated_at DESC", output)

    async def counts(self) -> dict[EntryState, int]:
        """Return how many entries are in each state, those with none included."""
        rows = await self._database.rows("SELECT state, count(*) FROM entries GROUP BY state")
        return dict.fromkeys(EntryState, 0) | {EntryState(state): count for state, count in rows}

    async def entries(self, *states: EntryState) -> AsyncIterator[JournalEntry]:
        """Yield the entries in some states, or all, in the order in which they came in.

        They are read as they are drawn, 256 at once; entries may be saved meanwhile.
        """
        among = f"AND state IN ({', '.join('?' * len(states))})" if states else ""
        last = 0
        while rows := await self._database.rows(
            f"SELECT {_COLUMNS}, id FROM entries WHERE id > ? {among}"  # noqa: S608
            f" ORDER BY id LIMIT {_READ_AT_ONCE}",
            last,
            *states,
        ):
            for row in rows:
                yield _entry(row)
            last = rows[-1][-1]

    async def setting(self, name: str) -> str | None:
        """Return what was written down under a name, if anything was."""
        rows = await self._database.rows("SELECT value FROM settings WHERE name = ?", name)
        return rows[0][0] if rows else None

    async def set_setting(self, name: str, value: str) -> None:
        """Write down something that holds for the whole batch; not for secrets."""
        await self._database.rows(
            "INSERT INTO settings VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            name,
            value,
        )

    async def remove_leftovers(self) -> list[Path]:
        """Remove the part files of a run that died, and return them.

        Only the first time: what is written down later belongs to downloads under way. A file
        that is not called as part files are is left alone; one that cannot be removed stays in
        the journal.
        """
        if self._cleaned:
            return []
        self._cleaned = True
        rows = await self._database.rows(
            "SELECT DISTINCT temporary FROM entries WHERE temporary IS NOT NULL"
        )
        removed: list[Path] = []
        for (name,) in rows:
            path = Path(name)
            if is_part_name(path.name):
                try:
                    await to_its_end(path.unlink)
                    removed.append(path)
                except FileNotFoundError:
                    pass
                except OSError:
                    continue
            await self._database.rows(
                "UPDATE entries SET temporary = NULL WHERE temporary = ?", name
            )
        return removed

    async def _first(self, condition: str, *values: object) -> JournalEntry | None:
        rows = await self._database.rows(f"{_SELECT} {condition} LIMIT 1", *values)
        return _entry(rows[0]) if rows else None


def _entry(row: tuple[Any, ...]) -> JournalEntry:
    values = dict(zip(_NAMES, row, strict=False))
    values["state"] = EntryState(values["state"])
    return JournalEntry(**values)
