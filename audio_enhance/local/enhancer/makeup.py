"""The level made up: in a room that echoes, speech comes out of the network 4 to 6 dB quieter.

Measured where somebody speaks, over the last minute: how loud the speech must have been in the
recording, without the noise that lay over it, against how loud it is now.
"""

from collections.abc import Iterable, Iterator

import attrs
import numpy as np

from .samples import FRAME, RATE, Levels, Samples, faded, levels, loud_loss

SPEECH = 0.0  # dB of the network's estimate of speech above noise, from which on it is speech
_NOISE = -5.0  # dB, and below this it is none
_MEMORY = 60 * RATE // FRAME  # frames
_ENOUGH = RATE // FRAME // 2  # frames of speech before there is an opinion: half a second
_MOST = 6.0  # dB
_QUIETEST = -30.0  # dB against the frame: as much of it can at least be speech
FADE = RATE  # samples over which one gain gives way to the next


@attrs.frozen(kw_only=True)
class Heard:
    """A part of a recording, before and after.

    Attributes:
        original: What was recorded.
        clean: What the engine left of it, sample by sample at the same place.
        above: For each 10 ms, how far speech was above noise there, in dB.
    """

    original: Samples
    clean: Samples
    above: Levels


class SpeechMemory:
    """How loud loud speech was and is, over the last minute of it."""

    def __init__(self) -> None:
        self._frames = np.empty((2, 0))
        self._noise = 0.0

    def add(self, part: Heard) -> None:
        """Take in a part."""
        before, after = levels(part.original), levels(part.clean)
        above = part.above[: 2 * len(before)].reshape(-1, 2).max(axis=1)
        pauses = above < _NOISE
        if np.any(pauses):
            self._noise = float(np.mean(10 ** (before[pauses] / 10)))
        power = 10 ** (before / 10)
        speech = np.maximum(power - self._noise, power * 10 ** (_QUIETEST / 10))
        expected = 10 * np.log10(speech)
        frames = np.stack([expected, after])[:, above > SPEECH]
        self._frames = np.concatenate([self._frames, frames], axis=1)[:, -_MEMORY:]

    @property
    def loss(self) -> float:
        """By how many dB loud speech is quieter than it was; 0 while little was heard."""
        expected, now = self._frames
        if len(expected) < _ENOUGH:
            return 0.0
        return loud_loss(expected, now)


def made_up(parts: Iterable[Heard]) -> Iterator[Heard]:
    """Yield each part with the level of its speech made up, by 6 dB at most."""
    memory = SpeechMemory()
    gain: float | None = None
    for part in parts:
        memory.add(part)
        now = float(np.clip(memory.loss, 0, _MOST))
        factors = faded(now if gain is None else gain, now, part.clean.shape[1], FADE)
        gain = now
        yield attrs.evolve(part, clean=part.clean * 10 ** (factors / 20))
