"""What a worker is asked for, and what it answers."""

from collections.abc import Callable
from typing import TypeAlias

import attrs

from audio_enhance.local.enhancer.errors import EnhancerError
from audio_enhance.local.enhancer.pool import SpeechEnhancer
from audio_enhance.local.enhancer.protocol import Enhancer
from audio_enhance.local.object_store.protocol import Errand

EnhancerFactory: TypeAlias = Callable[[int], Enhancer]
"""Makes a worker's enhancer, which is told how many threads the worker has.

Equal ones share an enhancer. It is pickled, so the workers have to be able to import it.
"""


@attrs.frozen
class SpeechFactory:
    """Makes the enhancer that really removes noise.

    Attributes:
        engine: What it removes noise with, see `SpeechEnhancer`.
    """

    engine: str

    def __call__(self, threads: int) -> SpeechEnhancer:
        """Make one that keeps so many cores busy."""
        return SpeechEnhancer(workers=threads, engine=self.engine)


@attrs.frozen
class Order:
    """One recording to enhance. Its text has no signature in it: workers log it.

    Attributes:
        key: The task's key.
        errand: Where the recording is, and where its result goes.
        strength: 0 to 100.
        factory: Makes the worker's enhancer.
    """

    key: str
    errand: Errand
    strength: int
    factory: EnhancerFactory


@attrs.frozen
class Answer:
    """What became of an order.

    Attributes:
        notes: Sentences for the recording's owner.
        error: Why there is no result.
        passing: Whether that is no fault of the recording's: another try may succeed.
    """

    notes: tuple[str, ...] = ()
    error: EnhancerError | None = None
    passing: bool = False
