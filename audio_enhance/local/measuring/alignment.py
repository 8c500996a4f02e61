"""How much later the same sound comes in a result than in its original.

Encoders put silence in front (MP3's is up to 50 ms), and decoders take off more or less of it.
Without this, switching between the two would jump.
"""

import numpy as np

from audio_enhance.local.enhancer.samples import RATE, Samples

DECIMATION = 4
_RATE = RATE // DECIMATION
_MOST_SECONDS = 0.25
_SECONDS = 20  # that are compared
_LONGEST = 600  # seconds from the start, in which the loudest stretch is looked for
# Less alike than this, the two have no moment in common that can be trusted.
_LEAST_LIKENESS = 0.3


class Excerpt:
    """The beginning of a recording, at a quarter of the rate; bounded, however long it is."""

    def __init__(self) -> None:
        self._pieces: list[Samples] = []
        self._rest: Samples = np.zeros(0, np.float32)
        self._length = 0

    def add(self, mono: Samples) -> None:
        """Take in what comes next."""
        if self._length >= _LONGEST * _RATE:
            return
        mono = np.concatenate([self._rest, mono])
        whole = len(mono) // DECIMATION * DECIMATION
        self._rest = mono[whole:]
        piece = mono[:whole].reshape(-1, DECIMATION).mean(axis=1, dtype=np.float32)
        self._pieces.append(piece.astype(np.float16))
        self._length += len(piece)

    @property
    def samples(self) -> Samples:
        """What there is, as numbers of 16 bits."""
        return np.concatenate([np.zeros(0, np.float16), *self._pieces])[: _LONGEST * _RATE]


def lag(before: Samples, after: Samples) -> float:
    """Return how many seconds later `after` comes; 0 where the two are not alike.

    Args:
        before: The samples of an `Excerpt`.
        after: Those of its result.
    """
    reach = round(_MOST_SECONDS * _RATE)
    start = _loudest(before)
    stop = start + _SECONDS * _RATE
    a, b = (x[start:stop].astype(np.float32) for x in (before, after))
    size = 1 << (max(len(a), len(b), 1) + reach - 1).bit_length()
    likeness = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    near = np.concatenate([likeness[-reach:], likeness[: reach + 1]])
    best = int(np.argmax(near))
    energy = float(np.sqrt(np.square(a).sum() * np.square(b).sum()))
    if energy == 0 or near[best] < _LEAST_LIKENESS * energy:
        return 0.0
    return (best - reach) / _RATE


def _loudest(samples: Samples) -> int:
    """Return where the loudest stretch begins, in whole seconds."""
    seconds = len(samples) // _RATE
    squares = np.square(samples[: seconds * _RATE].astype(np.float32)).reshape(seconds, _RATE)
    sums = np.concatenate([[0.0], np.cumsum(squares.sum(axis=1, dtype=np.float64))])
    if seconds <= _SECONDS:
        return 0
    return int(np.argmax(sums[_SECONDS:] - sums[:-_SECONDS])) * _RATE
