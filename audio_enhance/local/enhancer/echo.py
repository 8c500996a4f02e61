"""Dereverberation: what a room sends back late is predicted from what came before, and taken off.

This is WPE, the weighted prediction error method (Nakatani et al. 2010; Yoshioka and Nakatani
2012). For each frequency, a linear filter over past frames is fitted so that what it cannot
predict is left with as little energy as speech has at that time. All channels share one filter,
so that it moves nobody on the stage.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .samples import RATE, Samples, window_length

_SIZE, _HOP = 2048, 512  # samples
_TAPS = 10  # frames that a frame is predicted from
_DELAY = 3  # frames; what is nearer than these belongs to the voice
_ITERATIONS = 3
_BINS = round(8_000 * _SIZE / RATE)  # above 8 kHz rooms echo little
_TOGETHER = 32  # frequencies at a time, for the sake of memory
_OVERLAP = RATE  # samples in which one block's filter gives way to the next one's
AHEAD = 2 * _OVERLAP  # samples that have to be there behind a window, unless it is the last
_SHORTEST = RATE  # with less than a second there is nothing to learn from
_FLOOR = 1e-10

_WINDOW = np.hanning(_SIZE + 1)[:-1].astype(np.float32)
_SCALE = float(np.sum(_WINDOW[::_HOP] ** 2))

Spectra: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]
"""Channels, frequencies, frames."""


def dereverberated(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Yield the same samples with less echo; holds back one window and a second at the most."""
    held: Samples | None = None
    fading: Samples | None = None  # the end of the last block, still to be faded out
    for block in blocks:
        held = block if held is None else np.concatenate([held, block], axis=1)
        step = window_length(len(held))
        while held.shape[1] >= step + AHEAD:
            dry = _faded(fading, _without_echo(held[:, : step + _OVERLAP]))
            dry, fading = np.split(dry, [step], axis=1)
            yield dry
            held = held[:, step:]
    if held is not None:
        yield _faded(fading, _without_echo(held))


def _faded(fading: Samples | None, dry: Samples) -> Samples:
    if fading is not None:
        rise = np.linspace(0, 1, _OVERLAP, dtype=np.float32)
        dry[:, :_OVERLAP] = dry[:, :_OVERLAP] * rise + fading * (1 - rise)
    return dry


def _without_echo(samples: Samples) -> Samples:
    if samples.shape[1] < _SHORTEST:
        return samples.copy()
    spectra = _analysed(samples)
    for start in range(1, _BINS, _TOGETHER):
        part = spectra[:, start : min(start + _TOGETHER, _BINS)]
        part -= _predicted(part)
    return _synthesized(spectra, samples.shape[1])


def _predicted(spectra: Spectra) -> Spectra:
    """Return what the past says about each frame, for a few frequencies."""
    padded = np.pad(spectra, ((0, 0), (0, 0), (_TAPS + _DELAY - 1, 0)))
    # Frequencies, taps, then all channels' frames in a row.
    past = np.lib.stride_tricks.sliding_window_view(padded, spectra.shape[2], axis=2)
    past = past[:, :, :_TAPS].transpose(1, 2, 0, 3)
    past = np.ascontiguousarray(past).reshape(past.shape[0], _TAPS, -1)
    now = spectra.transpose(1, 0, 2)
    target = now.reshape(now.shape[0], 1, -1)
    left = now
    for _ in range(_ITERATIONS):
        power = np.mean(np.abs(left) ** 2, axis=1, keepdims=True)
        power = np.maximum(power, _FLOOR * power.max(axis=2, keepdims=True) + 1e-20)
        weights = np.broadcast_to(1 / power, left.shape).reshape(target.shape)
        weighted = (past * weights).conj().swapaxes(1, 2)
        correlation = (past @ weighted).astype(np.complex128)
        cross = (target @ weighted).astype(np.complex128).swapaxes(1, 2)
        strength = np.trace(correlation, axis1=1, axis2=2).real / _TAPS
        correlation += (1e-7 * strength + 1e-12)[:, None, None] * np.eye(_TAPS)
        filters = np.linalg.solve(correlation.swapaxes(1, 2), cross).swapaxes(1, 2)
        left = (target - filters.astype(np.complex64) @ past).reshape(now.shape)
    return (now - left).transpose(1, 0, 2)


def _analysed(samples: Samples) -> Spectra:
    end = _SIZE + -samples.shape[1] % _HOP
    padded = np.pad(samples, ((0, 0), (_SIZE - _HOP, end))).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _SIZE, axis=1)[:, ::_HOP]
    spectra = np.fft.rfft(frames * _WINDOW, axis=2).astype(np.complex64)
    return np.ascontiguousarray(spectra.swapaxes(1, 2))


def _synthesized(spectra: Spectra, length: int) -> Samples:
    frames = np.fft.irfft(spectra.swapaxes(1, 2), _SIZE, axis=2) * (_WINDOW / _SCALE)
    count = frames.shape[1]
    parts = _SIZE // _HOP
    total = np.zeros((len(frames), (count + parts - 1) * _HOP), np.float32)
    for part in range(parts):
        piece = frames[:, :, part * _HOP : (part + 1) * _HOP].reshape(len(frames), -1)
        total[:, part * _HOP : part * _HOP + piece.shape[1]] += piece
    return total[:, _SIZE - _HOP :][:, :length]
