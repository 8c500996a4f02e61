"""The level that an engine wants its speech to have, and the way back.

DeepFilterNet3 mutes what is below -70 dBFS: speech at -60 dBFS came out 43 dB quieter. So every
recording is brought to one level first, wherever it is quiet, and back afterwards.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from .samples import RATE, Levels, Samples

_WANTED = -25.0  # dBFS, of loud frames
_RANGE = (-20.0, 45.0)  # dB
_SILENCE = -90.0  # dBFS; what is below is no speech at any level
_AROUND = 10  # seconds before and after that count for one
_SMOOTH = 5  # seconds over which the gain goes from one value to another, half of them


class LevelCurve:
    """By how much a recording is raised, second by second.

    Args:
        loudness: Each second's level in dBFS.
    """

    def __init__(self, loudness: Levels) -> None:
        known = np.where(loudness > _SILENCE, loudness, -np.inf)
        around = np.array(
            [
                known[max(0, second - _AROUND) : second + _AROUND + 1].max()
                for second in range(len(known))
            ]
        )
        seconds = np.flatnonzero(np.isfinite(around))
        if not len(seconds):
            self._gains = np.zeros(1)
            return
        # Through silence it goes straight from what was before to what comes.
        level = np.interp(np.arange(len(around)), seconds, around[seconds])
        gains = np.clip(_WANTED - level, *_RANGE)
        padded = np.pad(gains, _SMOOTH, mode="edge")
        self._gains = np.convolve(padded, np.full(2 * _SMOOTH + 1, 1 / (2 * _SMOOTH + 1)), "valid")

    def at(self, start: int, length: int) -> Samples:
        """Return the factors for so many samples from `start` on."""
        # Straight lines in dB between the middles of the seconds.
        steps = np.arange(start, start + length, 480, dtype=np.float64)
        ends = np.append(steps, start + length) / RATE - 0.5
        decibels = np.interp(ends, np.arange(len(self._gains)), self._gains)
        places = np.append(steps, start + length) - start
        factors = 10 ** (np.interp(np.arange(length), places, decibels) / 20)
        return factors.astype(np.float32)


def raised(blocks: Iterable[Samples], curve: LevelCurve, start: int = 0) -> Iterator[Samples]:
    """Yield samples at the level that the engine wants, given where the first of them is."""
    for block in blocks:
        yield block * curve.at(start, block.shape[1])
        start += block.shape[1]
