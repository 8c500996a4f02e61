"""FFmpeg's `afftdn`, the denoiser where there is no RNNoise.

It subtracts a noise spectrum, and has to be told which: it samples the quietest half second of
the recording's first window. Measured on two synthesized voices in noise at 10 dB, the noise in
pauses falls by 21 to 23 dB (white, hum) or 10 to 17 dB (pink), where RNNoise takes away more
than 30. Noise that changes stays.
"""

from fractions import Fraction

import numpy as np
from av.filter import Graph

from .frames import SAMPLE_FORMAT, pull_all, to_frame, to_samples
from .samples import FRAME, RATE, Levels, Samples, levels

_MONO = "mono"
_FRAME = 1200  # samples; the filter works in steps of 25 ms, and is one step late
_PROFILE = RATE // 2
_REDUCTION = 24  # dB
_ABOVE = 6  # dB; noise is louder at times than the level that is its median
_DIGITAL_SILENCE = -110  # dBFS
_NOISE_FLOORS = (-80.0, -20.0)  # dB, what the filter's option `nf` takes
_SCALE = np.float32(0.1)  # puts the floor of very noisy recordings into that range


class Afftdn:
    """Removes steady noise from one recording.

    Each channel has a filter of its own: with 8 channels in one, FFmpeg's ends the process.
    """

    frame = _FRAME
    delay = _FRAME

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._filters: list[_Filter] = []

    def process(self, samples: Samples) -> tuple[Samples, Levels]:
        """Return the samples without noise; of the probability of speech it knows nothing."""
        quiet = samples * _SCALE
        if not self._filters:
            noise, floor = _quietest(quiet)
            self._filters = [_Filter(noise[[n]], floor) for n in range(self._channels)]
        voice = np.zeros((samples.shape[1] // 480,))
        clean = [each.run(quiet[[n]]) for n, each in enumerate(self._filters)]
        return np.concatenate(clean) / _SCALE, voice

    def close(self) -> None:
        """Free the filters."""
        self._filters = []


class _Filter:
    """FFmpeg's filter for one channel, which has heard what is noise there."""

    def __init__(self, noise: Samples, floor: float) -> None:
        self._position = 0
        self._graph = graph = Graph()
        source = graph.add_abuffer(
            format=SAMPLE_FORMAT, layout=_MONO, sample_rate=RATE, time_base=Fraction(1, RATE)
        )
        floor = min(max(floor + _ABOVE, _NOISE_FLOORS[0]), _NOISE_FLOORS[1])
        denoiser = graph.add("afftdn", f"nr={_REDUCTION}:nf={floor:.1f}")
        graph.link_nodes(source, denoiser, graph.add("abuffersink")).configure()
        denoiser.process_command("sample_noise", "start")
        # The command counts from the next step on; the last one is still inside afterwards.
        self.run(noise)
        denoiser.process_command("sample_noise", "stop")

    def run(self, samples: Samples) -> Samples:
        # Small frames: a command takes effect between two of them.
        clean: list[Samples] = []
        for piece in np.split(samples, range(_FRAME, samples.shape[1], _FRAME), axis=1):
            frame = to_frame(piece, _MONO, RATE)
            frame.pts, frame.time_base = self._position, Fraction(1, RATE)
            self._position += frame.samples
            self._graph.push(frame)
            clean += [to_samples(done) for done in pull_all(self._graph)]
        return np.concatenate(clean, axis=1)


def _quietest(samples: Samples) -> tuple[Samples, float]:
    """Return the quietest half second that is not digital silence, and its level in dBFS."""
    frames = levels(samples)
    run = _PROFILE // FRAME
    if len(frames) < run:
        return np.resize(samples, (len(samples), _PROFILE)), float(np.mean(frames))
    means = np.convolve(frames, np.full(run, 1 / run), "valid")
    start = int(np.argmin(np.where(means > _DIGITAL_SILENCE, means, np.inf)))
    return samples[:, start * FRAME :][:, :_PROFILE], float(means[start])
