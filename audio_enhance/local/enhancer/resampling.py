"""From frames as a decoder hands them over to samples at 48 kHz."""

from collections.abc import Iterable, Iterator

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from .frames import SAMPLE_FORMAT, to_samples
from .layouts import Order
from .samples import RATE, Samples

_LOUDEST = 1000.0  # a float above +60 dBFS is no audio, and near-infinite ones stop an encoder


class Resampling:
    """Makes samples of frames of any shape.

    Args:
        channels: How many there are to be.
        order: How they lie in frames with so many.

    Attributes:
        done: How many samples a channel there were so far.
    """

    def __init__(self, channels: int, order: Order) -> None:
        self._channels = channels
        self._order = order
        self._resampler: AudioResampler | None = None
        self._shape: tuple[object, ...] = ()
        self.done = 0

    def add(self, frame: AudioFrame) -> Iterator[Samples]:
        """Yield what is ready once there is this frame, too."""
        # Recordings that were glued together (MP3) change their shape on the way; the first
        # one's number of channels is kept.
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:
            yield from self.flush()
        if self._resampler is None:
            kept = frame.layout.nb_channels in (1, self._channels)
            layout = frame.layout if kept else self._order.layout
            self._resampler, self._shape = AudioResampler(SAMPLE_FORMAT, layout, RATE), shape
        frame.pts = None  # the timeline has seen it; a resampler would stretch and squeeze
        yield from self._samples(self._resampler.resample(frame))

    def silence(self, until: int) -> Iterator[Samples]:
        """Yield what is left of the frames, and silence until there are so many samples."""
        yield from self.flush()
        while self.done < until:
            length = min(RATE, until - self.done)
            self.done += length
            yield np.zeros((self._channels, length), np.float32)

    def flush(self) -> Iterator[Samples]:
        """Yield what is left of the frames."""
        if self._resampler is not None:
            yield from self._samples(self._resampler.resample(None))
            self._resampler = None

    def _samples(self, frames: Iterable[AudioFrame]) -> Iterator[Samples]:
        for frame in frames:
            samples = to_samples(frame)
            samples[~(np.abs(samples) <= _LOUDEST)] = 0  # NaN, too
            if len(samples) < self._channels:
                # FFmpeg would make it 3 dB quieter, as a mixing desk does.
                samples = np.repeat(samples, self._channels, axis=0)
            elif self._order.places is not None:
                samples = samples[self._order.places]
            self.done += samples.shape[1]
            yield samples
