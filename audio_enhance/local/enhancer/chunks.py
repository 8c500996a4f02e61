"""The chunks of WAV (RIFF, RF64) and AIFF: what a recorder wrote beside the sound.

No library knows them all, so they are copied as they are: `bext` with the time of day, `iXML`
with scene and take, cue points, markers, names. Their places are in samples, which stay the same.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NamedTuple

# What describes the sound's encoding, or only holds a place: the result has its own.
_ENCODING = frozenset(
    {
        *(b"fmt ", b"data", b"fact", b"ds64", b"JUNK", b"junk", b"PAD ", b"FLLR"),
        *(b"PEAK", b"levl", b"COMM", b"SSND", b"FVER", b"CHAN"),
    }
)
_UNKNOWN = (0, 0xFFFFFFFF)  # the size of what was streamed, or is beyond 4 GiB
_AT_A_TIME = 1 << 20
_DS64 = struct.Struct("<QQQI")  # bytes of the file, of its sound, samples, and no more sizes
_EXTENSIBLE = 0xFFFE


class Chunk(NamedTuple):
    """A chunk: its name, where its contents begin, and how long they say they are."""

    name: bytes
    start: int
    size: int


class Chunks:
    """The chunks of a file that is open; none if it has none.

    Attributes:
        is_aiff: Whether it is AIFF and not WAV.
        is_rf64: Whether it is WAV beyond 4 GiB.
        length: How many bytes the file has.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        file.seek(0)
        form = file.read(12)
        self.is_aiff = form[:4] == b"FORM" and form[8:] in (b"AIFF", b"AIFC")
        self.is_rf64 = form[:4] == b"RF64"
        self._known = self.is_aiff or (form[:4] in (b"RIFF", b"RF64") and form[8:] == b"WAVE")
        self.length = file.seek(0, os.SEEK_END)

    def __iter__(self) -> Iterator[Chunk]:
        place, long = 12, 0
        while self._known and place + 8 <= self.length:
            self._file.seek(place)
            name = self._file.read(4)
            size = self._number(self._file.read(4))
            if name == b"ds64":
                long = int.from_bytes(self._file.read(16)[8:], "little")
            if name == b"data" and self.is_rf64 and size == 0xFFFFFFFF:
                size = long
            yield Chunk(name, place + 8, size)
            place += 8 + size + size % 2

    def read(self, name: bytes, most: int) -> bytes:
        """Return the beginning of a chunk's contents; nothing if there is none."""
        for chunk in self:
            if chunk.name == name:
                self._file.seek(chunk.start)
                return self._file.read(min(chunk.size, most))
        return b""

    def missing(self) -> float:
        """Return how many seconds the file lacks of what it says to have."""
        form = self.read(b"fmt ", 16)
        if len(form) < 16:
            return 0.0
        a_second = int.from_bytes(form[8:12], "little")
        for chunk in self:
            if chunk.name == b"data" and chunk.size not in _UNKNOWN and a_second:
                return max(chunk.start + chunk.size - self.length, 0) / a_second
        return 0.0

    def append(self, others: "Chunks") -> None:
        """Append those chunks of another file that say nothing of the sound's encoding."""
        kept = [chunk for chunk in others if self._can_have(chunk, others)]
        for chunk in kept:
            self.length += self.length % 2
            self._file.seek(self.length)
            size = chunk.size.to_bytes(4, "big" if self.is_aiff else "little")
            self._file.write(chunk.name + size)
            others.copy(chunk, self._file)
            self._file.write(bytes(chunk.size % 2))
            self.length = self._file.tell()
        if kept:
            self._write_length()

    def copy(self, chunk: Chunk, target: IO[bytes]) -> None:
        """Write a chunk's contents into another file."""
        self._file.seek(chunk.start)
        left = chunk.size
        while left:
            data = self._file.read(min(left, _AT_A_TIME))
            target.write(data)
            left -= len(data)

    def _can_have(self, chunk: Chunk, others: "Chunks") -> bool:
        return (
            self._known
            and self.is_aiff == others.is_aiff
            and chunk.name not in _ENCODING
            and chunk.start + chunk.size <= others.length
        )

    def _write_length(self) -> None:
        length = self.length - 8
        if self.is_rf64:
            self._file.seek(20)
            self._file.write(length.to_bytes(8, "little"))
        elif not self.is_aiff and length >= _UNKNOWN[1]:
            self._become_rf64()
        elif length < 1 << 32:
            self._file.seek(4)
            self._file.write(length.to_bytes(4, "big" if self.is_aiff else "little"))

    def _become_rf64(self) -> None:
        """Say in 64 bits how long it is, where the encoder has left room for that (EBU 3306)."""
        room, sound = next(iter(self)), next(chunk for chunk in self if chunk.name == b"data")
        if room.name != b"JUNK" or room.size < _DS64.size:
            return
        frame = int.from_bytes(self.read(b"fmt ", 14)[12:], "little")
        samples = sound.size // max(frame, 1)
        for place, data in (
            (0, b"RF64" + b"\xff" * 4),
            (12, b"ds64"),
            (room.start, _DS64.pack(self.length - 8, sound.size, samples, 0)),
            (sound.start - 4, b"\xff" * 4),
        ):
            self._file.seek(place)
            self._file.write(data)

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "big" if self.is_aiff else "little")


def copy_chunks(source: Path, result: Path) -> None:
    """Give a WAV or AIFF what another has besides its sound; nothing happens to other files."""
    with source.open("rb") as recording, result.open("r+b") as file:
        Chunks(file).append(Chunks(recording))


def seconds_cut_off(path: Path) -> float:
    """Return how many seconds a WAV lacks of what it says to have; 0 for other files."""
    with path.open("rb") as file:
        return Chunks(file).missing()


def misread_bits(path: Path) -> tuple[int, bytes] | None:
    """Return where FFmpeg has to read something else in the header of a WAV, and what.

    Where 24 bits lie in 32, FFmpeg takes the 24 for the size of a sample.
    """
    with path.open("rb") as file:
        chunks = Chunks(file)
        form = chunks.read(b"fmt ", 40)
        if len(form) < 26:
            return None
        tag, channels, _, _, block, bits, _, valid = struct.unpack("<HHIIHHHH", form[:20])
        start = next(chunk.start for chunk in chunks if chunk.name == b"fmt ")
    size = 8 * block // max(channels, 1)
    if tag != _EXTENSIBLE or size == 8 * -(-valid // 8) or bits != size:
        return None
    return start + 18, size.to_bytes(2, "little")
