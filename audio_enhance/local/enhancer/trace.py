"""The guard of DeepFilterNet3: a trace of the original stays, and more where speech was lost.

It looks at loud speech after its level was made up. Noise and echo are never answered with the
noise itself: at the most a tenth of the original comes back, which is 20 dB below it.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from .makeup import FADE, Heard, SpeechMemory
from .samples import Samples, faded

_LEAST = 0.005  # -46 dB: it sounds less dead than none
_MOST = 0.1  # -20 dB
_LOSS = (2.0, 6.0)  # dB between which it goes from one to the other


def guarded(parts: Iterable[Heard]) -> Iterator[tuple[Samples, Samples]]:
    """Yield each part's original, and what is to be heard instead at full strength."""
    memory = SpeechMemory()
    share: float | None = None
    for part in parts:
        memory.add(part)
        now = float(np.interp(memory.loss, _LOSS, (_LEAST, _MOST)))
        shares = faded(now if share is None else share, now, part.clean.shape[1], FADE)
        share = now
        yield part.original, part.clean * (1 - shares) + part.original * shares
