"""The guard that keeps RNNoise from deleting a voice.

RNNoise takes the voice of someone far from the microphone, in a room that echoes, for noise:
measured on synthetic rooms (reverberation time 0.6 s, reverberation 6 dB above the voice), it
takes up to 34 dB off the loud parts of speech. The guard watches how much level the loudest
third of the speech loses, over the last minute, and brings back the more of the original the
more that is: nothing below 3 dB (noise alone, taken off speech at 0 dB, makes that much
difference), 56 % from 7 dB on. In the measurements it never acted on dry speech in white or pink
noise or hum, at 0 dB and above; it did where a dozen other voices talked 5 dB below it.

What is speech is RNNoise's own opinion, at a low threshold: even where it deleted a voice it
found speech in a quarter of the frames or more, but next to none in pink noise and hum. A minute
of those between two sentences is therefore not mistaken for a voice that was deleted. White
noise without any speech before it can be, until speech comes.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from .denoiser import Denoised
from .samples import FRAME, RATE, Levels, Samples, faded, levels, loud_loss

# Some of the original always stays: it sounds less dead than none, and costs little.
_LEAST = 0.01
_MOST = 0.56
_LOSS = (3.0, 7.0)  # dB between which the guard goes from `_LEAST` to `_MOST`
_SPEECH = 0.3  # probability
_MEMORY = 60 * RATE // FRAME  # frames
_ENOUGH = RATE // FRAME  # frames of speech before the guard has an opinion: one second
_FADE = RATE // 10  # samples over which it changes its mind


def protect(parts: Iterable[Denoised]) -> Iterator[tuple[Samples, Samples]]:
    """Yield each part's original and what is to be heard at full strength instead."""
    memory = np.empty((2, 0))
    share = _LEAST
    for part in parts:
        memory = np.concatenate([memory, _speech_levels(part)], axis=1)[:, -_MEMORY:]
        before, share = share, _share(memory)
        shares = faded(before, share, part.clean.shape[1], _FADE)
        yield part.original, part.clean * (1 - shares) + part.original * shares


def _speech_levels(part: Denoised) -> Levels:
    """Return the levels of the frames with speech in them, before and after."""
    before, after = levels(part.original), levels(part.clean)
    voice = part.voice[: 2 * len(before)].reshape(-1, 2).max(axis=1)
    return np.stack([before, after])[:, voice > _SPEECH]


def _share(memory: Levels) -> float:
    """Return how much of the original belongs into the result, 0 to 1."""
    before, after = memory
    if len(before) < _ENOUGH:
        return _LEAST
    return float(np.interp(loud_loss(before, after), _LOSS, (_LEAST, _MOST)))
