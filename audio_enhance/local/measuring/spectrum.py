"""The spectrogram: how much power there is in each band at each moment."""

from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from audio_enhance.local.enhancer.samples import RATE, Samples

from .drawing import Columns, Drawing
from .pyramid import Pyramid

HOP = 1024  # samples from one column to the next: 21 ms
SIZE = 2048  # samples that a column looks at
COLUMN_SECONDS = HOP / RATE
BANDS = 96
LOWEST, HIGHEST = 60.0, 16_000.0  # Hz
QUIETEST = -120.0  # dBFS, as the number 0
STEP = 0.5  # dB from one number to the next

_EDGES = np.maximum(
    1, np.round(LOWEST * (HIGHEST / LOWEST) ** (np.arange(BANDS + 1) / BANDS) * SIZE / RATE)
).astype(int)
_WINDOW = np.hanning(SIZE + 1)[:SIZE].astype(np.float32)


class Spectrum:
    """The spectrogram of one channel, while it is written.

    Args:
        path: Its file.
    """

    def __init__(self, path: Path) -> None:
        self._drawing = Drawing(path, "u1", BANDS, _joined)
        # So that a column's middle is at its moment.
        self._rest: Samples = np.zeros(SIZE // 2 - HOP // 2, np.float32)

    def add(self, mono: Samples) -> None:
        """Take in what comes next."""
        mono = np.concatenate([self._rest, mono])
        count = (len(mono) - SIZE) // HOP + 1
        if count < 1:
            self._rest = mono
            return
        self._rest = mono[count * HOP :]
        self._drawing.add(_levels(sliding_window_view(mono, SIZE)[::HOP][:count]))

    def finished(self) -> Pyramid:
        """Return the picture."""
        self.add(np.zeros(SIZE - HOP // 2, np.float32))
        return self._drawing.finished()


def _levels(frames: Samples) -> Columns:
    """Return the bands of each frame as numbers."""
    power = np.abs(np.fft.rfft(frames * _WINDOW)) ** 2 / (SIZE / 4) ** 2
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    ends = np.maximum(_EDGES[1:], _EDGES[:-1] + 1)  # a band has one line at least
    bands = (sums[:, ends] - sums[:, _EDGES[:-1]]) / (ends - _EDGES[:-1])
    return _numbers(10 * np.log10(np.maximum(bands, 1e-12)))


def _numbers(decibels: Columns) -> Columns:
    return np.clip(np.round((decibels - QUIETEST) / STEP), 0, 255)


def _joined(columns: Columns) -> Columns:
    power: Columns = 10 ** (columns * (STEP / 10))  # what 0 stands for does not matter to a mean
    mean: Columns = power.mean(axis=1)
    return np.clip(np.round(10 / STEP * np.log10(mean)), 0, 255)
