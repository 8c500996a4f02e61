"""The SQLite file of a journal: its schema, how it is opened, and what can go wrong with it.

Only `Journal.open` and `Journal.read` import this module: SQLite takes its time to load.
"""

import asyncio
import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import JournalError

from .lock import JournalLock

_T = TypeVar("_T")

# "AEnh" in the file's header tells a journal from other SQLite files (PRAGMA application_id).
_APPLICATION_ID = 0x41456E68

# Each step leads from the version that is its index to the next one (PRAGMA user_version).
# Steps are only ever added: journals of every earlier version are brought up by the rest.
_MIGRATIONS = (
    """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        source TEXT NOT NULL,
        strength INTEGER NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued',
        byte_size INTEGER,
        modified_ns INTEGER,
        md5 TEXT,
        client_id TEXT,
        asset_id TEXT,
        enhancement_id TEXT,
        output TEXT,
        output_size INTEGER,
        output_modified_ns INTEGER,
        output_md5 TEXT,
        temporary TEXT,
        tries INTEGER NOT NULL DEFAULT 0,
        extra INTEGER NOT NULL DEFAULT 0,
        error TEXT,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL,
        UNIQUE (source, strength)
    );
    CREATE INDEX entries_by_md5 ON entries (md5) WHERE md5 IS NOT NULL;
    CREATE INDEX entries_by_output ON entries (output) WHERE output IS NOT NULL;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    ALTER TABLE entries ADD COLUMN filename TEXT;
    ALTER TABLE entries ADD COLUMN content_type TEXT;
    """,
)

# The seconds to wait for another program that has the file open and locks it for a moment.
_PATIENCE = 5.0

_MAKE_ROOM = "Make room on the disk, then run again: the journal knows what is done."
_PERMISSIONS = "Check the path and who may write there, or choose another place for the journal."
_OTHER_PATH = "Choose another path for the journal."
_HINTS = {
    sqlite3.SQLITE_FULL: _MAKE_ROOM,
    sqlite3.SQLITE_IOERR: "Check that the disk works, is not full, and is not a network drive.",
    sqlite3.SQLITE_READONLY: _PERMISSIONS,
    sqlite3.SQLITE_PERM: _PERMISSIONS,
    sqlite3.SQLITE_CANTOPEN: _PERMISSIONS,
    sqlite3.SQLITE_BUSY: "Close the other program that has it open, then run again.",
    sqlite3.SQLITE_NOTADB: _OTHER_PATH,
    sqlite3.SQLITE_CORRUPT: "It is damaged: move it away and begin another one.",
}


