"""One way through a recording, for all that a player shows of it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import attrs
import numpy as np

from audio_enhance.local.enhancer.decode import Recording
from audio_enhance.local.enhancer.figures import Figures, Meter
from audio_enhance.local.enhancer.samples import RATE, windows

from . import alignment
from .peaks import Peaks
from .pyramid import Pyramid
from .spectrum import Spectrum

EXCERPT = ".excerpt"
PEAKS = ".peaks"
SPECTRUM = ".spectrum"
# All that `survey` leaves beside a place.
ENDINGS = (PEAKS, SPECTRUM, EXCERPT)


@attrs.frozen(kw_only=True)
class Survey:
    """What was found.

    Attributes:
        figures: Loudness, peak and levels.
        peaks: The waveform.
        spectrum: The spectrogram.
        highest: The highest peak of the waveform, 1 being full scale.
        lag: How many seconds later the same sound comes than in the original; 0 of an original.
    """

    figures: Figures
    peaks: Pyramid
    spectrum: Pyramid
    highest: float
    lag: float = 0.0


def survey(
    path: Path,
    place: Path,
    *,
    original: Path | None = None,
    tell: Callable[[float], object] | None = None,
) -> Survey:
    """Look through a recording; blocks, at constant memory.

    Args:
        path: The recording.
        place: What is drawn goes into files of this name with `ENDINGS`.
        original: The place of what this is the enhancement of, to find how the two lie.
        tell: Told now and then how many seconds were looked at.

    Raises:
        NotAudioError: It is not audio, or is broken.
        OSError: It cannot be read, or there is no room for what is drawn.
    """
    peaks, spectrum = Peaks(_at(place, PEAKS)), Spectrum(_at(place, SPECTRUM))
    excerpt = alignment.Excerpt()
    highest, seconds = 0.0, 0.0
    with Recording(path) as recording:
        meter = Meter(recording.format.channels)
        for block in windows(recording.blocks()):
            meter.add(block)
            mono = block.mean(axis=0, dtype=np.float32)
            highest = max(highest, float(np.abs(mono).max(initial=0.0)))
            for part in (peaks, spectrum, excerpt):
                part.add(mono)
            seconds += block.shape[1] / RATE
            if tell is not None:
                tell(seconds)
        figures = meter.figures(recording.length / recording.rate)
    lag = 0.0
    if original is None:
        with _at(place, EXCERPT).open("wb") as file:
            np.save(file, excerpt.samples)
    else:
        with suppress(FileNotFoundError):
            lag = alignment.lag(np.load(_at(original, EXCERPT)), excerpt.samples)
    return Survey(
        figures=figures,
        peaks=peaks.finished(),
        spectrum=spectrum.finished(),
        highest=highest,
        lag=lag,
    )


def _at(place: Path, ending: str) -> Path:
    return place.with_name(place.name + ending)
