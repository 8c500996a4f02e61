"""What the service knows, in a SQLite file, so that its next start knows it, too."""

import asyncio
import logging
import os
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

_log = logging.getLogger("audio_enhance.local")

_T = TypeVar("_T")

_Write = tuple[str, tuple[object, ...]]

_APPLICATION_ID: Final = 0x41454C53
_VERSION: Final = 1
# Times are seconds since the epoch: the service's own clock begins anew with the machine.
_SCHEMA: Final = f"""
BEGIN;
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE tokens (
    digest BLOB PRIMARY KEY, client_id TEXT NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE assets (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, client_id TEXT NOT NULL,
    filename TEXT NOT NULL, byte_size INTEGER NOT NULL, checksum TEXT, content_type TEXT NOT NULL,
    created_at REAL NOT NULL, ready_at REAL, invalid INTEGER NOT NULL DEFAULT 0,
    landed_checksum TEXT
);
CREATE TABLE enhancements (
    number INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, asset_id TEXT NOT NULL,
    strength INTEGER NOT NULL, requested_at REAL NOT NULL, status TEXT NOT NULL,
    finished_at REAL, reason TEXT, notes TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX enhancements_of_an_asset ON enhancements (asset_id);
CREATE TABLE objects (
    key TEXT PRIMARY KEY, content_type TEXT NOT NULL, digest BLOB NOT NULL,
    size INTEGER NOT NULL, landed_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE deleted_objects (key TEXT PRIMARY KEY, deleted_at REAL NOT NULL) WITHOUT ROWID;
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class Ledger:
    """Writes down what the service knows; one that was not opened writes nothing.

    A write is noted at once and reaches the file soon, in order, with all others that have come
    meanwhile. `settled` waits for that: what was answered then survives the end of the process,
    whatever ends it. (The disk is not waited for: after a power cut the latest may be lost.)
    What cannot be written now is tried again with the next write, and nothing is `settled`
    before. A write may be done twice, so it has to come to the same.
    """

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None
        self._connection: sqlite3.Connection | None = None
        self._pending: list[_Write] = []
        self._asked = self._done = 0
        self._writing: asyncio.Task[None] | None = None
        self._error: sqlite3.Error | None = None
        self._facts: dict[str, str] = {}
        self._path = Path()

    async def open(self, path: Path) -> None:
        """Open the file, or make it, for this service alone.

        Raises:
            OSError: It cannot be opened, another service has it, or it is none of ours.
        """
        self._path = path
        # One thread for all: a connection belongs to the thread that made it.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="audio-enhance-ledger")
        try:
            await self._in_thread(self._open)
            self._facts = dict(await self.rows("SELECT name, value FROM facts"))
        except BaseException as error:
            await self.close()
            if isinstance(error, sqlite3.Error):
                raise OSError(_sentence(path, error)) from error
            raise

    async def close(self) -> None:
        """Close the file after what was written before; what cannot be was never answered."""
        if self._thread is None:
            return
        try:
            if self._connection is not None:
                await self.settled()
        except OSError as error:
            _log.error("What was done last is not kept: %s", error)
        finally:
            thread, self._thread = self._thread, None
            await asyncio.get_running_loop().run_in_executor(thread, self._close)
            thread.shutdown()

    def fact(self, name: str) -> str | None:
        """Return what was kept under this name."""
        return self._facts.get(name)

    def keep_fact(self, name: str, value: str) -> None:
        """Keep a single value, such as a port."""
        self._facts[name] = value
        self.write("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    def ports(self, name: str, port: int) -> tuple[int, ...]:
        """Return the ports to try: the one that was asked for, or else the last time's and any."""
        kept = self.fact(name)
        return (port,) if port or kept is None else (int(kept), 0)

    def write(self, statement: str, *values: object) -> None:
        """Note a statement that changes something; it may be executed twice."""
        if self._thread is None:
            return
        self._pending.append((statement, values))
        self._asked += 1
        self._begin()

    async def settled(self) -> None:
        """Wait until all that was noted by now is in the file.

        Raises:
            OSError: It cannot be written, because the disk is full for example.
        """
        asked = self._asked
        while self._done < asked:
            # Somebody else may wait for the same.
            await asyncio.shield(self._begin())
            if self._error is not None and self._done < asked:
                raise OSError(_sentence(self._path, self._error)) from self._error

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what is in the file; nothing where there is no file."""
        if self._thread is None:
            return []
        return await self._in_thread(lambda: self._opened.execute(statement, values).fetchall())

    def _begin(self) -> "asyncio.Task[None]":
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write(), name="audio-enhance-ledger")
        return self._writing

    async def _write(self) -> None:
        self._error = None
        while self._pending:
            writes = self._pending[:]
            try:
                await self._in_thread(lambda: self._commit(writes))  # noqa: B023  it is awaited
            except sqlite3.Error as error:
                self._error = error
                return
            del self._pending[: len(writes)]
            self._done += len(writes)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    # In the thread

    @property
    def _opened(self) -> sqlite3.Connection:
        assert self._connection is not None, "it is open"
        return self._connection

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # It holds a secret and a key that signs. SQLite's other files get the same permissions.
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))
        # No isolation level: sqlite3 adds no BEGIN of its own.
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None)
        try:
            # A lock that ends with the process, however that ends.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("BEGIN EXCLUSIVE")
            connection.execute("COMMIT")
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        [(version,)] = connection.execute("PRAGMA user_version")
        [(application,)] = connection.execute("PRAGMA application_id")
        if version == 0 and application == 0:
            connection.executescript(_SCHEMA)
        elif application != _APPLICATION_ID or version != _VERSION:
            raise OSError(
                f"{self._path} was made by another program, or by another version of this one."
            )
        # What was deleted while the service was killed: objects that belong to nothing.
        connection.execute(
            "DELETE FROM objects WHERE key NOT IN (SELECT 'Assets/' || id FROM assets UNION ALL "
            "SELECT 'SpeechEnhancements/' || asset_id || '/' || id FROM enhancements)"
        )

    def _commit(self, writes: list[_Write]) -> None:
        connection = self._opened
        connection.execute("BEGIN")
        try:
            for statement, values in writes:
                connection.execute(statement, values)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite may have taken it back itself
                connection.execute("ROLLBACK")
            raise

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _sentence(path: Path, error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"another service uses the folder {path.parent}"
    return f"{path}: {error}"
