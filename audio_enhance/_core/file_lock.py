"""The operating system's lock on a file, which ends with its process, however that ends."""

import os
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def lock(fd: int) -> None:
        """Lock an open file, and wait for that; raises `OSError` where there are no locks."""
        _lock(fd, msvcrt.LK_LOCK)

    def try_lock(fd: int) -> None:
        """Lock an open file without waiting; raises `OSError` where somebody else has it locked."""
        _lock(fd, msvcrt.LK_NBLCK)

    def _lock(fd: int, how: int) -> None:
        # The lock is a byte far behind the text: what is locked on Windows can not be read.
        os.lseek(fd, 1 << 30, os.SEEK_SET)
        msvcrt.locking(fd, how, 1)
        os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def lock(fd: int) -> None:
        """Lock an open file, and wait for that; raises `OSError` where there are no locks."""
        fcntl.flock(fd, fcntl.LOCK_EX)

    def try_lock(fd: int) -> None:
        """Lock an open file without waiting; raises `OSError` where somebody else has it locked."""
        # flock(2) instead of fcntl(2): it also holds between two descriptors of one process.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)


def has_name(fd: int, path: Path) -> bool:
    """Whether an open file is still at a path: who had it locked before may have removed it."""
    if sys.platform == "win32":
        return True  # there nobody can remove what is open
    try:
        return os.path.samestat(os.fstat(fd), path.lstat())
    except FileNotFoundError:
        return False
