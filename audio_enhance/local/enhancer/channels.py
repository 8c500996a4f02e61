"""What is taken away is taken from all channels alike, so that nobody moves on the stage.

The network hears the channels one by one, and takes from each what it likes: a voice that was
6 dB louder on the left came out 7 dB louder, give or take 3. So for each moment and frequency,
what was left over all channels together becomes one gain for all.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from .denoiser import Denoised
from .samples import RATE, Levels, Samples

_HOP = 480  # samples: one frame of the network
_SIZE = 2 * _HOP
_WINDOW = np.sqrt(np.hanning(_SIZE + 1)[:-1]).astype(np.float32)
_NOTHING = 1e-12


def shared(parts: Iterable[Denoised], edge: float | None) -> Iterator[tuple[Samples, Levels]]:
    """Yield what is left, and the values for each 10 ms.

    Args:
        parts: Before and after, as the network hears the channels.
        edge: What is above so many Hz goes; nothing does if None.
    """
    join: _Join | None = None
    for part in parts:
        if edge is None and len(part.clean) == 1:
            yield part.clean, part.voice
            continue
        join = join or _Join(len(part.clean), edge)
        yield join.add(part)
    if join is not None:
        yield join.rest()


class _Join:
    """Overlapping frames of 20 ms; what comes out is one hop behind what goes in."""

    def __init__(self, channels: int, edge: float | None) -> None:
        self._before = np.zeros((2, channels, _HOP), np.float32)
        self._half = np.zeros((channels, _HOP), np.float32)
        self._values = np.zeros(0)
        self._missing = _HOP  # what comes out first is from before the beginning
        self._left = 0
        frequencies = np.fft.rfftfreq(_SIZE, 1 / RATE)
        self._kept = np.ones(len(frequencies), np.float32)
        if edge is not None:
            self._kept[frequencies > edge] = 0

    def add(self, part: Denoised) -> tuple[Samples, Levels]:
        self._left += part.clean.shape[1]
        pair = np.stack([part.original, part.clean])
        padding = -pair.shape[2] % _HOP
        pair = np.pad(pair, ((0, 0), (0, 0), (0, padding)))
        pair = np.concatenate([self._before, pair], axis=2)
        self._before = pair[:, :, -_HOP:]
        return self._out(self._overlapped(pair), part.voice)

    def rest(self) -> tuple[Samples, Levels]:
        pair = np.pad(self._before, ((0, 0), (0, 0), (0, _HOP)))
        return self._out(self._overlapped(pair), np.zeros(0))

    def _out(self, samples: Samples, values: Levels) -> tuple[Samples, Levels]:
        samples, self._missing = samples[:, self._missing :], 0
        samples = samples[:, : self._left]
        self._left -= samples.shape[1]
        values = np.concatenate([self._values, values])
        ready, self._values = np.split(values, [-(-samples.shape[1] // _HOP)])
        return samples, ready

    def _overlapped(self, pair: Samples) -> Samples:
        frames = np.lib.stride_tricks.sliding_window_view(pair, _SIZE, axis=2)[:, :, ::_HOP]
        noisy, clean = np.fft.rfft(frames * _WINDOW, axis=3)
        if len(noisy) > 1:
            left = np.sum(np.abs(clean) ** 2, axis=0)
            gains = np.sqrt(left / (np.sum(np.abs(noisy) ** 2, axis=0) + _NOTHING))
            clean = noisy * np.minimum(gains, 1)
        sound = np.fft.irfft(clean * self._kept, _SIZE, axis=2).astype(np.float32) * _WINDOW
        first = sound[:, :, :_HOP]
        second = np.concatenate([self._half[:, None], sound[:, :-1, _HOP:]], axis=1)
        self._half = sound[:, -1, _HOP:]
        return np.asarray((first + second).reshape(len(sound), -1))
