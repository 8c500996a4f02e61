"""What says that kept data belongs to nobody yet, so that a process that dies leaves none behind.

Beside data that is kept lies a mark for as long as no journal knows of it. It is locked, and the
lock ends with the process: what is marked, and locked by nobody, is data whose job never was.
"""

import contextlib
import os
from pathlib import Path

from audio_enhance._core.file_lock import has_name, lock, try_lock

from .filenames import PART_PREFIX, SPOOLED_SUFFIX

_SUFFIX = ".arriving"
_KNOWN = b"known\n"


class Arrival:
    """The mark beside a file that is about to arrive. All of it blocks, for a moment."""

    def __init__(self, data: Path) -> None:
        """Make the mark; raises `OSError`. What dead processes left in the folder goes first."""
        remove_left(data.parent)
        self._path = data.with_suffix(_SUFFIX)
        self._fd: int | None = _locked(self._path)

    def over(self, *, known: bool) -> None:
        """Remove the mark; never raises.

        Args:
            known: Whether a journal knows of the data, which must not go with the mark.
        """
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        with contextlib.suppress(OSError):
            if known:
                os.write(fd, _KNOWN)  # the lock goes before the mark does
        os.close(fd)
        with contextlib.suppress(OSError):
            self._path.unlink()


def _locked(mark: Path) -> int:
    """Make a mark and return it open and locked; where there are no locks, just open."""
    while True:
        fd = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        # Before it was locked, it may have looked left behind. Whoever removes it has it locked,
        # and would remove the data that is about to come, too: so that is waited for.
        with contextlib.suppress(OSError):
            lock(fd)
        if has_name(fd, mark):
            return fd
        os.close(fd)


def remove_left(folder: Path) -> None:
    """Remove data in a folder whose processes died before any journal knew of it; blocks."""
    with contextlib.suppress(OSError):
        for mark in folder.glob(f"{PART_PREFIX}*{_SUFFIX}"):
            with contextlib.suppress(OSError):
                _remove_if_left(mark)


def take_over(data: Path) -> None:
    """Take away the mark of data that a journal turned out to know; blocks, and never raises."""
    with contextlib.suppress(OSError):
        data.with_suffix(_SUFFIX).unlink()


def _remove_if_left(mark: Path) -> None:
    fd = os.open(mark, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
    try:
        try_lock(fd)
        if not has_name(fd, mark):
            return  # another has removed it since, and there may be a new one
        if os.read(fd, len(_KNOWN)) != _KNOWN:
            with contextlib.suppress(FileNotFoundError):
                mark.with_suffix(SPOOLED_SUFFIX).unlink()
        if os.name == "posix":
            mark.unlink()  # while it is locked: who waits for that sees that it is gone
    finally:
        os.close(fd)
    if os.name != "posix":
        mark.unlink()  # there an open file cannot be removed
