"""Between FFmpeg's frames and `Samples`."""

from collections.abc import Iterator
from contextlib import suppress

import numpy as np
from av.audio.frame import AudioFrame
from av.filter import Graph

from .samples import Samples

# Interleaved 32-bit float: with planes PyAV 18 hands over seven channels at the most.
SAMPLE_FORMAT = "flt"


def to_frame(samples: Samples, layout: str, rate: int) -> AudioFrame:
    """Return samples as a frame with this channel layout and sample rate."""
    interleaved = samples.T.reshape(1, -1)
    frame = AudioFrame.from_ndarray(interleaved, format=SAMPLE_FORMAT, layout=layout)
    frame.sample_rate = rate
    return frame


def to_samples(frame: AudioFrame) -> Samples:
    """Return a frame of the format `SAMPLE_FORMAT` as samples."""
    interleaved = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)
    return np.ascontiguousarray(interleaved.T, dtype=np.float32)


def pull_all(graph: Graph) -> Iterator[AudioFrame]:
    """Yield what a filter graph has ready."""
    with suppress(BlockingIOError, EOFError):  # "feed me first", and "that was all"
        while True:
            frame = graph.pull()
            assert isinstance(frame, AudioFrame)
            yield frame
