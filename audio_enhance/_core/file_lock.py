"""The operating system's lock on a file, which ends with its process, however that ends."""

import os
import sys

if sys.platform == "win32":
    import msvcrt

    def try_lock(fd: int) -> None:
        """Lock an open file without waiting; raises `OSError` where somebody else has it locked."""
        # The lock is a byte far behind the text: what is locked on Windows can not be read.
        os.lseek(fd, 1 << 30, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        os.lseek(fd, 0, os.SEEK_SET)
else:
    import fcntl

    def try_lock(fd: int) -> None:
        """Lock an open file without waiting; raises `OSError` where somebody else has it locked."""
        # flock(2) instead of fcntl(2): it also holds between two descriptors of one process.
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
