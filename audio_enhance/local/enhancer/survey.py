"""A first look through a recording: how loud it is where, and what it has nothing of."""

from collections.abc import Iterable

import attrs
import numpy as np

from .samples import FRAME, RATE, Levels, Samples, levels, windows

_LOUD = 0.9  # of a second's frames are quieter than its level: pauses do not count
_SEGMENT = 2048  # samples of a spectrum
_HANN = np.hanning(_SEGMENT).astype(np.float32)
_VOICE = (300, 3_400)  # Hz
_NARROW = 6_000  # Hz; speech up to here has lost its consonants
_NOTHING = 60.0  # dB below the voice, and there is nothing


@attrs.frozen(kw_only=True)
class Survey:
    """What is known of a recording before it is enhanced.

    Attributes:
        length: Samples a channel at 48 kHz.
        loudness: For each second, the level in dBFS of what is loud in it.
        edge: Above so many Hz there is nothing, where that is so little that speech has lost
            its consonants (a telephone); else None.
        offsets: The mean of each channel, which is no sound.
        alike: Whether all channels are the same to the bit.
    """

    length: int
    loudness: Levels
    edge: float | None
    offsets: Samples
    alike: bool


def survey(blocks: Iterable[Samples]) -> Survey:
    """Look through a whole recording, window by window."""
    length, alike = 0, True
    loudness: list[float] = []
    power = np.zeros(_SEGMENT // 2 + 1)
    sums = np.zeros(1)
    for window in windows(blocks):
        length += window.shape[1]
        sums = sums + window.sum(axis=1, dtype=np.float64)
        alike = alike and bool(np.all(window == window[:1]))
        loudness += _loudness(window)
        power += _power(window)
    return Survey(
        length=length,
        loudness=np.array(loudness),
        edge=_edge(power),
        offsets=(sums / max(length, 1)).astype(np.float32),
        alike=alike,
    )


def _loudness(window: Samples) -> list[float]:
    frames = levels(window)
    second = RATE // FRAME
    starts = range(0, len(frames), second)
    return [float(np.quantile(frames[start : start + second], _LOUD)) for start in starts]


def _power(window: Samples) -> Levels:
    segments = window.shape[1] // _SEGMENT
    cut = window[:, : segments * _SEGMENT].reshape(-1, _SEGMENT)
    total = np.zeros(_SEGMENT // 2 + 1)
    for part in np.array_split(cut, max(1, len(cut) // 64)):
        spectrum = np.fft.rfft((part - part.mean(axis=1, keepdims=True)) * _HANN, axis=1)
        total += np.sum(np.abs(spectrum) ** 2, axis=0)
    return total


def _edge(power: Levels) -> float | None:
    frequencies = np.fft.rfftfreq(_SEGMENT, 1 / RATE)
    voice = power[(frequencies >= _VOICE[0]) & (frequencies <= _VOICE[1])].mean()
    heard = power > voice * 10 ** (-_NOTHING / 10)
    if not np.any(heard):
        return None
    edge = float(frequencies[np.flatnonzero(heard)[-1]])
    return edge if edge < _NARROW else None
