"""RNNoise, the recurrent network that removes noise, through the library inside `pyrnnoise`.

The library is opened without importing the Python package around it, which pulls in plotting
and audio packages that nothing here needs, casts samples to 16 bit without clipping them, and
neither takes off RNNoise's delay nor gives back its last frames. The C interface (rnnoise.h)
takes and gives 32-bit floats in the range of 16-bit integers.
"""

import numpy as np

from .libraries import rnnoise
from .samples import Levels, Samples

_FRAME = 480
# Half level in, double out: it keeps clear of the network's full scale (for recordings above
# 0 dBFS too), and on speech in noise it scored a shade better than full level.
_SCALE = np.float32(32768 / 2)


class RNNoise:
    """Removes noise from the channels of one recording; each has a state of its own.

    Raises:
        OSError: There is no such library for this system.
    """

    frame = _FRAME
    delay = 2 * _FRAME

    def __init__(self, channels: int) -> None:
        self._library = rnnoise()
        self._states = [self._library.rnnoise_create(None) for _ in range(channels)]

    def process(self, samples: Samples) -> tuple[Samples, Levels]:
        """Return the samples without noise, and the likeliest channel's probability of speech."""
        # The network is recurrent: one NaN would never leave it. `Recording` lets none through.
        clean = np.ascontiguousarray(samples * _SCALE)
        step = self._library.rnnoise_process_frame
        voice = np.zeros((len(clean), clean.shape[1] // _FRAME))
        for channel, state in enumerate(self._states):
            address = clean[channel].ctypes.data
            for number in range(voice.shape[1]):
                place = address + number * _FRAME * clean.itemsize
                voice[channel, number] = step(state, place, place)
        return clean / _SCALE, voice.max(axis=0)

    def close(self) -> None:
        """Free the states."""
        while self._states:
            self._library.rnnoise_destroy(self._states.pop())
