"""Audio as the enhancer handles it: planar 32-bit float at 48 kHz, in blocks of any length.

RNNoise works at 48 kHz in frames of 10 ms; everything here follows from that.
"""

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

# Of 32 bits, which the stubs of numpy forget as soon as a Python number comes near.
Samples: TypeAlias = npt.NDArray[np.floating[Any]]
"""One row a channel, full scale is ±1."""

Levels: TypeAlias = npt.NDArray[np.float64]
"""One value in dBFS for every frame."""

RATE = 48_000
FRAME = RATE // 50  # 20 ms, over which a level is taken

_SILENCE = 1e-12  # -120 dBFS


def window_length(channels: int) -> int:
    """Return how many samples are held in memory at a time, however long the recording.

    That is 10 seconds of mono or stereo, and as much less of what has more channels.
    """
    return RATE * min(10, max(1, 20 // channels))


def windows(blocks: Iterable[Samples]) -> Iterator[Samples]:
    """Regroup blocks into windows of `window_length`; the last is shorter, perhaps empty."""
    waiting: list[Samples] = []
    held = 0
    for block in blocks:
        length = window_length(len(block))
        while held + block.shape[1] >= length:
            head, block = np.split(block, [length - held], axis=1)
            yield np.concatenate([*waiting, head], axis=1)
            waiting, held = [], 0
        waiting.append(block)
        held += block.shape[1]
    yield np.concatenate(waiting, axis=1)


def levels(samples: Samples) -> Levels:
    """Return the level of each whole frame of 20 ms in dBFS, all channels together.

    A constant offset, as cheap sound cards add one, is no sound and does not count.
    """
    frames = samples.shape[1] // FRAME
    cut = samples[:, : frames * FRAME].reshape(len(samples), frames, FRAME)
    squares = np.einsum("cft,cft->f", cut, cut, dtype=np.float64) / FRAME
    offsets = cut.mean(axis=2, dtype=np.float64)
    power = (squares - np.einsum("cf,cf->f", offsets, offsets)) / len(samples)
    return np.asarray(10 * np.log10(np.maximum(power, 0) + _SILENCE))


def loud_loss(before: Levels, after: Levels) -> float:
    """Return by how many dB the loudest third of some frames became quieter: their median."""
    loud = before >= np.quantile(before, 2 / 3)
    return float(np.median((before - after)[loud]))


def faded(before: float, after: float, length: int, over: int) -> Samples:
    """Return a value for each of so many samples, from one to another within the first `over`."""
    values = np.full(length, after, np.float32)
    start = values[:over]
    start[:] = np.linspace(before, after, len(start))
    return values
