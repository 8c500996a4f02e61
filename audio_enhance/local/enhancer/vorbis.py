"""Ogg with Vorbis, written by libsndfile, which the package `soundfile` brings along.

FFmpeg's own encoder of Vorbis is experimental and takes stereo only.
"""

import io
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Self

from av.audio.frame import AudioFrame

from .formats import Format
from .frames import to_samples
from .libsndfile import open_vorbis
from .ogg import comments_like, copy_with_comments, vorbis_headers

_QUALITIES = 10  # steps from the worst to the best


class VorbisEncoder:
    """Encodes frames into a file; a context manager.

    Args:
        target: Where to.
        format: How; its codec is Vorbis.
        source: A recording whose tags it is to have.

    Attributes:
        written: How many samples a channel there were so far.
    """

    def __init__(
        self,
        target: Path | IO[bytes],
        format: Format,  # noqa: A002 - the word for it
        source: Path | None = None,
    ) -> None:
        self._target = target
        self._source = source
        self.written = 0
        with ExitStack() as stack:
            folder = target.parent if isinstance(target, Path) else None
            # Without tags, which libsndfile would take a few of.
            self._bare = _Bare(stack.enter_context(TemporaryFile(dir=folder)))
            quality = _quality(format.rate, format.channels, format.bit_rate or 0)
            self._sound = open_vorbis(self._bare, format.rate, format.channels, quality)
            stack.callback(self._sound.close)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def add(self, frame: AudioFrame) -> None:
        """Append a frame."""
        self.written += frame.samples
        self._sound.write(to_samples(frame).T)
        self._bare.check()

    def finish(self) -> None:
        """Write what is held back, and close the file."""
        self._sound.close()
        self._bare.check()
        comments = vorbis_headers(self._bare.file)[1]
        if self._source is not None:
            with self._source.open("rb") as recording:
                tagged = vorbis_headers(recording)[1:2] or [b""]
            comments = comments_like(comments, tagged[0])
        if isinstance(self._target, Path):
            with self._target.open("wb") as target:
                copy_with_comments(self._bare.file, target, comments)
        else:
            copy_with_comments(self._bare.file, self._target, comments)
        self._open.close()


class _Bare:
    """A file for libsndfile, through which no exception can pass."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file = file
        self.seek, self.tell, self.read = file.seek, file.tell, file.read
        self._problem: OSError | None = None

    def write(self, data: bytes) -> int:
        try:
            return self.file.write(data)
        except OSError as problem:
            self._problem = problem
            return 0

    def check(self) -> None:
        if self._problem is not None:
            raise self._problem


@cache
def _quality(rate: int, channels: int, bit_rate: int) -> float:
    """Return the lowest quality, 0 to 1, with this bit rate; the best if none has it."""
    rate = min(rate, 48_000)  # above it says nothing of its bit rate
    for step in range(_QUALITIES):
        with io.BytesIO() as file:
            open_vorbis(file, rate, channels, step / _QUALITIES).close()
            nominal = vorbis_headers(file)[0][20:24]
        if int.from_bytes(nominal, "little", signed=True) >= bit_rate:
            return step / _QUALITIES
    return 1.0
