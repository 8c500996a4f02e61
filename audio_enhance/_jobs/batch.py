"""Many recordings at once: sources in, lazily; one outcome for each and every strength out."""

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import NamedTuple

from audio_enhance._core.cancellation import end, to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    AuthenticationError,
    InvalidInputError,
    JobCancelledError,
)
from audio_enhance._core.models import check_strengths
from audio_enhance._core.paths import path_of, split
from audio_enhance._journal.earlier import kept_result
from audio_enhance._journal.generation import check_generation
from audio_enhance._journal.journal import Journal, journal_at, rows_of
from audio_enhance._journal.leftovers import remove_leftovers
from audio_enhance._journal.revived import left_of
from audio_enhance._journal.row import JournalRow, note_refused
from audio_enhance._recording.given import AnySource, arrived, place_of
from audio_enhance._recording.source import Source, original_of
from audio_enhance._session.wire import check_sendable
from audio_enhance._settings import Settings
from audio_enhance._transfer.held_places import remove_left
from audio_enhance._transfer.output_folder import OutputFolder, PlaceRule
from audio_enhance._transfer.store import output_place

from .lane import Lane, Lanes, free_lanes, quietest
from .order import Listener, Order, check_deleting
from .outcomes import Outcomes, Place
from .report import Outcome
from .result import ResultAwayError
from .running import RunningJob

SourcesLike = Iterable[AnySource] | AsyncIterable[AnySource]


_log = logging.getLogger("audio_enhance")
_AWAY = "The result was moved or removed, and the server no longer has it. Redo it for another one."


class _Begun(NamedTuple):
    """Where a job belongs, and the lane that has it."""

    place: Place
    lane: Lane


