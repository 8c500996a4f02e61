"""The SQLite file of a journal, and the thread that has it to itself.

Only `Journal.open` and `Journal.read` import this module: SQLite takes its time to load.
"""

import asyncio
import contextlib
import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from audio_enhance._core.errors import JournalError
from audio_enhance._core.journal_file import APPLICATION_ID

from . import schema
from .entry import DamagedError, stored
from .home import Move
from .lock import JournalLock

_T = TypeVar("_T")

# The seconds to wait for another program that has the file open and locks it for a moment.
_PATIENCE = 5.0
# So many calls that wait become one transaction at most.
_TOGETHER = 64

_MAKE_ROOM = "Make room on the disk, then run again: the journal knows what is done."
_PERMISSIONS = "Check the path and who may write there, or choose another place for the journal."
_DAMAGED = "It is damaged: move it away and begin another one."
_HINTS = {
    sqlite3.SQLITE_FULL: _MAKE_ROOM,
    sqlite3.SQLITE_IOERR: "Check that the disk works, is not full, and is not a network drive.",
    sqlite3.SQLITE_READONLY: _PERMISSIONS,
    sqlite3.SQLITE_PERM: _PERMISSIONS,
    sqlite3.SQLITE_CANTOPEN: _PERMISSIONS,
    sqlite3.SQLITE_BUSY: "Close the other program that has it open, then run again.",
    sqlite3.SQLITE_NOTADB: schema.OTHER_PATH,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
}


