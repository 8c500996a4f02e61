"""The way of every job through one API client: a pipeline whose slowest stage never waits."""

import asyncio
import logging

from audio_enhance._core.cancellation import end
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._core.events import Finished, Hashing
from audio_enhance._core.models import SpeechEnhancement
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.row import JournalRow
from audio_enhance._scheduler.polling import PollPolicy

from .delivery import Delivery
from .gate import PriorityGate
from .handle import EnhanceResult, Job
from .steps import Steps
from .watcher import ServerQueue
from .work import Enhancing, Order, ResultAwayError, Stages

_log = logging.getLogger("audio_enhance")
_HASHING_AT_ONCE = 2
_UPLOADS_AT_ONCE = 4
_DOWNLOADS_AT_ONCE = 4
# What may wait before the window, and what a batch hands over: enough to hide hashing and
# uploading, little enough that memory and what a crash loses stay small.
_AHEAD = 8
_UNFINISHED = 96


class Lane:
    """Takes jobs through hashing, upload, the server's queue and download.

    Attributes:
        steps: The API client's five steps.
        queue: What is outstanding at the server.
        unsubmitted: How many jobs are not submitted yet.
        closed: Whether it takes no more jobs.
    """

    def __init__(
        self,
        steps: Steps,
        polling: PollPolicy,
        clock: Clock,
        moved: asyncio.Event,
        *,
        longest_processing: float | None,
    ) -> None:
        self.steps = steps
        self.queue = ServerQueue(self._ask, polling, clock, longest=longest_processing)
        self.unsubmitted = 0
        self.closed = False
        self._moved = moved
        self._hashing = PriorityGate(_HASHING_AT_ONCE)
        self._downloads = PriorityGate(_DOWNLOADS_AT_ONCE)
        self._stages = Stages(
            steps=steps,
            queue=self.queue,
            ahead=PriorityGate(_AHEAD, overtaking=True),
            uploads=PriorityGate(_UPLOADS_AT_ONCE, overtaking=True),
            on_submitted=self._submitted,
        )
        self._jobs: dict[Job, bool] = {}  # and whether they are not submitted yet
        steps.api.limits.assets.owe(self._owed, _AHEAD)

    @property
    def client_id(self) -> str:
        """The API client that assets and enhancements of this lane belong to."""
        return self.steps.api.client_id

    @property
    def unfinished(self) -> int:
        """How many jobs are not finished yet."""
        return len(self._jobs)

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The jobs that are not finished yet."""
        return tuple(self._jobs)

    @property
    def has_room(self) -> bool:
        """Whether a batch may hand over another job."""
        depth = self.queue.window.depth
        return self.unsubmitted < _AHEAD + depth and self.unfinished < _UNFINISHED + depth

    @property
    def backlog_seconds(self) -> float:
        """When the server will probably have worked off everything that is in the lane."""
        typical = self.queue.estimate.typical
        left = self.unsubmitted + len(self.queue.outstanding)
        return left * (1.0 if typical is None else typical)

    def start(self, job: Job, order: Order, record: JournalRow | None = None) -> None:
        """Begin a job; its own handle tells what becomes of it.

        Args:
            job: The job.
            order: What it has in common with others.
            record: Its row in the journal, if that was read already.
        """
        self._jobs[job] = True
        self.unsubmitted += 1
        task = asyncio.create_task(
            self._run(job, order, record), name=f"enhance {job.source.label}"
        )
        task.add_done_callback(lambda _: self._over(job))
        job.start(task)

    async def aclose(self) -> None:
        """Cancel every job and wait for its end; what was submitted goes on at the server."""
        self.closed = True
        self._moved.set()
        self.steps.api.limits.assets.settle(self._owed)
        await end([job.task for job in self._jobs])
        await self.queue.aclose()

    def _owed(self) -> int:
        """Return how many have an asset, and an enhancement still to be asked for."""
        return sum(
            left and job.asset is not None and not job.asked for job, left in self._jobs.items()
        )

    async def _ask(self, asset_id: str, enhancement_id: str) -> SpeechEnhancement:
        """Ask how far an enhancement is; whoever waits for it is told what stands in the way."""

        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            for job in self._jobs:
                if job.enhancement is not None and job.enhancement.id == enhancement_id:
                    job.on_retry(error, wait)

        return await self.steps.api.get_speech_enhancement(
            asset_id, enhancement_id, on_retry=on_retry
        )

    def _submitted(self, job: Job) -> None:
        if self._jobs.get(job):
            self._jobs[job] = False
            self.unsubmitted -= 1
            self._moved.set()

    def _over(self, job: Job) -> None:
        self._submitted(job)
        self._jobs.pop(job, None)
        self.steps.api.limits.assets.look_again()
        self._moved.set()
        # Here and not in the task, which may be cancelled before it has begun.
        if (error := job.error) is not None:
            job.tell(Finished, error=error)
            return
        saved = job.task.result().saved
        job.tell(Finished, path=str(saved) if saved else None)

    async def _run(self, job: Job, order: Order, record: JournalRow | None) -> EnhanceResult:
        try:
            if record is None and order.journal is not None:
                record = await JournalRow.of(order.journal, job.source, job.strength)
            return await self._work(job, order, record)
        except AudioEnhanceError as error:
            # Of their own: jobs that want the same fail with the same error, about one of them.
            own = error.located(**job.ids)
            own.source = job.source.label
            _log.info("failed: %s", own)
            if record is not None and not isinstance(error, ResultAwayError):
                await record.note_failed(own, extra=job.extra_enhancements)
            raise own from error.__cause__
        except Exception:
            _log.exception("%s: something unforeseen", job.source.label)
            raise

    async def _work(self, job: Job, order: Order, record: JournalRow | None) -> EnhanceResult:
        job.tell(Hashing)
        async with self._hashing.place(job.priority):
            fingerprint = await job.source.fingerprint()
        job.byte_size = fingerprint.byte_size
        delivery = None
        if order.outputs is not None:
            delivery = Delivery(job, order.outputs, record)
            await delivery.check(fingerprint.byte_size)
        if record is not None:
            await record.hashed(job.source, fingerprint)
            job.extra_enhancements = record.entry.extra
        content = (fingerprint.md5, fingerprint.byte_size, job.source.content_type)
        enhanced = await order.enhancements.get(
            (content, job.strength),
            job,
            lambda jobs: Enhancing(self._stages, order, jobs, record, content).run(),
        )
        job.asset, job.enhancement = enhanced.asset, enhanced.enhancement
        self._submitted(job)
        saved = None
        if delivery is not None:
            async with self._downloads.place(job.priority):
                saved = await delivery.fetch(enhanced)
        elif record is not None:
            # Left at the server, as it was asked for: there is nothing to go on with.
            await record.note_done(state=EntryState.SUCCEEDED, error=None, **job.ids)
        return EnhanceResult(
            asset=enhanced.asset,
            enhancement=enhanced.enhancement,
            extra_enhancements=job.extra_enhancements,
            failed_enhancements=job.failed_enhancements,
            saved=saved,
        )
