"""What is done around DeepFilterNet3, step by step, each step in a file of its own.

level ──► dereverberation ──► noise in an empty band ──► network ──► one gain for all channels
      ──► level back ──► level made up ──► a trace of the original

Every step takes blocks of samples and yields blocks of samples: as many in the end, each at its
place. What it holds back meanwhile is bounded. What has to be known of the whole recording is
measured in a first pass (`survey`).
"""

from collections.abc import Iterable, Iterator
from itertools import tee

import numpy as np

from .band import filled
from .channels import shared
from .denoiser import denoise
from .dfn3 import DeepFilterNet3
from .echo import dereverberated
from .level import LevelCurve, raised
from .makeup import Heard, made_up
from .samples import Levels, Samples, window_length
from .survey import Survey
from .trace import guarded


def enhanced(
    blocks: Iterable[Samples], survey: Survey, channels: int
) -> Iterator[tuple[Samples, Samples]]:
    """Yield a recording part by part, before and after.

    Args:
        blocks: The recording.
        survey: What the first pass found out about it.
        channels: The first so many are worked on: 1 where all are alike.
    """
    originals, noisy = tee(blocks)
    return restored(originals, cleaned(noisy, survey, channels))


def restored(
    originals: Iterable[Samples], clean: Iterable[tuple[Samples, Levels]]
) -> Iterator[tuple[Samples, Samples]]:
    """Yield a recording part by part, before and after, given what `cleaned` made of it.

    What is done here goes by the last minute of the recording, and so takes it in one go.
    """
    return guarded(made_up(_beside(originals, clean)))


def cleaned(
    blocks: Iterable[Samples], survey: Survey, channels: int, first_window: int = 0
) -> Iterator[tuple[Samples, Levels]]:
    """Yield what the network leaves, and for each 10 ms how far speech is above noise, in dB.

    There is one part for each window. What this does at one place goes by the minute before it,
    so that the recording can be cut into pieces that overlap (`pieces`).

    Args:
        blocks: The recording from the start of a window on.
        survey: What the first pass found out about the whole of it.
        channels: The first so many are worked on.
        first_window: The number of that window.
    """
    curve = LevelCurve(survey.loudness)
    offsets = survey.offsets[:channels, None]
    start = first_window * window_length(channels)
    level = raised((block[:channels] - offsets for block in blocks), curve, start)
    prepared = filled(dereverberated(level), survey.edge, first_window)
    for clean, above in shared(denoise(prepared, DeepFilterNet3(channels)), survey.edge):
        yield clean / curve.at(start, clean.shape[1]), above
        start += clean.shape[1]


def _beside(
    originals: Iterable[Samples], cleaned: Iterable[tuple[Samples, Levels]]
) -> Iterator[Heard]:
    """Lay what was recorded beside what is left of it; one channel is repeated for all."""
    blocks = iter(originals)
    held = next(blocks)
    for clean, above in cleaned:
        waiting, count = [held], held.shape[1]
        while count < clean.shape[1]:
            waiting.append(next(blocks))
            count += waiting[-1].shape[1]
        original, held = np.split(np.concatenate(waiting, axis=1), [clean.shape[1]], axis=1)
        if clean.shape[1]:
            clean = np.broadcast_to(clean, original.shape)
            yield Heard(original=original, clean=clean, above=above)
    for _ in blocks:  # a recording knows its length when it has been read to its end
        pass
