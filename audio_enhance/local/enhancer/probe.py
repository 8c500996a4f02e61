"""What writing a file does to the sound besides encoding it, found out with a tone.

FFmpeg writes 5.0 and 6.1 as Opus, and 7.1 as AIFF, with channels in wrong places, and LAME makes
everything up to half a decibel quieter. Other versions may do neither, so it is tried and not
assumed.
"""

import io
from functools import cache

import attrs
import av
import numpy as np

from .encoder import open_encoder
from .formats import Format
from .frames import to_frame
from .layouts import Order, settled
from .resampling import Resampling
from .samples import RATE, Samples

_LENGTH = 0.25  # seconds for which the tone is in each channel
_TONE = 100  # Hz; a subwoofer has it as well
_LEVEL = 0.25


@attrs.frozen
class Habits:
    """What an encoder does.

    Attributes:
        places: For each channel it is given, which of those that come out it is.
        gain: By what factor everything is louder.
    """

    places: list[int]
    gain: float

    def undone(self, samples: Samples) -> Samples:
        """Return what to give to the encoder, so that these samples come out."""
        if self.gain == 1 and self.places == list(range(len(samples))):
            return samples
        return samples[self.places] / np.float32(self.gain)


def habits(format: Format) -> Habits:  # noqa: A002 - the word for it
    """Return what the encoder of a format does; the first time for each takes a moment."""
    if format.channels <= 2 and format.codec != "libmp3lame":
        return Habits(list(range(format.channels)), 1)
    return _tried(
        format.container,
        format.codec,
        format.rate,
        format.layout,
        format.channels,
        format.bit_rate,
        tuple(sorted(format.encoding.items())),
    )


@cache
def _tried(
    container: str,
    codec: str,
    rate: int,
    layout: str,
    channels: int,
    bit_rate: int | None,
    encoding: tuple[tuple[str, str], ...],
) -> Habits:
    format = Format(  # noqa: A001 - the word for it
        container=container,
        codec=codec,
        rate=rate,
        layout=layout,
        channels=channels,
        bit_rate=bit_rate,
        encoding=dict(encoding),
    )
    turn = int(_LENGTH * rate)
    tone = _LEVEL * np.sin(2 * np.pi * _TONE / rate * np.arange(turn), dtype=np.float32)
    given = np.zeros((channels, channels, turn), np.float32)
    given[range(channels), range(channels)] = tone
    heard = np.pad(_there_and_back(given.reshape(channels, -1), format), ((0, 0), (0, RATE)))
    # The middle of each turn: what is around its ends may be smeared or late.
    middle = int(_LENGTH * RATE) // 4
    turns = heard[:, : channels * 4 * middle].reshape(channels, channels, 4 * middle)
    power = np.mean(turns[:, :, middle:-middle].astype(np.float64) ** 2, axis=2)
    places = [int(np.argmax(power[:, number])) for number in range(channels)]
    if codec != "libmp3lame":
        return Habits(places, 1)
    return Habits(places, float(np.sqrt(2 * power.max(axis=0).mean()) / _LEVEL))


def _there_and_back(samples: Samples, format: Format) -> Samples:  # noqa: A002 - the word for it
    with io.BytesIO() as file:
        with open_encoder(file, format) as encoder:
            encoder.add(to_frame(samples, format.layout, format.rate))
            encoder.finish()
        file.seek(0)
        with av.open(file, "r") as container:
            stream = container.streams.audio[0]
            order = settled(stream.codec_context) or Order(format.layout)
            resampling = Resampling(format.channels, order)
            blocks = [
                block for frame in container.decode(stream) for block in resampling.add(frame)
            ]
            return np.concatenate([*blocks, *resampling.flush()], axis=1)
