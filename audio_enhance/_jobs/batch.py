"""Many recordings at once: sources in, lazily; one outcome for each and every strength out."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Sequence,
)
from contextlib import aclosing
from os import PathLike
from typing import Any, NamedTuple, TypedDict

from audio_enhance._core.cancellation import end
from audio_enhance._core.errors import AudioEnhanceError, AuthenticationError, JobCancelledError
from audio_enhance._core.events import Event
from audio_enhance._core.paths import split
from audio_enhance._journal.earlier import kept_result
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.revived import left_of
from audio_enhance._journal.row import JournalRow, note_refused
from audio_enhance._recording.given import AnySource, arrived
from audio_enhance._recording.source import Source
from audio_enhance._transfer.output_folder import PlaceRule

from .lane import Lane, free_lanes, quietest
from .order import Order
from .report import Outcome, OutcomeStatus
from .result import ResultAwayError
from .running import RunningJob

SourcesLike = Iterable[AnySource] | AsyncIterable[AnySource]


class BatchOptions(TypedDict, total=False):
    """The options of a batch beside strength and folder, for signatures that pass them on."""

    journal: str | PathLike[str] | Journal | None
    overwrite: bool
    redo: bool
    delete_assets: bool
    protected: Iterable[str | PathLike[str]]
    root: str | PathLike[str] | None
    place: PlaceRule | None
    priority: int
    on_event: Callable[[Event], None] | None


# So many outcomes may wait to be read before no further source is pulled: many more than are
# under way, so that whoever reads in bursts does not hold up the server either.
_UNREAD = 256

_AWAY = "The result was moved or removed, and the server no longer has it. Redo it for another one."


class _Place(NamedTuple):
    """Where an outcome belongs in the order given."""

    source: AnySource
    number: int
    strength: int


class Batch:
    """Hands sources to lanes as they have room, and collects what becomes of them.

    Attributes:
        stopped_by: What stopped it: credentials that the server refuses, or a closed client.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        room_changed: asyncio.Event,
        order: Order,
        strengths: Sequence[int],
        *,
        on_event: Iterable[Callable[[Event], None]],
    ) -> None:
        self._lanes = lanes
        self._room_changed = room_changed
        self._order = order
        self._strengths = strengths
        self._on_event = on_event
        self._outcomes: asyncio.Queue[tuple[int, Outcome] | None] = asyncio.Queue()
        self._read = asyncio.Event()
        self._jobs: dict[RunningJob, _Place] = {}
        self.stopped_by: AudioEnhanceError | None = None

    async def run(self, sources: SourcesLike) -> AsyncGenerator[tuple[int, Outcome], None]:
        """Yield every outcome with its place in the order given, as it comes.

        When this is left early, what is under way is cancelled, and its end waited for.
        """
        feeder = asyncio.create_task(self._feed(sources), name="batch")
        feeder.add_done_callback(lambda _: self._outcomes.put_nowait(None))
        try:
            fed = False
            while not fed or self._jobs or not self._outcomes.empty():
                item = await self._outcomes.get()
                self._read.set()
                if item is None:
                    fed = True
                else:
                    yield item
            await feeder  # a mistake in the caller's iterable is the caller's
            if self._order.delete_assets and self._order.journal and self.stopped_by is None:
                for lane in self._lanes:
                    await lane.delete_leftovers(self._order.journal)
        finally:
            await end([feeder, *(job.task for job in self._jobs)])

    async def _feed(self, sources: SourcesLike) -> None:
        index = 0
        async with aclosing(_pulled(sources)) as pulled:
            async for given in pulled:
                await self._take(given, index)
                index += len(self._strengths)
                await self._until_read()

    async def _until_read(self) -> None:
        """Wait while too many outcomes are unread.

        Here, since what has begun must neither wait for a slow reader nor lose its outcome.
        """
        while self._outcomes.qsize() >= _UNREAD:
            self._read.clear()
            await self._read.wait()

    async def _take(self, given: AnySource, index: int) -> None:
        """Begin a source at every strength, or say at once why it cannot be begun."""
        places = [_Place(given, index + n, strength) for n, strength in enumerate(self._strengths)]
        try:
            source = await arrived(given)
        except AudioEnhanceError as error:
            for place in places:
                if self._order.journal is not None and isinstance(given, str | PathLike):
                    await note_refused(rows_of(self._order.journal), given, place.strength, error)
                self._fail(place, error)
            return
        if self._order.outputs is not None and source.place is not None:
            self._order.outputs.protected.add_recordings([source.place])
        rows = [await self._row_of(source, place.strength) for place in places]
        source = await self._left_of(source, rows)
        lane = None
        uses = self._lanes[0].uses
        uses.expect(source, len(places))
        left = len(places)
        try:
            for place, row in zip(places, rows, strict=True):
                # All strengths of a source in one lane: another one cannot see its upload.
                lane = await self._begin(source, row, place, lane)
                left -= 1
        finally:
            for _ in range(left):
                uses.drop(source)

    async def _begin(
        self, source: Source, row: JournalRow | None, place: _Place, lane: Lane | None
    ) -> Lane | None:
        """Hand a source over, and return the lane that has it, if one was needed."""
        if row is not None and await self._done_before(source, row, place):
            self._lanes[0].uses.drop(source)
            return lane
        lane = await self._lane_with_room(lane or self._home_of(row))
        if lane is None:
            assert self.stopped_by is not None
            self._not_started(place, self.stopped_by)
            self._lanes[0].uses.drop(source)
            return None
        clock = lane.steps.clock
        job = RunningJob(source, place.strength, self._order.priority, self._on_event, clock=clock)
        self._jobs[job] = place
        lane.start(job, self._order, row)
        job.task.add_done_callback(lambda _: self._finished(job))
        return lane

    async def _lane_with_room(self, only: Lane | None) -> Lane | None:
        """Wait for room, and return the lane that will probably be free first.

        Returns `None` when the batch is stopped.
        """
        lanes = self._lanes if only is None else [only]
        while self.stopped_by is None:
            self._room_changed.clear()
            if any(lane.closed for lane in lanes):
                self._stop(JobCancelledError("The client was closed before the batch ended."))
            # Where it has to go to one lane, the others are not to wait until that is free.
            elif only is not None and only.has_room:
                return only
            elif only is None and (free := free_lanes(self._lanes)):
                return quietest(free)
            else:
                await self._room_changed.wait()
        return None

    async def _row_of(self, source: Source, strength: int) -> JournalRow | None:
        if self._order.journal is None or self.stopped_by is not None:
            return None
        try:
            return await JournalRow.of(rows_of(self._order.journal), source, strength)
        except AudioEnhanceError:
            return None  # the job will meet the same, and say so

    async def _left_of(self, source: Source, rows: Sequence[JournalRow | None]) -> Source:
        """Return what there is of a source: its file, or what was uploaded before that went."""
        for row in rows:
            if row is not None and (left := await left_of(row.entry, source)) is not None:
                return left
        return source

    def _home_of(self, row: JournalRow | None) -> Lane | None:
        """Return the lane that can see what an earlier run has left at the server."""
        if row is None or row.entry.asset_id is None:
            return None
        return next((at for at in self._lanes if at.client_id == row.entry.client_id), None)

    async def _done_before(self, source: Source, row: JournalRow, place: _Place) -> bool:
        if self._order.redo:
            return False
        if (kept := await kept_result(row.entry, source)) is None:
            return False
        here, url = split(kept.place)
        if self._order.outputs is not None:
            self._order.outputs.keep(kept.place)
        self._skipped(
            place,
            source,
            path=here,
            url=url,
            note=kept.note,
            asset_id=row.entry.asset_id,
            enhancement_id=row.entry.enhancement_id,
        )
        return True

    def _skipped(self, place: _Place, source: Source, **known: Any) -> None:
        outcome = Outcome(
            source=place.source,
            name=source.label,
            strength=place.strength,
            status=OutcomeStatus.SKIPPED,
            **known,
        )
        self._outcomes.put_nowait((place.number, outcome))

    def _finished(self, job: RunningJob) -> None:
        place = self._jobs.pop(job)
        error = job.error
        if isinstance(error, ResultAwayError):
            self._skipped(place, job.source, note=_AWAY, **job.ids)
            return
        if isinstance(error, AuthenticationError) and self.stopped_by is None:
            self._stop(error)
        if self.stopped_by and isinstance(error, JobCancelledError) and not job.submitted:
            self._not_started(place, self.stopped_by)
            return
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
        self._outcomes.put_nowait((place.number, outcome))

    def _stop(self, error: AudioEnhanceError) -> None:
        """Stop at once, with one error: what cannot go on like this is for a person to mend."""
        self.stopped_by = error
        for job in self._jobs:
            job.cancel()
        self._room_changed.set()

    def _not_started(self, place: _Place, error: AudioEnhanceError) -> None:
        self._fail(place, error, not_started=True)

    def _fail(self, place: _Place, error: AudioEnhanceError, *, not_started: bool = False) -> None:
        given = place.source
        outcome = Outcome(
            source=given,
            name=_name_of(given),
            strength=place.strength,
            status=OutcomeStatus.FAILED,
            not_started=not_started,
            error=error,
        )
        self._outcomes.put_nowait((place.number, outcome))


async def _pulled(sources: SourcesLike) -> AsyncGenerator[AnySource]:
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            yield source
    else:
        for source in sources:
            yield source
            await asyncio.sleep(0)  # whatever becomes of them, others have their turn


def _name_of(source: AnySource) -> str:
    if isinstance(source, Source):
        return source.label
    return str(source) if isinstance(source, str | PathLike) else type(source).__name__
