"""The lock of a journal: one run at a time, and none that outlives its process."""

import contextlib
import errno
import os
import re
import stat
from pathlib import Path

from audio_enhance._core.errors import JournalError, JournalLockedError
from audio_enhance._core.file_lock import has_name, try_lock

# What a lock holds: a process id, or nothing yet.
_LOCK = re.compile(rb"(?:\d+ *\n?)?")


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
            JournalError: A link or another file is there, which is left alone.
            OSError: The file cannot be made, or its file system has no locks.
        """
        while self._fd is None:
            fd = self._opened()
            try:
                try:
                    try_lock(fd)
                except (BlockingIOError, PermissionError):  # what flock, what Windows says
                    raise JournalLockedError(str(self._journal), _pid(fd)) from None
                if has_name(fd, self.path):
                    self._check(fd)
                    self._fd, fd = fd, -1
                    os.write(self._fd, b"%-20d\n" % os.getpid())  # covers any that was there
            finally:
                if fd >= 0:
                    os.close(fd)

    def _opened(self) -> int:
        # Its name is known beforehand, so in a folder that others write to it may be anything.
        flags = os.O_RDWR | os.O_CREAT
        for flag in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):
            flags |= getattr(os, flag, 0)
        try:
            return os.open(self.path, flags, 0o666)
        except OSError as error:
            if error.errno == errno.ELOOP:  # what O_NOFOLLOW says of a link
                raise self._not_ours() from None
            raise

    def _check(self, fd: int) -> None:
        status = os.fstat(fd)
        regular = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
        if not regular or not _LOCK.fullmatch(os.read(fd, 64)):
            raise self._not_ours()
        os.lseek(fd, 0, os.SEEK_SET)

    def _not_ours(self) -> JournalError:
        return JournalError(
            f"{self.path} is in the way: it is not the lock of a journal.",
            hint="Move it away, or choose another path for the journal.",
        )

    def release(self) -> None:
        """Give the lock back and remove its file; does nothing when it is not held."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        if os.name == "posix":
            self._remove()  # while it is held: whoever waits for it finds out, see `acquire`
            os.close(fd)
        else:
            os.close(fd)
            self._remove()  # fails on Windows as long as anybody has it open, which is right

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink()


def holder_of(journal: Path) -> int | None:
    """Return the process id of the run that is at work on a journal, `None` if there is none.

    Nothing is waited for. A lock that a dead run left behind is nobody's.
    """
    lock = journal.with_name(f"{journal.name}.lock")
    try:
        fd = os.open(
            lock, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except OSError:
        return None
    try:
        pid = _pid(fd)
        if pid is None or not _is_alive(pid):
            return None
        try:
            try_lock(fd)
        except (BlockingIOError, PermissionError):
            return pid
        return None  # another process has the number of the dead one by now
    except OSError:
        return None
    finally:
        os.close(fd)


def _is_alive(pid: int) -> bool:
    if os.name != "posix":
        return True  # a signal would end it there
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


def _pid(fd: int) -> int | None:
    try:
        return int(os.read(fd, 20))
    except ValueError:  # between taking the lock and writing it down
        return None
