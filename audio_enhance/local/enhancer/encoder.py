"""FFmpeg's encoder and muxer for one stream of audio."""

from fractions import Fraction
from typing import IO, Any, Self, cast

import av
from av.audio.frame import AudioFrame

from .formats import Format


class Encoder:
    """Encodes frames into a file; to be closed by the caller.

    Args:
        target: Where to: FFmpeg's address of a file, or an open one.
        format: How.

    Attributes:
        written: How many samples a channel there were so far.
    """

    def __init__(self, target: str | IO[bytes], format: Format) -> None:  # noqa: A002 - the word
        container = av.open(target, "w", format=format.container, container_options=format.options)
        self._container = cast("Any", container)  # PyAV's stubs do not know what a muxer takes
        self._stream = self._container.add_stream(
            format.codec, rate=format.rate, options=format.encoding
        )
        self._stream.layout = format.layout
        if format.sample_format is not None:
            self._stream.format = format.sample_format
        if format.bit_rate is not None:
            self._stream.bit_rate = format.bit_rate
        self._format = format
        self._packets = 0
        self.written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._container.close()

    def add(self, frame: AudioFrame) -> None:
        """Append a frame."""
        # Without timestamps from zero on, MP4 gets no edit list for the encoder's delay.
        frame.pts = self.written
        frame.time_base = Fraction(1, self._format.rate)
        self.written += frame.samples
        self._mux(frame)

    def finish(self) -> None:
        """Write what the encoder holds back."""
        self._mux(None)

    def _mux(self, frame: AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._packets += 1
            if self._packets > self._format.leading_packets:
                self._container.mux(packet)
