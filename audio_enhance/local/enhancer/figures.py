"""A recording in figures that people understand, to be compared before and after."""

import math
from fractions import Fraction
from pathlib import Path

import attrs
import numpy as np
import numpy.typing as npt
from av.filter import Graph

from .decode import Recording
from .frames import SAMPLE_FORMAT, pull_all, to_frame
from .layouts import usual_layout
from .samples import RATE, Samples, levels, windows

_STEP = RATE // 10  # ebur128 measures in steps of 100 ms
_BINS = np.arange(-120.0, 20.1, 0.1)  # dBFS


@attrs.frozen(kw_only=True)
class Figures:
    """The figures that were measured of a recording.

    Attributes:
        duration: Seconds.
        loudness: Integrated loudness in LUFS (EBU R 128); -70 is silence.
        true_peak: The highest peak between samples too, in dBTP.
        noise_floor: The level in dBFS that is exceeded 90 % of the time: the noise in pauses.
        speech_level: The level in dBFS that is exceeded 10 % of the time: the speech.
    """

    duration: float
    loudness: float
    true_peak: float
    noise_floor: float
    speech_level: float

    @property
    def speech_to_noise(self) -> float:
        """How far speech is above the noise in pauses, in dB; larger is cleaner."""
        return self.speech_level - self.noise_floor


def measure(path: Path) -> Figures:
    """Measure a recording; blocks until it has been decoded, at constant memory.

    Raises:
        NotAudioError: It is not audio, or is broken.
        OSError: It cannot be read.
    """
    with Recording(path) as recording:
        meter = Meter(recording.format.channels)
        for block in windows(recording.blocks()):
            meter.add(block)
        return meter.figures(recording.length / recording.rate)


class Meter:
    """Measures a recording that is handed to it piece by piece.

    Args:
        channels: How many channels it has.
    """

    def __init__(self, channels: int) -> None:
        self._loudness = _LoudnessMeter(channels)
        self._histogram = np.zeros(len(_BINS) - 1, np.int64)

    def add(self, samples: Samples) -> None:
        """Take in what comes next; all but the last have to be whole steps of 100 ms."""
        surplus = -samples.shape[1] % _STEP
        if surplus:
            samples = np.pad(samples, ((0, 0), (0, surplus)))
        if samples.shape[1]:
            self._loudness.add(samples)
            inside = np.clip(levels(samples), _BINS[0], _BINS[-1])
            self._histogram += np.histogram(inside, _BINS)[0]

    def figures(self, duration: float) -> Figures:
        """Return what was measured of a recording of so many seconds."""
        return Figures(
            duration=duration,
            loudness=self._loudness.loudness,
            true_peak=self._loudness.true_peak,
            noise_floor=_quantile(self._histogram, 0.1),
            speech_level=_quantile(self._histogram, 0.9),
        )


class _LoudnessMeter:
    """FFmpeg's `ebur128`, which attaches its results to the frames that it passes on."""

    def __init__(self, channels: int) -> None:
        self._layout = usual_layout(channels)
        self._position = 0
        self._graph = Graph()
        source = self._graph.add_abuffer(
            format=SAMPLE_FORMAT,
            layout=self._layout,
            sample_rate=RATE,
            time_base=Fraction(1, RATE),
        )
        meter = self._graph.add("ebur128", "metadata=1:peak=true")
        self._graph.link_nodes(source, meter, self._graph.add("abuffersink")).configure()
        self.loudness = -70.0
        self.true_peak = -math.inf

    def add(self, samples: Samples) -> None:
        """Take in a whole number of steps."""
        frame = to_frame(samples, self._layout, RATE)
        frame.pts, frame.time_base = self._position, Fraction(1, RATE)
        self._position += frame.samples
        self._graph.push(frame)
        for measured in pull_all(self._graph):
            self.loudness = float(measured.metadata["lavfi.r128.I"])
            peak = float(measured.metadata["lavfi.r128.true_peak"])  # as an amplitude
            self.true_peak = 20 * math.log10(peak) if peak else -math.inf


def _quantile(histogram: npt.NDArray[np.int64], share: float) -> float:
    reached = np.cumsum(histogram) >= share * histogram.sum()
    return round(float(_BINS[int(np.argmax(reached))]), 1)
