"""The way of every job through one API client: a pipeline whose slowest stage never waits."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Protocol

from audio_enhance._core.cancellation import end
from audio_enhance._core.errors import AudioEnhanceError, JournalError
from audio_enhance._core.events import Hashing, Waiting
from audio_enhance._core.located import located
from audio_enhance._core.paths import split
from audio_enhance._core.redaction import redact
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.fingerprint import ContentKey
from audio_enhance._recording.source import original_of
from audio_enhance._session.retry import OnRetry

from .delivery import Delivery
from .enhanced import Enhanced
from .gate import PriorityGate
from .once import Once, Shareable
from .order import Order
from .result import EnhanceResult, ResultAwayError
from .running import RunningJob
from .state import JobState
from .steps import Steps
from .subscribers import Subscriber
from .uses import Upload, Uses
from .watcher import ServerQueue

_log = logging.getLogger("audio_enhance")
_HASHING_AT_ONCE = 2
_DOWNLOADS_AT_ONCE = 4
# What may wait before the window, and what a batch hands over: enough to hide hashing and
# uploading, little enough that memory and what a crash loses stay small.
AHEAD = 8
_UNFINISHED = 96
# What may be on its way to the servers of many lanes that have a few recordings at a time. Were
# hundreds sent at once, all of them would get there late, and the servers idle until then.
_ON_THE_WAY = 16
_PROCESSED = (JobState.PROCESSED, JobState.DOWNLOADING)


class Lane:
    """Takes jobs through hashing, their work at the server, and download.

    Args:
        enhancements: Those of the whole client, under way and finished.
        work: Begins the work on a content, for the first job that wants it.
        at_a_time: How many unprocessed recordings a batch gives it; `None` for all it has room for.
        room_changed: Set whenever it may have room again.

    Attributes:
        steps: The API client's five steps.
        queue: What is outstanding at the server.
        uses: Who still needs which upload, for all lanes of the client.
        closed: Whether it takes no more jobs.
    """

    def __init__(
        self,
        steps: Steps,
        queue: ServerQueue,
        enhancements: Once[Enhanced, Subscriber],
        work: Callable[[ContentKey, Subscriber], Shareable[Enhanced, Subscriber]],
        uses: Uses,
        *,
        at_a_time: int | None,
        room_changed: asyncio.Event,
    ) -> None:
        self.steps = steps
        self.queue = queue
        self.uses = uses
        self.closed = False
        self._enhancements = enhancements
        self._begin_work = work
        self._at_a_time = at_a_time
        self._room_changed = room_changed
        self._hashing = PriorityGate(_HASHING_AT_ONCE)
        self._downloads = PriorityGate(_DOWNLOADS_AT_ONCE)
        # In order of arrival, each with the mark on its row that it is at work.
        self._jobs: dict[RunningJob, ExitStack] = {}
        self._deletions: set[asyncio.Task[None]] = set()
        steps.api.limits.assets.owe(self._owed, AHEAD)

    @property
    def client_id(self) -> str:
        """The API client that assets and enhancements of this lane belong to."""
        return self.steps.api.client_id

    @property
    def unfinished(self) -> int:
        """How many jobs are not finished yet."""
        return len(self._jobs)

    @property
    def unsubmitted(self) -> int:
        """How many jobs the server has not answered yet that it has them."""
        return len([job for job in self._jobs if job.track.enhancement is None])

    @property
    def jobs(self) -> tuple[RunningJob, ...]:
        """The jobs that are not finished yet."""
        return tuple(self._jobs)

    @property
    def has_room(self) -> bool:
        """Whether a batch may hand over another job."""
        depth = self.queue.window.depth
        return self.unfinished < _UNFINISHED + depth and self.unsubmitted < AHEAD + depth

    @property
    def takes_turns(self) -> bool:
        """Whether recordings are given to one lane after the other, a few at a time."""
        return self._at_a_time is not None

    @property
    def is_free(self) -> bool:
        """Whether a batch may hand over another recording, which any lane could take."""
        if self._at_a_time is None:
            return self.has_room
        processed = sum(job.track.state in _PROCESSED for job in self._jobs)
        return self.has_room and self.unfinished - processed < self._at_a_time

    @property
    def backlog_seconds(self) -> float:
        """When the server will probably have worked off everything that is in the lane."""
        typical = self.queue.estimate.typical
        left = self.unsubmitted + len(self.queue.window.ids)
        return left * (1.0 if typical is None else typical)

    def start(self, job: RunningJob, order: Order, row: JournalRow | None = None) -> None:
        """Begin a job; its own handle tells what becomes of it.

        Args:
            job: The job.
            order: What it has in common with others.
            row: Its row in the journal, if that was read already.
        """
        at_work = self._jobs[job] = ExitStack()
        if row is not None:
            at_work.enter_context(row.at_work())
        original_of(job.source).hold()
        self.uses.begin(job)
        job.client_id = self.client_id
        task = asyncio.create_task(
            self._run(job, order, row), name=f"enhance {job.source.label}", context=job.context
        )
        task.add_done_callback(lambda _: self._over(job))
        job.start(task)

    async def aclose(self) -> None:
        """Cancel every job and wait for its end; what was submitted goes on at the server."""
        self.closed = True
        # First: a batch that stops says of what it had not submitted that it was not started.
        self._room_changed.set()
        self.steps.api.limits.assets.settle(self._owed)
        await end([*(job.task for job in self._jobs), *self._deletions])
        await self.queue.aclose()

    def _owed(self) -> int:
        """Return how many have an asset, and an enhancement still to be asked for."""
        tracks = {job.track for job in self._jobs}
        return sum(track.asset is not None and not track.submitted for track in tracks)

    def _over(self, job: RunningJob) -> None:
        self._jobs.pop(job).close()
        self.uses.over(job)
        original_of(job.source).let_go()
        self.steps.api.limits.assets.look_again()
        self._room_changed.set()
        # Here and not in the task, which may be cancelled before it has begun.
        job.finish()

    async def _run(self, job: RunningJob, order: Order, row: JournalRow | None) -> EnhanceResult:
        # Until here, not until `_over`: of two that fail at once, the second one writes it down.
        with self._jobs[job] as at_work:
            try:
                if row is None and order.journal is not None:
                    row = await JournalRow.of(rows_of(order.journal), job.source, job.strength)
                    at_work.enter_context(row.at_work())
                job.begin()
                return await self._work(job, order, row)
            except AudioEnhanceError as error:
                # Of their own: jobs that want the same fail with the same error, about one of
                # them.
                own = located(error, **job.ids)
                own.source, own.__cause__ = job.source.label, error.__cause__
                _log.info("failed: %s", own)
                if row is not None and not isinstance(error, ResultAwayError):
                    await row.note_failed(own, extra=job.extra_enhancements)
                raise own from own.__cause__
            except asyncio.CancelledError:
                # Not wanted any more, unlike where the client is closed: no later run resumes it.
                if row is not None and job.given_up:
                    await row.note_failed(job.cancellation())
                raise
            except Exception:
                _log.exception("%s: something unforeseen", redact(job.source.label))
                raise

    async def _work(self, job: RunningJob, order: Order, row: JournalRow | None) -> EnhanceResult:
        wish = Subscriber(job, row, spare=order.spare)
        if order.outputs is None:
            enhanced, saved = await self._processed(wish, None), None
            if row is not None:
                # Left at the server, as it was asked for: there is nothing to go on with.
                await row.note_over(state=EntryState.SUCCEEDED, error=None, **job.ids)
        else:
            with Delivery(job, order.outputs, row) as delivery:
                enhanced = await self._processed(wish, delivery)
                async with self._downloads.place(job.priority):
                    job.enter(JobState.DOWNLOADING)
                    saved = await delivery.fetch(enhanced)
            if order.delete_assets:
                await self._delete(job, enhanced, order.journal)
        path, url = split(saved)
        return EnhanceResult(
            asset=enhanced.asset,
            enhancement=enhanced.enhancement,
            extra_enhancements=job.extra_enhancements,
            failed_enhancements=job.failed_enhancements,
            saved=path,
            url=url,
            note=job.source.note if saved is not None else None,
        )

    async def _processed(self, wish: Subscriber, delivery: Delivery | None) -> Enhanced:
        """Take a job to the server and to the end of its work there."""
        job, row = wish.job, wish.row
        job.enter(JobState.HASHING)
        job.tell(Hashing)
        async with self._hashing.place(job.priority):
            look = None if delivery is None else delivery.look
            fingerprint = await original_of(job.source).fingerprint(job.source.label, look)
        job.byte_size = fingerprint.byte_size
        job.tell(Waiting, byte_size=fingerprint.byte_size)
        if delivery is not None:
            await delivery.check()
        if row is not None:
            await row.hashed(job.source, fingerprint)
            job.extra_enhancements = row.entry.extra
        content = ContentKey(fingerprint.md5, fingerprint.byte_size, job.source.sent_as[1])
        self.uses.claim(job, content)
        return await self._enhanced(wish, content)

    async def _enhanced(self, wish: Subscriber, content: ContentKey) -> Enhanced:
        """Return the enhancement that a job wants: one that is there, under way, or a new one."""
        shared, key = self._enhancements, (content, wish.job.strength)
        known = shared.remembered(key)
        if known is not None:
            there = await known.owner.has(known.asset.id, known.enhancement.id)
            if not there:
                shared.forget(key, known)
        enhanced = await shared.get(key, wish, lambda: self._begin_work(content, wish))
        track = wish.job.track
        track.asset, track.enhancement = enhanced.asset, enhanced.enhancement
        track.enter(JobState.PROCESSED)
        self._room_changed.set()
        return enhanced

    async def _delete(self, job: RunningJob, enhanced: Enhanced, journal: Journal | None) -> None:
        """Delete what was uploaded, unless another job needs it; then that one's end sees to it."""
        made = [Upload(enhanced.asset.id, enhanced.owner)]
        made += [Upload(spent, enhanced.owner, spent=True) for spent in enhanced.spent]
        # Of the lane that has them, which need not be this one. Whoever remembers the upload or
        # the enhancement finds it gone, and begins anew.
        for upload in self.uses.saved(job, made):
            await deleted(upload, journal, job.on_retry)

    def begin_deleting(self, journal: Journal) -> None:
        """Delete what a run that died left to be deleted, beside what else is done."""
        task = asyncio.create_task(self.delete_leftovers(journal), name="delete leftovers")
        self._deletions.add(task)
        task.add_done_callback(self._deletions.discard)

    async def delete_leftovers(self, journal: Journal) -> None:
        """Delete what a run that died left at the server between saving and deleting."""
        try:
            asset_ids = await rows_of(journal).deletable(self.client_id)
        except JournalError as error:
            _log.warning("uploads stay at the server: %s", error)
            return
        for asset_id in asset_ids:
            if not self.uses.has(asset_id):
                await deleted(Upload(asset_id, self.steps), journal)


