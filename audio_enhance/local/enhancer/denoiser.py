"""What removes noise, and how its result is laid against the original."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import NamedTuple, Protocol

import numpy as np

from .samples import Levels, Samples, window_length, windows


class Denoiser(Protocol):
    """Removes noise from one recording, window by window.

    Attributes:
        frame: It takes a multiple of so many samples at a time.
        delay: Its output is so many samples late.
    """

    frame: int
    delay: int

    def process(self, samples: Samples) -> tuple[Samples, Levels]:
        """Return as many samples as it was given, and how sure it is of speech for each 10 ms."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...


class Denoised(NamedTuple):
    """A part of a recording, before and after.

    Attributes:
        original: What was recorded.
        clean: The same without noise, sample by sample at the same place.
        voice: For each 10 ms, how sure the denoiser is of speech: each has a scale of its own.
    """

    original: Samples
    clean: Samples
    voice: Levels


def denoise(blocks: Iterable[Samples], denoiser: Denoiser) -> Iterator[Denoised]:
    """Yield a recording before and after, without the denoiser's delay and to its last sample."""
    late, frame = denoiser.delay, denoiser.frame
    held: Samples | None = None  # originals whose clean version is still on its way
    with closing(denoiser):
        for window in windows(blocks):
            samples = window
            # The last one is shorter, and pushes out what is still inside.
            if window.shape[1] < window_length(len(window)):
                end = late + -(window.shape[1] + late) % frame
                samples = np.pad(window, ((0, 0), (0, end)))
            clean, voice = denoiser.process(samples)
            if held is None:
                held, clean, voice = window, clean[:, late:], voice[late // 480 :]
            else:
                held = np.concatenate([held, window], axis=1)
            clean = clean[:, : held.shape[1]]
            original, held = np.split(held, [clean.shape[1]], axis=1)
            if original.shape[1]:
                yield Denoised(original, clean, voice)
