"""What the local service asks of an enhancer."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from audio_enhance.local.object_store.protocol import Errand


class Enhancer(Protocol):
    """Turns recordings into better ones, without ever blocking the event loop."""

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> Sequence[str] | None:
        """Write the enhanced recording to a file.

        If it raises anything, `asyncio.CancelledError` included, it leaves no destination behind.

        Args:
            source: The recording; its name says nothing about its format.
            destination: Where the result goes; the format is the recording's.
            content_type: What the recording's owner says it is, such as ``audio/mpeg``.
            strength: 0 (the original) to 100 (fully enhanced).

        Returns:
            Sentences for the recording's owner, such as what is damaged in it; None for none.

        Raises:
            NotAudioError: The recording is not audio, or is broken.
        """
        ...

    async def close(self) -> None:
        """Stop what is running and release everything; nothing can be enhanced afterwards."""
        ...


@runtime_checkable
class TellsProgress(Protocol):
    """An enhancer that knows how far it is within a recording; one that does not need not be."""

    def share_done(self, destination: Path) -> float | None:
        """Return which share of what goes to this destination is enhanced, 0 to 1.

        None where nothing is being enhanced for it.
        """
        ...


@runtime_checkable
class NamesModel(Protocol):
    """An enhancer that says what does the work; one that does not need not be."""

    async def model_id(self) -> str:
        """Return what the API's answers have as ``model_id``."""
        ...


@runtime_checkable
class HasPlaces(Protocol):
    """An enhancer that says how many recordings it takes at a time; what is beyond that waits.

    One that does not say so gets all that there are.
    """

    @property
    def places(self) -> int:
        """How many it takes at a time; may change."""
        ...

    def on_places(self, changed: Callable[[], object]) -> None:
        """Have something called whenever there are more or fewer places."""
        ...


@runtime_checkable
class WorksElsewhere(Protocol):
    """What enhances on other machines, which have the object store in common with the service."""

    @property
    def hostname(self) -> str:
        """The name by which those machines reach this one."""
        ...

    async def carry_out(
        self, errand: Callable[[], Errand], *, name: str, strength: int
    ) -> Sequence[str] | None:
        """Have the recording of an errand enhanced, and its result stored.

        Args:
            errand: Makes the URLs, for each attempt anew.
            name: What the recording is known by in logs.
            strength: 0 (the original) to 100 (fully enhanced).

        Returns:
            Sentences for the recording's owner; None for none.

        Raises:
            EnhancerError: It could not be enhanced.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; nothing can be enhanced afterwards."""
        ...
