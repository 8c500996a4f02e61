"""Speech enhancements, one at a time for each API client, oldest first."""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.enhancer.errors import EnhancerError
from audio_enhance.local.enhancer.protocol import HasPlaces, TellsProgress, WorksElsewhere
from audio_enhance.local.object_store.protocol import Errand, ObjectStore

from .state import Asset, SpeechEnhancement, State
from .turns import Turns

if TYPE_CHECKING:
    from audio_enhance.local.enhancer.protocol import Enhancer

_log = logging.getLogger("audio_enhance.local")
# A recording may wait for hours until another machine is free, and take hours there.
_ERRAND_SECONDS = 86_400.0


class _AskedForError(Exception):
    """A failure on demand, see `Faults`."""


@frozen
class QueueUsage:
    """How well the queue of an API client was kept busy. Times are seconds of the clock.

    Attributes:
        processed: How many speech enhancements have ended, whichever way.
        busy_seconds: How long one was being processed, all together.
        first_start: When the first one began, None before that.
        last_end: When the latest one ended, None before that.
    """

    processed: int = 0
    busy_seconds: float = 0.0
    first_start: float | None = None
    last_end: float | None = None

    @property
    def idle_seconds(self) -> float:
        """How long nothing was processed between the first start and the latest end."""
        if self.first_start is None or self.last_end is None:
            return 0.0
        return max(self.last_end - self.first_start - self.busy_seconds, 0.0)

    def with_one_more(self, start: float, end: float) -> "QueueUsage":
        """Return the usage after one more enhancement."""
        first = start if self.first_start is None else self.first_start
        return QueueUsage(self.processed + 1, self.busy_seconds + end - start, first, end)


@define(eq=False)
class _Lane:
    waiting: deque[SpeechEnhancement] = field(factory=deque[SpeechEnhancement])
    processing: SpeechEnhancement | None = None
    worker: asyncio.Task[None] | None = None
    usage: QueueUsage = field(factory=QueueUsage)


