"""A file of which some bytes are read differently than they are."""

import os
from pathlib import Path


class Corrected:
    """A file that FFmpeg reads through PyAV; closed when nobody has it any more.

    Args:
        path: The file.
        place: Where other bytes stand.
        data: These.
    """

    def __init__(self, path: Path, place: int, data: bytes) -> None:
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        self._place = place
        self._data = data
        self._position = 0

    def __del__(self) -> None:
        os.close(self._file)

    def read(self, size: int) -> bytes:
        """Return the next bytes, so many at the most."""
        os.lseek(self._file, self._position, os.SEEK_SET)
        data = bytearray(os.read(self._file, size))
        first = self._place - self._position
        for number, byte in enumerate(self._data, first):
            if 0 <= number < len(data):
                data[number] = byte
        self._position += len(data)
        return bytes(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go somewhere else; returns where that is."""
        if whence == os.SEEK_CUR:
            offset += self._position
        elif whence == os.SEEK_END:
            offset += os.fstat(self._file).st_size
        self._position = offset
        return offset

    def tell(self) -> int:
        """Return where it is read next."""
        return self._position