class _Call(Generic[_T]):
    """Something to be done with the connection, and who waits for it."""

    def __init__(self, work: Callable[[], _T], *, alone: bool) -> None:
        self.alone = alone
        self._work = work
        self.loop = asyncio.get_running_loop()
        self._over = False
        self._waiter: asyncio.Future[None] = self.loop.create_future()
        self._result: _T
        self._error: BaseException | None = None

    def perform(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:  # noqa: BLE001  whoever waits for it is told
            self._error = error
        else:
            self._error = None

    @property
    def failed(self) -> bool:
        return self._error is not None

    def deliver(self) -> None:
        self._over = True
        if not self._waiter.done():
            self._waiter.set_result(None)

    async def result(self) -> _T:
        """Wait for its end even when cancelled, which then takes effect."""
        try:
            await self._waiter
        except asyncio.CancelledError:
            while not self._over:
                self._waiter = self.loop.create_future()
                with contextlib.suppress(asyncio.CancelledError):
                    await self._waiter
            raise
        if self._error is not None:
            raise self._error
        return self._result


class Database:
    """One connection to the file of a journal, in a thread of its own.

    A call is a transaction of its own, or has part in one with others that waited beside it:
    it is committed when it returns. Whoever is cancelled meanwhile waits for its end, so that
    nothing is left to be written when the journal is closed.

    Attributes:
        path: The file.
        folder: Where the file lies.
        moved: Where the files of a journal are that is only looked at, and was moved.
        cleaned: Whether what a run that died left has been removed.
    """

    def __init__(self, path: Path, *, writable: bool) -> None:
        self.path = path
        self.moved: Move | None = None
        self.cleaned = False
        self.folder = Path(os.path.abspath(path.parent))  # noqa: PTH100  pathlib keeps ".."
        self._writable = writable
        self._lock: JournalLock | None = None
        self._connection: sqlite3.Connection | None = None
        self._calls: SimpleQueue[_Call[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    async def open(self) -> None:
        """Open the file, or make it where it may be written to.

        Raises:
            JournalLockedError: Another run writes to it.
            JournalError: It cannot be opened, or it is not a journal that we can use.
        """
        self._thread = threading.Thread(target=self._serve, name="journal", daemon=True)
        self._thread.start()
        try:
            await self._called(self._open, alone=True)
        except BaseException:
            await self.close()
            raise

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do something with the connection, and return what it returns when it is committed.

        It may be done twice where the first time came to nothing.

        Raises:
            JournalError: It cannot be read or written, because the disk is full for example.
        """

        def guarded() -> _T:
            connection = self._connection
            if connection is None:
                raise JournalError(f"The journal {self.path} is closed.")
            with self._explained():
                return work(connection)

        return await self._called(guarded)

    async def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Execute one statement, and return its rows when it is committed; see `run`."""
        given = [stored(value) for value in values]
        return await self.run(lambda connection: connection.execute(statement, given).fetchall())

    async def close(self) -> None:
        """Close the file after what was asked before; its thread and its lock end, too."""
        thread = self._thread
        if thread is None:
            return
        try:
            await self._called(self._close, alone=True)
        finally:
            if self._thread is not None:
                self._thread = None
                self._calls.put(None)
                thread.join()  # it has nothing left to do

    async def _called(self, work: Callable[[], _T], *, alone: bool = False) -> _T:
        if self._thread is None:
            raise JournalError(f"The journal {self.path} is closed.")
        call = _Call(work, alone=alone)
        self._calls.put(call)
        return await call.result()

    # In the thread

    def _serve(self) -> None:
        ended = False
        while not ended:
            waiting = self._waiting()
            calls = [call for call in waiting if call is not None]
            ended = len(calls) < len(waiting)
            self._perform(calls)
            for loop in {call.loop for call in calls}:
                done = [call for call in calls if call.loop is loop]
                with contextlib.suppress(RuntimeError):  # that loop was closed: nobody waits
                    loop.call_soon_threadsafe(_deliver, done)

    def _waiting(self) -> list[_Call[Any] | None]:
        calls = [self._calls.get()]
        with contextlib.suppress(Empty):
            while len(calls) < _TOGETHER:
                calls.append(self._calls.get_nowait())
        return calls

    def _perform(self, calls: list[_Call[Any]]) -> None:
        together = len(calls) > 1 and not any(call.alone for call in calls)
        if not (together and self._in_one_transaction(calls)):
            for call in calls:
                call.perform()

    def _in_one_transaction(self, calls: list[_Call[Any]]) -> bool:
        """Do several at once, and return whether that came about.

        One that fails takes the others back; then each is done by itself.
        """
        connection = self._connection
        if connection is None:
            return False
        try:
            connection.execute("BEGIN")
            for call in calls:
                call.perform()
            if not any(call.failed for call in calls):
                connection.execute("COMMIT")
                return True
        except sqlite3.Error:
            pass
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:  # SQLite may have taken it back itself
                connection.execute("ROLLBACK")
        return False

    def _open(self) -> None:
        try:
            with self._explained(), contextlib.ExitStack() as stack:
                if self._writable:
                    connection = self._connected_for_a_run()
                else:
                    connection = self._connected_to_look()
                stack.callback(connection.close)
                self._prepare(connection)
                stack.pop_all()
            self._connection = connection
        except OSError as error:
            raise JournalError(
                f"The journal {self.path} cannot be opened: {error.strerror}.",
                hint=_MAKE_ROOM if error.errno == errno.ENOSPC else _PERMISSIONS,
            ) from error
        except ValueError as error:  # a null character, which no path can hold
            raise JournalError(
                f"The journal {self.path} cannot be opened: {error}.", hint=_PERMISSIONS
            ) from error

    def _connected_for_a_run(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if not self.path.name:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        self._lock = JournalLock(self.path.resolve())  # one file, whatever its links
        self._lock.acquire()
        # No isolation level: sqlite3 adds no BEGIN, so that every statement commits itself.
        # From the root: ":memory:" alone would be no file.
        return sqlite3.connect(self.path.absolute(), timeout=_PATIENCE, isolation_level=None)

    def _connected_to_look(self) -> sqlite3.Connection:
        if not self.path.exists():
            raise JournalError(f"There is no journal {self.path}.", hint="Check the path.")
        # Not mode=ro, which would leave the files -wal and -shm behind (SQLite, "Write-Ahead
        # Logging": the last connection removes them, unless it is read-only).
        mode = "mode=rw"
        if (
            not os.access(self.path.parent, os.W_OK)
            and not self.path.with_name(f"{self.path.name}-wal").exists()
        ):
            mode = "immutable=1"  # where no such files can be made, nobody can be writing either
        uri = f"{self.path.absolute().as_uri()}?{mode}"
        return sqlite3.connect(uri, timeout=_PATIENCE, isolation_level=None, uri=True)

    def _prepare(self, connection: sqlite3.Connection) -> None:
        version = schema.check(connection, self.path, writable=self._writable)
        if self._writable:
            # First of all: what is known by its first bytes is so whenever a run dies.
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            # Readers do not wait for the writer, nor it for them (SQLite, "Write-Ahead Logging").
            connection.execute("PRAGMA journal_mode = WAL")
            # Every commit waits for the disk: after a power cut, too, what is paid for is known.
            connection.execute("PRAGMA synchronous = FULL")
            # A short log is soon written over from its start: on a disk that is full, what is
            # written then needs no more room (SQLite's own 1000 pages are 4 MB of growth).
            connection.execute("PRAGMA wal_autocheckpoint = 64")
            schema.bring_up(connection, version)
            schema.move_in(connection, self.folder)
            return
        schema.complete(connection, version)
        connection.execute("PRAGMA query_only = ON")
        home = schema.home_of(connection) or schema.early_home(connection, self.folder)
        if home is not None and home != str(self.folder):
            self.moved = Move(home, str(self.folder))

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.close()
        finally:
            if self._lock is not None:
                self._lock.release()

    @contextlib.contextmanager
    def _explained(self) -> Generator[None]:
        """Raise what is wrong with the file as an error that names it, and says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
            if code == sqlite3.SQLITE_NOTADB:
                raise JournalError(
                    f"{self.path} is not a journal.", hint=schema.OTHER_PATH
                ) from error
            # SQLite, "Result and Error Codes": the rest of the number says it in detail.
            hint = _HINTS.get(code & 0xFF, _DAMAGED)
            raise JournalError(f"The journal {self.path}: {error}.", hint=hint) from error
        except (DamagedError, UnicodeDecodeError) as error:
            raise JournalError(
                f"The journal {self.path} is damaged ({error}).", hint=_DAMAGED
            ) from error


def _deliver(calls: Iterable[_Call[Any]]) -> None:
    for call in calls:
        call.deliver()