class Lanes(Protocol):
    """The lanes of a client, as whoever has jobs for them sees them."""

    @property
    def lanes(self) -> Sequence[Lane]:
        """Those that are open: whoever only asks how things are opens nothing."""
        ...

    def open_lanes(self) -> Sequence[Lane]:
        """Return the same, opened where they are not.

        Raises:
            ClientClosedError: The client was closed, or is open in another event loop.
        """
        ...

    @property
    def room_changed(self) -> asyncio.Event:
        """Set whenever one that is open may have room again."""
        ...


def free_lanes(lanes: Sequence[Lane]) -> list[Lane]:
    """Return the lanes to which a batch may hand over a recording that any of them could take."""
    if lanes[0].takes_turns and sum(lane.unsubmitted for lane in lanes) >= _ON_THE_WAY:
        return []
    return [lane for lane in lanes if lane.is_free]


def quietest(lanes: Sequence[Lane]) -> Lane:
    """Return the lane, of one or more, that will probably have worked off everything first."""
    if len(lanes) == 1:
        return lanes[0]
    return min(lanes, key=lambda lane: lane.backlog_seconds)


async def deleted(upload: Upload, journal: Journal | None, on_retry: OnRetry | None = None) -> None:
    """Delete an asset whose results are safe: that it is left over does not spoil them.

    One that the journal says somebody still needs is left for the run that ends their work.
    """
    asset_id, owner, spent = upload
    try:
        # Nobody makes anything of a spent one, whatever else there is to do.
        asked = None if spent else journal
        if asked is not None and not await rows_of(asked).deletable(owner.client_id, asset_id):
            return
        await owner.delete_asset(asset_id, on_retry=on_retry)
        if journal is not None:
            await rows_of(journal).asset_deleted(asset_id)
    except AudioEnhanceError as error:
        _log.warning("asset %s: its upload stays at the server: %s", asset_id, error)
