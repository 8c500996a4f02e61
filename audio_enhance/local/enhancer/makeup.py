"""The level made up: in a room that echoes, speech comes out of the network 4 to 6 dB quieter.

Measured where somebody speaks, over the last minute: how loud the speech must have been in the
recording, without the noise that lay over it, against how loud it is now. Only speech is raised:
the echo behind it and the noise between stay where the network has brought them.
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
_RISE = (-10.0, 0.0)  # dB of that estimate between which the gain goes from none to all
_STEP = 480  # samples for each of the network's estimates
_RELEASE = 25  # steps in which the gain dies away behind speech, to a third
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
    memory, speech = SpeechMemory(), _Speech()
    gain: float | None = None
    for part in parts:
        memory.add(part)
        now, length = float(np.clip(memory.loss, 0, _MOST)), part.clean.shape[1]
        decibels = faded(now if gain is None else gain, now, length, FADE)
        decibels *= speech.share(part.above, length)
        gain = now
        yield attrs.evolve(part, clean=part.clean * 10 ** (decibels / 20))


class _Speech:
    """Where somebody speaks: rises at once, and dies away slowly."""

    def __init__(self) -> None:
        self._last = 0.0

    def share(self, above: Levels, length: int) -> Samples:
        """Return for each of so many samples how much it is speech, 0 to 1."""
        steps = np.arange(len(above))
        # Each estimate counts for less and less from its step on; the largest of all holds.
        found = np.append(self._last, np.interp(above, _RISE, (0, 1)))
        fading = np.append(-1, steps) / _RELEASE
        with np.errstate(divide="ignore"):
            held = np.maximum.accumulate(np.log(found) + fading) - fading
        shares = np.exp(held[1:])
        if not len(shares):
            return np.full(length, self._last, np.float32)
        self._last = float(shares[-1])
        middles = (steps + 0.5) * _STEP
        return np.interp(np.arange(length), middles, shares).astype(np.float32)