class Database:
    """One connection to the file of a journal, on a thread of its own.

    Every statement is a transaction of its own: whoever is cancelled while one runs leaves the
    journal as it was before it or after it.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self._writable = writable
        self._lock: JournalLock | None = None
        self._thread: threading.Thread | None = None
        self._connection = aiosqlite.Connection(self._open, 64)

    async def open(self) -> None:
        """Open the file, or make it where it may be written to.

        Raises:
            JournalLockedError: Another run writes to it.
            JournalError: It cannot be opened, or it is not a journal that we can use.
        """
        try:
            await _to_its_end(self._connect())
        except BaseException:
            await self.close()
            raise

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute one statement, and return its rows when it is committed.

        Raises:
            JournalError: It cannot be read or written, because the disk is full for example.
        """
        try:
            rows = await self._connection.execute_fetchall(
                statement, [_stored(value) for value in values]
            )
        except sqlite3.Error as error:
            raise self._error(error) from error
        except ValueError:  # what aiosqlite says when it was closed
            raise JournalError(f"The journal {self.path} is closed.") from None
        return [tuple(map(_loaded, row)) for row in rows]

    async def close(self) -> None:
        """Close the file after what was asked before; its thread and its lock end, too."""
        await _to_its_end(self._close())

    async def _connect(self) -> None:
        await self._connection

    async def _close(self) -> None:
        try:
            await self._connection.close()
        finally:
            await to_its_end(self._release)

    def _release(self) -> None:
        if self._thread is not None:
            # aiosqlite tells its thread to stop, which then still touches the event loop.
            self._thread.join()
        if self._lock is not None:
            self._lock.release()

    def _open(self) -> sqlite3.Connection:
        self._thread = threading.current_thread()
        try:
            with contextlib.ExitStack() as stack:
                connection = self._new_connection()
                stack.callback(connection.close)
                self._prepare(connection)
                stack.pop_all()
            return connection
        except sqlite3.Error as error:
            raise self._error(error) from error
        except OSError as error:
            raise JournalError(
                f"The journal {self.path} cannot be opened: {error.strerror}.",
                hint=_MAKE_ROOM if error.errno == errno.ENOSPC else _PERMISSIONS,
            ) from error

    def _new_connection(self) -> sqlite3.Connection:
        if self._writable:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not self.path.name:
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            self._lock = JournalLock(self.path.resolve())  # one file, whatever its links
            self._lock.acquire()
            # No isolation level: sqlite3 adds no BEGIN, so that every statement commits itself.
            return sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        if not self.path.exists():
            raise JournalError(f"There is no journal {self.path}.", hint="Check the path.")
        # Not mode=ro, which would leave the files -wal and -shm behind (SQLite, "Write-Ahead
        # Logging": the last connection removes them, unless it is read-only).
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, timeout=_PATIENCE, isolation_level=None, uri=True)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        def value(statement: str) -> int:
            return int(connection.execute(statement).fetchone()[0])

        owner, version = value("PRAGMA application_id"), value("PRAGMA user_version")
        new = owner == version == value("SELECT count(*) FROM sqlite_master") == 0
        if owner != _APPLICATION_ID and not (new and self._writable):
            raise JournalError(f"{self.path} is not a journal.", hint=_OTHER_PATH)
        if version > len(_MIGRATIONS):
            raise JournalError(
                f"The journal {self.path} was written by a newer version of audio-enhance.",
                hint="Upgrade audio-enhance, or begin another journal.",
            )
        if not self._writable:
            return
        # Readers do not wait for the writer, nor it for them (SQLite, "Write-Ahead Logging").
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit hands its pages to the operating system without waiting for the disk. SQLite,
        # "PRAGMA synchronous": with a WAL, NORMAL never damages the file, and what is committed
        # outlives a crash of the program (kill -9) at every setting; only a power cut or a
        # crash of the system may take back the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")
        # A short log is soon written over from its start: on a disk that is full, what is
        # written then needs no more room (SQLite's own 1000 pages are 4 MB of growth).
        connection.execute("PRAGMA wal_autocheckpoint = 64")
        for number, step in enumerate(_MIGRATIONS[version:], version + 1):
            connection.executescript(
                f"BEGIN IMMEDIATE; {step} PRAGMA application_id = {_APPLICATION_ID};"
                f" PRAGMA user_version = {number}; COMMIT;"
            )

    def _error(self, error: sqlite3.Error) -> JournalError:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
        if code == sqlite3.SQLITE_NOTADB:
            return JournalError(f"{self.path} is not a journal.", hint=_OTHER_PATH)
        primary = code & 0xFF  # SQLite, "Result and Error Codes": the rest says it in detail
        return JournalError(f"The journal {self.path}: {error}.", hint=_HINTS.get(primary))


async def _to_its_end(work: Coroutine[Any, Any, _T]) -> _T:
    """Run short work and wait for its end even when cancelled: what it opens has an owner."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains that nobody did
        raise


def _stored(value: object) -> object:
    """Return what SQLite can take: names of files need not be Unicode (PEP 383), its texts must."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def _loaded(value: Any) -> Any:
    return value.decode("utf-8", "surrogatepass") if isinstance(value, bytes) else value
