"""Writing a result: from `Samples` to the format that it is to have."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from .formats import Format
from .frames import SAMPLE_FORMAT, to_frame, to_samples
from .samples import RATE, Samples


class Output:
    """A file that is encoded as it is written to; a context manager.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, format: Format) -> None:  # noqa: A002 - the word for it
        self._format = format
        container = av.open(
            f"file:{path}", "w", format=format.container, container_options=format.options
        )
        self._container = cast("Any", container)  # PyAV's stubs do not know what a muxer takes
        self._stream = self._container.add_stream(format.codec, rate=format.rate)
        self._stream.layout = format.layout
        if format.sample_format is not None:
            self._stream.format = format.sample_format
        if format.bit_rate is not None:
            self._stream.bit_rate = format.bit_rate
        self._resampler = AudioResampler(SAMPLE_FORMAT, format.layout, format.rate)
        self._written = 0
        self._packets = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._container.close()

    def write(self, samples: Samples) -> None:
        """Append samples at 48 kHz."""
        # A second at a time: at 384 kHz a whole window would be eight times as large.
        for start in range(0, samples.shape[1], RATE):
            piece = to_frame(samples[:, start : start + RATE], self._format.layout, RATE)
            for frame in self._resampler.resample(piece):
                self._encode(frame)

    def finish(self, length: int) -> None:
        """End the file.

        Args:
            length: How many samples a channel it has to have, at the result's own rate. A
                resampler's last samples are one more or less than that.
        """
        missing = max(length - self._written, 0)
        rest = [to_samples(frame) for frame in self._resampler.resample(None)]
        padding = np.zeros((self._format.channels, missing), np.float32)
        tail = np.concatenate([*rest, padding], axis=1)[:, :missing]
        if missing:
            self._encode(to_frame(tail, self._format.layout, self._format.rate))
        self._mux(None)

    def _encode(self, frame: AudioFrame) -> None:
        # Without timestamps from zero on, MP4 gets no edit list for the encoder's delay.
        frame.pts = self._written
        frame.time_base = Fraction(1, self._format.rate)
        self._written += frame.samples
        self._mux(frame)

    def _mux(self, frame: AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._packets += 1
            if self._packets > self._format.leading_packets:
                self._container.mux(packet)
