"""What became of the recordings of a batch, each told once and kept until it is read."""

import asyncio
from os import PathLike
from typing import Any, NamedTuple

from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._recording.given import AnySource
from audio_enhance._recording.source import Source

from .report import Outcome, OutcomeStatus
from .running import RunningJob

# So many outcomes may wait to be read before no further source is pulled: many more than are
# under way, so that whoever reads in bursts does not hold up the server either.
_UNREAD = 256


class Place(NamedTuple):
    """Where an outcome belongs in the order given."""

    source: AnySource
    number: int
    strength: int


class Outcomes:
    """The outcomes of a batch that nobody has read yet."""

    def __init__(self) -> None:
        self._unread: asyncio.Queue[tuple[int, Outcome] | None] = asyncio.Queue()
        self._read = asyncio.Event()

    @property
    def empty(self) -> bool:
        """Whether all of them were read."""
        return self._unread.empty()

    async def next(self) -> tuple[int, Outcome] | None:
        """Return the next one with its number, `None` to look whether there will be another."""
        item = await self._unread.get()
        self._read.set()
        return item

    def look(self) -> None:
        """Have the reader look whether there will be another one."""
        self._unread.put_nowait(None)

    async def until_read(self) -> None:
        """Wait while too many are unread."""
        while self._unread.qsize() >= _UNREAD:
            self._read.clear()
            await self._read.wait()

    def skipped(self, place: Place, source: Source, **known: Any) -> None:
        """Tell of a result that is not made."""
        outcome = Outcome(
            source=place.source,
            name=source.label,
            strength=place.strength,
            status=OutcomeStatus.SKIPPED,
            **known,
        )
        self._unread.put_nowait((place.number, outcome))

    def failed(self, place: Place, error: AudioEnhanceError, *, not_started: bool = False) -> None:
        """Tell of what never became a job."""
        outcome = Outcome(
            source=place.source,
            name=_name_of(place.source),
            strength=place.strength,
            status=OutcomeStatus.FAILED,
            not_started=not_started,
            error=error,
        )
        self._unread.put_nowait((place.number, outcome))

    def ended(self, place: Place, job: RunningJob, error: AudioEnhanceError | None) -> None:
        """Tell what became of a job, which is over; with an error, it has no result."""
        result = None if error is not None else job.task.result()
        outcome = Outcome(
            source=place.source,
            name=job.source.label,
            strength=place.strength,
            status=OutcomeStatus.FAILED if result is None else OutcomeStatus.SUCCEEDED,
            path=None if result is None else result.saved,
            url=None if result is None else result.url,
            note=None if result is None else result.note,
            error=error,
            extra_enhancements=job.extra_enhancements,
            failed_enhancements=job.failed_enhancements,
            **job.ids,
        )
        self._unread.put_nowait((place.number, outcome))


def _name_of(source: AnySource) -> str:
    if isinstance(source, Source):
        return source.label
    return str(source) if isinstance(source, str | PathLike) else type(source).__name__
