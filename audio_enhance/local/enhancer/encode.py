"""Writing a result: from `Samples` to the format that it is to have."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.resampler import AudioResampler

from .chunks import copy_chunks
from .edits import skip_delay
from .encoder import open_encoder
from .formats import Format
from .frames import SAMPLE_FORMAT, to_frame, to_samples
from .probe import habits
from .samples import RATE, Samples

_AAC_DELAY = 1024  # samples that FFmpeg's encoder puts before the first one


class Output:
    """A file that is encoded as it is written to; a context manager.

    Args:
        path: The file.
        format: What it is to be.
        source: The recording, whose tags, chapters, pictures, chunks and other tracks it gets.
        start: When its first sample is to be heard, in seconds of the file's clock.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(
        self,
        path: Path,
        format: Format,  # noqa: A002 - the word for it
        source: Path | None = None,
        start: Fraction = Fraction(0),
    ) -> None:
        self._path = path
        self._source = source
        self._starts_late = start > 0
        self._format = format
        self._habits = habits(format)
        self._resampler = AudioResampler(SAMPLE_FORMAT, format.layout, format.rate)
        self._encoder = open_encoder(path, format, source, start)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._encoder.__exit__(kind, error, tb)

    def write(self, samples: Samples) -> None:
        """Append samples at 48 kHz."""
        # A second at a time: at 384 kHz a whole window would be eight times as large.
        for start in range(0, samples.shape[1], RATE):
            part = self._habits.undone(samples[:, start : start + RATE])
            for frame in self._resampler.resample(to_frame(part, self._format.layout, RATE)):
                self._encoder.add(frame)

    def finish(self, length: int) -> None:
        """End the file.

        Args:
            length: How many samples a channel it has to have, at the result's own rate. A
                resampler's last samples are one more or less than that.
        """
        missing = max(length - self._encoder.written, 0)
        rest = [to_samples(frame) for frame in self._resampler.resample(None)]
        padding = np.zeros((self._format.channels, missing), np.float32)
        tail = np.concatenate([*rest, padding], axis=1)[:, :missing]
        if missing:
            self._encoder.add(to_frame(tail, self._format.layout, self._format.rate))
        self._encoder.finish()
        if self._source is not None:
            copy_chunks(self._source, self._path)
        if self._starts_late and self._format.codec == "aac":
            skip_delay(self._path, _AAC_DELAY)
