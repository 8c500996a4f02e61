"""Reading a source for sending: at once what is in memory, in a thread what is not."""

import io
import os
from collections.abc import Callable
from typing import Any


def _cached(fd: int, size: int, offset: int) -> memoryview | None:
    """Read what the page cache holds (preadv2(2), `RWF_NOWAIT`), without waiting for a disk."""
    if not hasattr(os, "RWF_NOWAIT"):
        return None
    # A new one each time: a transport may hold what it was given until it is sent.
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], offset, os.RWF_NOWAIT)
    except OSError:
        # Not there, or on a file system that cannot say: reading it the usual way will tell.
        return None
    return memoryview(buffer)[:count] if count else None


class FileReader(io.FileIO):
    """Reads a file of its own."""

    def read_cached(self, size: int, /) -> memoryview | None:
        """Return up to that many bytes that are in memory anyway; `None` if there are none."""
        return _cached(self.fileno(), size, -1)  # from its own position, and moving that


class SharedReader(io.RawIOBase):
    """Reads a file that others have open too, without moving their position."""

    def __init__(self, file: io.FileIO, read_at: Callable[[int, Any], int]) -> None:
        self._file = file
        self._read_at = read_at
        self._offset = 0

    def readable(self) -> bool:
        """Return that it is."""
        return True

    def seekable(self) -> bool:
        """Return that it is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place in the file, and return its offset from the start."""
        if whence == io.SEEK_CUR:
            offset += self._offset
        elif whence == io.SEEK_END:
            offset += os.fstat(self._file.fileno()).st_size
        self._offset = offset
        return offset

    def readinto(self, buffer: Any, /) -> int:
        """Fill the buffer and return the number of bytes."""
        count = self._read_at(self._offset, buffer)
        self._offset += count
        return count

    def read_cached(self, size: int, /) -> memoryview | None:
        """Return up to that many bytes that are in memory anyway; `None` if there are none."""
        # The usual way will tell that it was closed in the meantime.
        data = None if self._file.closed else _cached(self._file.fileno(), size, self._offset)
        self._offset += len(data or b"")
        return data


class MemoryReader(io.BytesIO):
    """Reads bytes in memory."""

    def read_cached(self, size: int, /) -> memoryview | None:
        """Return up to that many bytes."""
        return memoryview(self.read(size))


Reader = FileReader | SharedReader | MemoryReader