class ProcessingQueue:
    """Processes what it is given. A lane's worker exists only while there is work for it."""

    def __init__(
        self,
        conditions: Conditions,
        store: ObjectStore,
        state: State,
        enhancer: "Enhancer | WorksElsewhere",
        directory: Path,
    ) -> None:
        self._conditions = conditions
        self._store = store
        self._state = state
        self._enhancer = enhancer
        self._directory = directory
        self._lanes: dict[str, _Lane] = {}
        self._stopped = False
        self._turns = Turns()
        if isinstance(enhancer, HasPlaces):
            self._turns.resize(enhancer.places)
            enhancer.on_places(lambda: self._turns.resize(enhancer.places))

    def put(self, enhancement: SpeechEnhancement) -> None:
        """Append a speech enhancement to the queue of its API client."""
        lane = self._lanes.setdefault(enhancement.asset.client_id, _Lane())
        lane.waiting.append(enhancement)
        self._go_on(lane)

    def remove(self, asset: Asset) -> None:
        """Give up what waits, or is being processed, of an asset that is no more."""
        lane = self._lanes.get(asset.client_id)
        if lane is None:
            return
        lane.waiting = deque(one for one in lane.waiting if one.asset is not asset)
        if lane.worker and lane.processing and lane.processing.asset is asset:
            lane.worker.cancel()

    def usage(self, client_id: str) -> QueueUsage:
        """Return how busy the queue of this API client was."""
        lane = self._lanes.get(client_id)
        return lane.usage if lane else QueueUsage()

    def length(self) -> tuple[int, int]:
        """Return how many speech enhancements wait, and how many are being processed."""
        lanes = self._lanes.values()
        taken = [lane.processing for lane in lanes if lane.processing is not None]
        begun = sum(enhancement.status == "processing" for enhancement in taken)
        return sum(len(lane.waiting) for lane in lanes) + len(taken) - begun, begun

    def share_done(self, enhancement_id: str) -> float | None:
        """Return which share of a recording is enhanced, where the enhancer knows."""
        if not isinstance(self._enhancer, TellsProgress):
            return None
        return self._enhancer.share_done(self._directory / enhancement_id)

    @property
    def busy_seconds(self) -> float:
        """The processing time of all API clients together."""
        return sum(lane.usage.busy_seconds for lane in self._lanes.values())

    async def stop(self) -> None:
        """Abandon what is being processed and what is waiting."""
        self._stopped = True
        workers = [lane.worker for lane in self._lanes.values() if lane.worker]
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    def _go_on(self, lane: _Lane) -> None:
        if lane.worker is not None or not lane.waiting or self._stopped:
            return

        def ended(_: asyncio.Task[None]) -> None:
            lane.worker = None
            self._go_on(lane)  # with what is behind one that was given up

        lane.worker = asyncio.create_task(self._work(lane), name="audio-enhance-queue")
        lane.worker.add_done_callback(ended)

    async def _work(self, lane: _Lane) -> None:
        while lane.waiting:
            lane.processing = lane.waiting.popleft()
            try:
                async with self._turns.turn():
                    await self._process(lane, lane.processing)
            finally:
                lane.processing = None

    async def _process(self, lane: _Lane, enhancement: SpeechEnhancement) -> None:
        start = self._conditions.clock.seconds()
        enhancement.status = "processing"
        try:
            await self._enhance(enhancement)
        except Exception as error:  # noqa: BLE001 - whatever happens to one, the next has its turn
            # What is wrong with a recording needs no traceback; what is wrong with this does.
            unforeseen = not isinstance(error, EnhancerError | _AskedForError)
            name = enhancement.asset.facts.filename  # in quotes, whatever it holds
            told = (name, enhancement.id, error)
            # Whoever tells what became of a recording need not tell this as well.
            known = {"failed_enhancement": enhancement.id}
            _log.warning("%r: enhancement %s failed: %s", *told, exc_info=unforeseen, extra=known)
            reason = error if isinstance(error, EnhancerError) else None
            end = self._state.ended(enhancement, "failed", reason=reason)
        else:
            end = self._state.ended(enhancement, "succeeded")
        lane.usage = lane.usage.with_one_more(start, end)

    async def _enhance(self, enhancement: SpeechEnhancement) -> None:
        if self._conditions.faults.strike_processing():
            raise _AskedForError("a fault was asked for")
        enhancer = self._enhancer
        if isinstance(enhancer, WorksElsewhere):
            notes = await self._enhance_elsewhere(enhancement, enhancer)
        else:
            notes = await self._enhance_here(enhancement, enhancer)
        enhancement.notes = tuple(notes or ())
        for note in enhancement.notes:
            _log.warning("%s: %s", enhancement.asset.facts.filename, note)

    async def _enhance_here(
        self, enhancement: SpeechEnhancement, enhancer: "Enhancer"
    ) -> Sequence[str] | None:
        result = self._directory / enhancement.id
        content_type = enhancement.asset.facts.content_type
        try:
            async with self._store.source(enhancement.asset.key) as source:
                notes = await enhancer.enhance(
                    source, result, content_type=content_type, strength=enhancement.strength
                )
            await self._save(enhancement, result)
        finally:
            with suppress(OSError):
                result.unlink(missing_ok=True)
        return notes

    async def _enhance_elsewhere(
        self, enhancement: SpeechEnhancement, enhancer: WorksElsewhere
    ) -> Sequence[str] | None:
        def errand() -> Errand:
            return self._store.errand(
                enhancement.asset.key,
                enhancement.key,
                content_type=enhancement.asset.facts.content_type,
                seconds=_ERRAND_SECONDS,
                hostname=enhancer.hostname,
            )

        try:
            notes = await enhancer.carry_out(
                errand, name=enhancement.id, strength=enhancement.strength
            )
            if await self._store.info(enhancement.key) is None:
                raise EnhancerError("The result is not in the object store.")
        finally:
            await self._delete_late(enhancement)
        return notes

    async def _save(self, enhancement: SpeechEnhancement, result: Path) -> None:
        try:
            content_type = enhancement.asset.facts.content_type
            await self._store.save(enhancement.key, result, content_type)
        finally:
            await self._delete_late(enhancement)

    async def _delete_late(self, enhancement: SpeechEnhancement) -> None:
        if enhancement.asset.deleted:  # meanwhile: nobody can ask for it any more
            await self._store.delete(enhancement.key)
