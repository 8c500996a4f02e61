"""The lock of a journal: one run at a time, and none that outlives its process."""

import contextlib
import os
import sys
from pathlib import Path

from audio_enhance._core.errors import JournalLockedError

if sys.platform == "win32":
    import msvcrt

    def _try_lock(fd: int) -> None:
        # The lock is a byte far behind the text: what is locked on Windows can not be read.
        os.lseek(fd, 1 << 30, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def _try_lock(fd: int) -> None:
        # flock(2) instead of fcntl(2): it also holds between two descriptors of one process.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


class JournalLock:
    """A file beside the journal that is locked, and holds the process id of who locked it.

    The lock is the operating system's and ends with the process, however that ends; the file
    alone, left by a run that was killed, locks nobody out.

    Attributes:
        path: The locked file.
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self.path = journal.with_name(f"{journal.name}.lock")
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock without waiting.

        Raises:
            JournalLockedError: Somebody has it; `pid` says who.
            OSError: The file cannot be made, or its file system has no locks.
        """
        while self._fd is None:
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
            fd = os.open(self.path, flags, 0o666)
            try:
                try:
                    _try_lock(fd)
                except (BlockingIOError, PermissionError):  # what flock, what Windows says
                    raise JournalLockedError(str(self._journal), _pid(fd)) from None
                if self._is_current(fd):
                    self._fd, fd = fd, -1
                    os.write(self._fd, b"%-20d\n" % os.getpid())  # covers any that was there
            finally:
                if fd >= 0:
                    os.close(fd)

    def release(self) -> None:
        """Give the lock back and remove its file; does nothing when it is not held."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        if os.name == "posix":
            self._remove()  # while it is held: whoever waits for it finds out, see _is_current
            os.close(fd)
        else:
            os.close(fd)
            self._remove()  # fails on Windows as long as anybody has it open, which is right

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()

    def _is_current(self, fd: int) -> bool:
        """Whether the file is still there: its last holder may just have removed it."""
        if os.name != "posix":
            return True
        try:
            return os.path.samestat(os.fstat(fd), self.path.stat())
        except FileNotFoundError:
            return False


def _pid(fd: int) -> int | None:
    try:
        return int(os.read(fd, 20))
    except ValueError:  # between taking the lock and writing it down
        return None
