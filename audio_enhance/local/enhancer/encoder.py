"""FFmpeg's encoder and muxer for one stream of audio."""

from contextlib import ExitStack
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import IO, Any, Self, cast

import av
from av.audio.frame import AudioFrame
from av.container import Flags

from .besides import carry_over
from .containers import open_container
from .formats import Format
from .tracks import OtherTracks
from .vorbis import VorbisEncoder


def open_encoder(
    target: Path | IO[bytes],
    format: Format,  # noqa: A002 - the word for it
    source: Path | None = None,
    start: Fraction = Fraction(0),
) -> "Encoder | VorbisEncoder":
    """Return what encodes a format; the arguments are those of `Encoder`."""
    if format.codec == "vorbis":
        return VorbisEncoder(target, format, source)
    return Encoder(target, format, source, start)


class Encoder:
    """Encodes frames into a file; a context manager.

    Args:
        target: Where to.
        format: How.
        source: A recording whose tags, chapters, pictures and other tracks it is to have.
        start: When the first sample is to be heard, in seconds.

    Attributes:
        written: How many samples a channel there were so far.
    """

    def __init__(
        self,
        target: Path | IO[bytes],
        format: Format,  # noqa: A002 - the word for it
        source: Path | None = None,
        start: Fraction = Fraction(0),
    ) -> None:
        self._format = format
        # The others begin at zero.
        self._start = round(start * format.rate) if format.container in ("mp4", "mov") else 0
        self._packets = 0
        self._others: OtherTracks | None = None
        self.written = 0
        self._open = ExitStack()
        with self._open as stack:
            container = av.open(
                f"file:{target}" if isinstance(target, Path) else target,
                "w",
                format=format.container,
                container_options=format.options,
            )
            stack.callback(container.close)
            self._container = cast("Any", container)  # PyAV's stubs do not know what a muxer takes
            self._stream = self._container.add_stream(
                format.codec, rate=format.rate, options=format.encoding
            )
            self._stream.layout = format.layout
            if format.sample_format is not None:
                self._stream.format = format.sample_format
            if format.bit_rate is not None:
                self._stream.bit_rate = format.bit_rate
            if source is not None:
                self._carry_over(source, stack)
            self._open = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._open.close()

    def add(self, frame: AudioFrame) -> None:
        """Append a frame."""
        # Without timestamps from zero on, MP4 gets no edit list for the encoder's delay.
        frame.pts = self._start + self.written
        frame.time_base = Fraction(1, self._format.rate)
        self.written += frame.samples
        self._mux(frame)

    def finish(self) -> None:
        """Write what is held back, and close the file."""
        self._mux(None)
        if self._others is not None:
            self._others.until(inf)
        self._open.close()

    def _carry_over(self, source: Path, stack: ExitStack) -> None:
        if self._format.container in ("wav", "aiff"):
            # Their chunks are copied; tags of FFmpeg's own would be there twice.
            self._container.flags |= Flags.bitexact.value
            return
        with open_container(source) as recording:
            is_ogg = self._format.container == "ogg"
            pictures = carry_over(recording, self._container, self._stream, is_ogg=is_ogg)
            self._others = OtherTracks(source, self._container)
            stack.callback(self._others.close)
            self._container.mux(pictures)

    def _mux(self, frame: AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._packets += 1
            if self._packets > self._format.leading_packets:
                self._container.mux(packet)
        if self._others is not None:
            self._others.until((self._start + self.written) / self._format.rate)
