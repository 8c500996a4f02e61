"""The edit list of an MP4: when its sound begins.

FFmpeg writes either when the sound begins or how much of an encoder's delay is to be skipped, not
both: sound that begins late would begin with the delay. What it wrote is put right in place.
"""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_FOLDERS = (b"moov", b"trak", b"edts")
_ENTRY = {0: struct.Struct(">IiI"), 1: struct.Struct(">QqI")}  # duration, media time, speed
_NOTHING = -1  # the media time of a pause


def skip_delay(path: Path, delay: int) -> None:
    """Skip the encoder's delay in the first track, if that begins late.

    Args:
        path: The file, whose clock and whose track's count samples.
        delay: How many samples.
    """
    with path.open("r+b") as file:
        size = file.seek(0, 2)
        place = next(_edit_lists(file, 0, size), None)
        if place is None:
            return
        file.seek(place)
        version, count = file.read(1)[0], int.from_bytes(file.read(7)[3:], "big")
        entry = _ENTRY[version]
        pause, sound = (entry.unpack(file.read(entry.size)) for _ in range(2))
        if count != 2 or pause[1] != _NOTHING or sound[1] != 0:
            return
        file.seek(place + 8)
        file.write(entry.pack(pause[0] + delay, _NOTHING, pause[2]))
        file.write(entry.pack(sound[0] - delay, delay, sound[2]))


def _edit_lists(file: IO[bytes], start: int, end: int) -> Iterator[int]:
    """Yield where the contents of each `elst` box begin (ISO/IEC 14496-12)."""
    while start + 8 <= end:
        file.seek(start)
        size, kind = int.from_bytes(file.read(4), "big"), file.read(4)
        header = 8
        if size == 1:
            size, header = int.from_bytes(file.read(8), "big"), 16
        if size < header:
            return
        if kind == b"elst":
            yield start + header
        elif kind in _FOLDERS:
            yield from _edit_lists(file, start + header, start + size)
        start += size