class Batch:
    """Hands sources to lanes as they have room, and collects what becomes of them.

    A lane whose credentials the server refuses gets nothing more, and what it had not submitted
    begins anew in another one.

    Attributes:
        stopped_by: What stopped it: credentials that the server refuses, where no others are
            left, or a closed client.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        room_changed: asyncio.Event,
        order: Order,
        strengths: Sequence[int],
        *,
        on_event: Iterable[Listener],
    ) -> None:
        self._lanes = lanes
        self._room_changed = room_changed
        self._order = order
        self._strengths = strengths
        self._on_event = on_event
        self._outcomes = Outcomes()
        self._jobs: dict[RunningJob, _Begun] = {}
        self._refused: dict[Lane, AuthenticationError] = {}
        self._moving: set[asyncio.Task[None]] = set()
        self._mistakes: list[BaseException] = []
        self._over = False
        self.stopped_by: AudioEnhanceError | None = None

    async def run(self, sources: SourcesLike) -> AsyncGenerator[tuple[int, Outcome], None]:
        """Yield every outcome with its place in the order given, as it comes.

        When this is left early, what is under way is cancelled, and its end waited for.
        """
        feeder = asyncio.create_task(self._feed(sources), name="batch")
        feeder.add_done_callback(lambda _: self._outcomes.look())
        try:
            while not feeder.done() or self._jobs or self._moving or not self._outcomes.empty:
                item = await self._outcomes.next()
                if item is not None:
                    yield item
            await feeder  # a mistake in the caller's iterable is the caller's
            for mistake in self._mistakes:
                raise mistake
            if self._order.delete_assets and self._order.journal and self.stopped_by is None:
                for lane in self._open:
                    await lane.delete_leftovers(self._order.journal)
        finally:
            self._over = True
            await end([feeder, *self._moving, *(job.task for job in self._jobs)])

    @property
    def _open(self) -> list[Lane]:
        """The lanes whose credentials were not refused."""
        return [lane for lane in self._lanes if lane not in self._refused]

    async def _feed(self, sources: SourcesLike) -> None:
        index = 0
        async with aclosing(_pulled(sources)) as pulled:
            async for given in pulled:
                await self._take(given, index)
                index += len(self._strengths)
                # Here: what has begun must neither wait for a slow reader nor lose its outcome.
                await self._outcomes.until_read()

    async def _take(self, given: AnySource, index: int) -> None:
        """Begin a source at every strength, or say at once why it cannot be begun."""
        places = [Place(given, index + n, strength) for n, strength in enumerate(self._strengths)]
        try:
            source = await arrived(given)
        except AudioEnhanceError as error:
            for place in places:
                if self._order.journal is not None and isinstance(given, str | os.PathLike):
                    await note_refused(rows_of(self._order.journal), given, place.strength, error)
                self._outcomes.failed(place, error)
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
        self, source: Source, row: JournalRow | None, place: Place, lane: Lane | None
    ) -> Lane | None:
        """Hand a source over, and return the lane that has it, if one was needed."""
        if row is not None and await self._done_before(source, row, place):
            self._lanes[0].uses.drop(source)
            return lane
        home = self._home_of(row)
        lane = await self._lane_with_room(lane or home)
        # What was paid for is with the API client that asked for it: no other can fetch it.
        paid = row is not None and row.entry.enhancement_id is not None
        why = self._refused.get(home) if home is not None and paid else None
        if lane is None or why is not None:
            self._not_started(place, self.stopped_by or why)
            self._lanes[0].uses.drop(source)
            return lane
        clock = lane.steps.clock
        job = RunningJob(source, place.strength, self._order.priority, self._on_event, clock=clock)
        self._jobs[job] = _Begun(place, lane)
        # For another lane, if it comes to that: data that was spooled goes with the last holder.
        original_of(source).hold()
        lane.start(job, self._order, row)
        job.task.add_done_callback(lambda _: self._finished(job))
        return lane

    async def _lane_with_room(self, only: Lane | None) -> Lane | None:
        """Wait for room, and return the lane that will probably be free first.

        Returns `None` when the batch is stopped.
        """
        while self.stopped_by is None:
            self._room_changed.clear()
            if only in self._refused:
                only = None
            lanes = self._open if only is None else [only]
            if any(lane.closed for lane in lanes):
                self._closed()
            # Where it has to go to one lane, the others are not to wait until that is free.
            elif only is not None and only.has_room:
                return only
            elif only is None and (free := free_lanes(lanes)):
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

    async def _done_before(self, source: Source, row: JournalRow, place: Place) -> bool:
        if self._order.redo:
            return False
        if (kept := await kept_result(row.entry, source)) is None:
            return False
        here, url = split(kept.place)
        if self._order.outputs is not None:
            self._order.outputs.keep(kept.place)
        self._outcomes.skipped(
            place,
            source,
            path=here,
            url=url,
            note=kept.note,
            asset_id=row.entry.asset_id,
            enhancement_id=row.entry.enhancement_id,
        )
        return True

    def _finished(self, job: RunningJob) -> None:
        place, lane = self._jobs.pop(job)
        error = job.error
        if isinstance(error, AuthenticationError):
            self._refuse(error, lane)
        elif isinstance(error, JobCancelledError) and lane.closed:
            self._closed()
        if self._goes_elsewhere(job, lane, error):
            self._move(job.source, place)
        else:
            self._end(job, place, error)
        original_of(job.source).let_go()

    def _end(self, job: RunningJob, place: Place, error: AudioEnhanceError | None) -> None:
        """Say what became of a job."""
        if isinstance(error, ResultAwayError):
            self._outcomes.skipped(place, job.source, note=_AWAY, **job.ids)
        elif self.stopped_by and isinstance(error, JobCancelledError) and not job.submitted:
            self._not_started(place, self.stopped_by)
        else:
            self._outcomes.ended(place, job, error)

    def _refuse(self, error: AuthenticationError, lane: Lane) -> None:
        """Give nothing more to an API client that the server refuses; stop if it is the last.

        That can be the one of another lane, which is at work on the same content.
        """
        lane = next((at for at in self._lanes if at.client_id == error.client_id), lane)
        if self.stopped_by is not None or lane in self._refused:
            return
        self._refused[lane] = error
        if not self._open:
            self._stop(error)
            return
        _log.warning(
            "The API client %s is refused, and the others do its work: %s",
            lane.client_id,
            error.message,
        )
        for job, begun in self._jobs.items():
            if begun.lane is lane and not job.submitted:
                job.cancel()
        self._room_changed.set()

    def _goes_elsewhere(self, job: RunningJob, lane: Lane, error: AudioEnhanceError | None) -> bool:
        """Whether a job ended only because an API client is refused, and cost nothing."""
        if self._over or self.stopped_by is not None or job.submitted:
            return False
        cancelled = isinstance(error, JobCancelledError) and lane in self._refused
        return cancelled or isinstance(error, AuthenticationError)

    def _move(self, source: Source, place: Place) -> None:
        """Begin a recording anew, in another lane."""
        uses, held = self._lanes[0].uses, original_of(source)
        uses.expect(source, 1)
        held.hold()

        async def begun() -> None:
            await self._begin(source, await self._row_of(source, place.strength), place, None)

        def over(task: asyncio.Task[None]) -> None:
            held.let_go()
            self._moving.discard(task)
            if task.cancelled():
                uses.drop(source)
            elif (mistake := task.exception()) is not None:
                self._mistakes.append(mistake)
            self._outcomes.look()

        task = asyncio.create_task(begun(), name="batch")
        self._moving.add(task)
        task.add_done_callback(over)

    def _stop(self, error: AudioEnhanceError) -> None:
        """Stop at once, with one error: what cannot go on like this is for a person to mend."""
        self.stopped_by = error
        for job in self._jobs:
            job.cancel()
        self._room_changed.set()

    def _closed(self) -> None:
        """Stop because the client was closed, which cancels what is under way by itself."""
        if self.stopped_by is None:
            self.stopped_by = JobCancelledError("The client was closed before the batch ended.")
            self._room_changed.set()

    def _not_started(self, place: Place, error: AudioEnhanceError | None) -> None:
        assert error is not None
        self._outcomes.failed(place, error, not_started=True)


async def _pulled(sources: SourcesLike) -> AsyncGenerator[AnySource]:
    if isinstance(sources, AsyncIterable):
        async for source in sources:
            yield source
    else:
        for source in sources:
            yield source
            await asyncio.sleep(0)  # whatever becomes of them, others have their turn


@asynccontextmanager
async def opened_batch(
    settings: Settings,
    connections: Lanes,
    sources: SourcesLike,
    *,
    strength: int | Iterable[int],
    output_dir: str | os.PathLike[str],
    journal: str | os.PathLike[str] | Journal | None = None,
    overwrite: bool = False,
    redo: bool = False,
    delete_assets: bool = False,
    protected: Iterable[str | os.PathLike[str]] = (),
    root: str | os.PathLike[str] | None = None,
    place: PlaceRule | None = None,
    priority: int = 0,
    on_event: Listener | None = None,
) -> AsyncGenerator[Batch]:
    """Make a batch, with its journal open; `EnhanceClient.enhance_batch` says more."""
    strengths = [check_sendable(one, settings.api_version) for one in check_strengths(strength)]
    if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Source):
        raise InvalidInputError("A batch takes several sources.", hint="Put it into a list.")
    check_deleting(delete_assets, settings.api_version, kept=True)
    # What is pulled lazily is not known yet.
    known = sources if isinstance(sources, Sequence) else ()
    files = [at for source in known if (at := place_of(source)) is not None]
    outputs = OutputFolder.for_batch(
        output_place(output_dir),
        files,
        overwrite=overwrite,
        root=None if root is None else path_of(root),
        rule=place,
    )
    outputs.protected.add(protected)
    await to_its_end(partial(remove_left, outputs.directory))
    # Both before anything is waited for: they are those of the client as it is now.
    lanes, room_changed = connections.open_lanes(), connections.room_changed
    async with journal_at(journal, settings.clock) as journal:
        if journal is not None:
            outputs.protected.add_journal(journal.path)
            # Those of its earlier runs too, and what a command does in several batches.
            outputs.protected.add_recordings(await journal.sources())
            outputs.knows_recordings = True
            await check_generation(journal, settings.api_version)
            await remove_leftovers(rows_of(journal).database)
        order = Order(
            outputs=outputs,
            journal=journal,
            redo=redo,
            spare=not redo,
            delete_assets=delete_assets,
            priority=priority,
            on_event=on_event,
        )
        yield Batch(
            lanes,
            room_changed,
            order,
            strengths,
            on_event=order.listeners(settings.on_event),
        )
