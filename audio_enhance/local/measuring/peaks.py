"""The waveform: the lowest and the highest sample of each column."""

from pathlib import Path

import numpy as np

from audio_enhance.local.enhancer.samples import RATE, Samples

from .drawing import Columns, Drawing
from .pyramid import Pyramid

HOP = 128  # samples of a column: 2.7 ms
COLUMN_SECONDS = HOP / RATE
WIDTH = 4  # bytes: two numbers of 16 bits, lowest and highest
_FULL_SCALE = 32767


class Peaks:
    """The waveform of one channel, while it is written.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._drawing = Drawing(path, "<i2", 2, _joined)
        self._rest: Samples = np.zeros(0, np.float32)

    def add(self, mono: Samples) -> None:
        """Take in what comes next."""
        mono = np.concatenate([self._rest, mono])
        whole = len(mono) // HOP * HOP
        self._rest = mono[whole:]
        self._draw(mono[:whole])

    def finished(self) -> Pyramid:
        """Return the picture."""
        if len(self._rest):
            self._draw(np.pad(self._rest, (0, HOP - len(self._rest))))
        return self._drawing.finished()

    def _draw(self, mono: Samples) -> None:
        if len(mono):
            columns = mono.reshape(-1, HOP)
            ends = np.stack([columns.min(axis=1), columns.max(axis=1)], axis=1)
            self._drawing.add(np.round(np.clip(ends, -1, 1) * _FULL_SCALE))


def _joined(columns: Columns) -> Columns:
    return np.stack([columns[:, :, 0].min(axis=1), columns[:, :, 1].max(axis=1)], axis=1)
