"""Writing a result: from `Samples` to the format that it is to have."""

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from av.audio.resampler import AudioResampler

from .encoder import Encoder
from .formats import Format
from .frames import SAMPLE_FORMAT, to_frame, to_samples
from .probe import habits
from .samples import RATE, Samples


class Output:
    """A file that is encoded as it is written to; a context manager.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, format: Format) -> None:  # noqa: A002 - the word for it
        self._format = format
        self._habits = habits(format)
        self._resampler = AudioResampler(SAMPLE_FORMAT, format.layout, format.rate)
        self._encoder = Encoder(f"file:{path}", format)

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
