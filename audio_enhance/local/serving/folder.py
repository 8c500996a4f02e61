"""A temporary folder for as long as its process lives, and what others left that were killed."""

import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(fd: int, *, wait: bool) -> None:
        # A byte far behind the mark: what is locked on Windows cannot be read.
        os.lseek(fd, 1 << 30, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def _lock(fd: int, *, wait: bool) -> None:
        fcntl.flock(fd, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)


_PREFIX = "audio-enhance-"
_WORK = ".work-of-audio-enhance-"
_LOCK = "lock"
_MARK = b"locked\n"


class TemporaryFolder:
    """A folder with a lock, which ends with the process, however that ends.

    So a folder whose lock can be had belongs to nobody any more. A process id would not do: they
    are used again, and mean nothing in another container.

    Attributes:
        path: The folder.
    """

    def __init__(self) -> None:
        """Make it; raises `OSError` if that cannot be."""
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._fd = os.open(self.path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        _lock(self._fd, wait=True)  # another program's start may just look at it
        # From now on whoever can lock it may remove it. Before, it was not locked yet.
        os.write(self._fd, _MARK)

    def remove(self) -> None:
        """Remove it with all that is in it; what cannot be removed now is at the next start."""
        os.close(self._fd)
        shutil.rmtree(self.path, ignore_errors=True)


def remove_leftovers() -> None:
    """Remove the folders of processes that have ended without doing so."""
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        if _is_left(path):
            shutil.rmtree(path, ignore_errors=True)


def work_folder(directory: Path) -> Path:
    """Make a new folder for what is in work, and remove those of services that were killed.

    A new one each time: a process of theirs may still be writing to the old one.
    """
    directory.mkdir(parents=True, exist_ok=True)
    for left in directory.glob(f"{_WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=_WORK, dir=directory))


def _is_left(path: Path) -> bool:
    try:
        found = path.lstat()
        # The folder for temporary files is everybody's: what others own is not ours to judge.
        if not stat.S_ISDIR(found.st_mode) or not _is_ours(found):
            return False
        fd = os.open(path / _LOCK, os.O_RDWR)
        try:
            _lock(fd, wait=False)
            return os.read(fd, len(_MARK)) == _MARK
        finally:
            os.close(fd)
    except OSError:  # it has no lock, or somebody holds it, or it has just gone
        return False


def _is_ours(found: os.stat_result) -> bool:
    return sys.platform == "win32" or found.st_uid == os.getuid()
