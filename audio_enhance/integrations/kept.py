"""Accepted recordings that outlive the process: kept in a folder until they have a result."""

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from audio_enhance import (
    AudioEnhanceError,
    EnhanceClient,
    EntryState,
    InvalidInputError,
    Job,
    JobStatus,
    Journal,
    JournalEntry,
    OutputError,
    Source,
    SpeechEnhancement,
)

from ._cancellations import Cancellations
from ._journals import WorkerJournals
from ._results import NoResultError, UnknownJobError
from .sse import server_sent_events

__all__ = ["KeptJob", "KeptJobs", "NoResultError", "UnknownJobError"]

_log = logging.getLogger("audio_enhance")
_STATUS_SECONDS = 1.0  # between two looks at a job of another worker, or at what is to be cancelled
_CANCELLING_SECONDS = 10.0  # for another worker to cancel what is its own
_TRIM_SECONDS = 3600.0
_DAY = 86400.0
_STATUSES = {
    EntryState.QUEUED: JobStatus.QUEUED,
    EntryState.UPLOADING: JobStatus.UPLOADING,
    EntryState.UPLOADED: JobStatus.UPLOADING,
    EntryState.SUBMITTING: JobStatus.PROCESSING,
    EntryState.SUBMITTED: JobStatus.PROCESSING,
    EntryState.PROCESSED: JobStatus.PROCESSING,
    EntryState.DOWNLOADING: JobStatus.DOWNLOADING,
    EntryState.SUCCEEDED: JobStatus.SUCCEEDED,
    EntryState.FAILED: JobStatus.FAILED,
}


@attrs.frozen(kw_only=True)
class KeptJob:
    """How far an accepted recording is.

    Attributes:
        key: Its key, here and in browsers, before and after a restart.
        name: The name of the recording.
        strength: 0 (the original) to 100 (fully enhanced).
        status: How far it is. A cancelled job is `failed` once it is over.
        error: Why there is no result, if it failed.
        asset_id: The asset, as soon as there is one.
        enhancement_id: The speech enhancement, as soon as there is one.
    """

    key: str
    name: str
    strength: int
    status: JobStatus
    error: str | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None

    @property
    def finished(self) -> bool:
        """Whether it is over, with a result or without."""
        return self.status.finished

    def as_dict(self) -> dict[str, object]:
        """Return it as a dict for JSON."""
        return {**attrs.asdict(self), "status": self.status.value}


class KeptJobs:
    """Takes uploads in, keeps them until they have a result, and tells how far each one is.

    Use it as an async context manager, one for each worker process. It opens the client, and
    resumes what the worker before it left. Workers on one machine share the folder. Each has its
    own journal there, resumes what a worker that is gone left behind, and can tell how far any job
    is, whichever worker has it.

    Args:
        make_client: Makes the client; called when the context is entered.
        folder: Where uploads and journals are kept, on a local disk.
        drain: How many seconds to wait at the end for jobs under way; 0 by default. The next start
            resumes the rest.
        look_every: Seconds between two looks for what other workers left behind.
        keep_done: For how many seconds a job is known after its end; forever if `None`. After that,
            `find` raises `UnknownJobError`, and the same key begins a new job.

    Attributes:
        client: The client, while the context is open.
    """

    client: EnhanceClient

    def __init__(
        self,
        make_client: Callable[[], EnhanceClient],
        folder: str | Path,
        *,
        drain: float = 0.0,
        look_every: float = 5.0,
        keep_done: float | None = 30 * _DAY,
    ) -> None:
        self._make_client = make_client
        self._folder = Path(folder)
        self._drain = drain
        self._look_every = look_every
        self._keep_done = keep_done
        self._journals = WorkerJournals(self._folder)
        self._cancellations = Cancellations(self._folder / "cancel")
        self._jobs: dict[str, Job] = {}  # those under way here, by key
        self._left: set[asyncio.Task[None]] = set()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            # Jobs write to their journals until their end: they are closed after the client.
            stack.push_async_callback(self._journals.aclose)
            self._own = await self._journals.open_own()
            stack.push_async_callback(self._ended)
            self.client = await stack.enter_async_context(self._make_client())
            stack.push_async_callback(self.client.drain, self._drain)
            await self._resume(self._own)
            for what in (self._look, self._watch, self._trim):
                task = asyncio.create_task(what(), name=f"kept jobs: {what.__name__}")
                stack.push_async_callback(self._stop, task)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def accept(
        self,
        chunks: AsyncIterable[bytes],
        filename: str,
        *,
        strength: int,
        key: str | None = None,
        priority: int = 0,
        max_bytes: int | None = None,
    ) -> str:
        """Take an upload in, keep it from then on, and return the key of its job.

        Args:
            chunks: The upload as it arrives. If too many jobs wait, nothing of it is read.
            filename: The name of the recording.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            key: A name of your own for the job. The same key again is the same job, and the
                upload is not read. The default is one that nobody can guess.
            priority: Higher goes first among what this worker has not submitted yet.
            max_bytes: The most to accept; reading stops as soon as there is more.

        Raises:
            InvalidInputError: The recording, the strength or the key cannot be used.
            TooManyWaitingError: `max_waiting` jobs of this worker wait already.
            OutputError, JournalError: It cannot be kept, because the disk is full for example.
        """
        if key and key not in self._jobs:
            known = await self._journals.find(key)
            if known is not None and known.state != EntryState.FAILED:
                if known.strength != strength:
                    raise InvalidInputError(
                        f"The key {key!r} is that of a job at strength {known.strength}.",
                        hint="Give another strength a key of its own.",
                    )
                return key
            await self._cancellations.settle(key)  # it was about the job that failed
        key = key or secrets.token_urlsafe(16)
        upload = Source.spool(
            chunks, filename, max_bytes=max_bytes, keep_in=self._folder / "uploads"
        )
        job = await self.client.submit(
            upload,
            strength=strength,
            priority=priority,
            journal=self._own,
            key=key,
        )
        self._know([job])
        return key

    async def find(self, key: str) -> KeptJob:
        """Return how far a job is, whichever worker has it.

        Raises:
            UnknownJobError: There is none with this key.
        """
        job = self._jobs.get(key)
        if job is not None and not job.status.finished:
            return KeptJob(
                key=key,
                name=job.source.label,
                strength=job.strength,
                status=job.status,
                asset_id=None if job.asset is None else job.asset.id,
                enhancement_id=None if job.enhancement is None else job.enhancement.id,
            )
        entry = await self._journals.find(key)
        if entry is None:
            raise UnknownJobError
        return _kept(entry)

    async def result(self, key: str) -> SpeechEnhancement | None:
        """Return the enhancement to redirect a browser to; `None` while there is none yet.

        Raises:
            UnknownJobError: There is no job with this key.
            NoResultError: The job is over and has no result.
            AudioEnhanceError: The API cannot be asked for the result.
        """
        found = await self.find(key)
        if not found.finished:
            return None
        if found.status != JobStatus.SUCCEEDED:
            raise NoResultError(found.error or "The job has no result.")
        if found.asset_id is None or found.enhancement_id is None:
            raise NoResultError("The result is no longer at the server.")
        return await self.client.get_speech_enhancement(found.asset_id, found.enhancement_id)

    async def cancel(self, key: str) -> bool | None:
        """Cancel a job, and return whether that was in time to cost nothing.

        If another worker has the job, that worker cancels it within about a second, and this waits
        for it.

        Returns:
            `None` if the job is over. `False` also if no worker has cancelled it within ten
            seconds: its worker is gone then, and the worker that resumes the job cancels it.

        Raises:
            UnknownJobError: There is no job with this key.
            OutputError: The other worker cannot be told, because the disk is full for example.
        """
        job = self._jobs.get(key)
        if job is not None and not job.status.finished:
            return job.cancel()
        if (await self.find(key)).finished:
            return None
        try:
            await self._cancellations.ask(key)
        except OSError as error:
            raise OutputError(f"The job cannot be cancelled: {error.strerror}.") from error
        return await self._cancelled_elsewhere(key)

    async def _cancelled_elsewhere(self, key: str) -> bool | None:
        try:
            async with asyncio.timeout(_CANCELLING_SECONDS):
                while not (found := await self.find(key)).finished:  # noqa: ASYNC110  it is no event here
                    await asyncio.sleep(_STATUS_SECONDS / 4)
        except TimeoutError:
            return False
        await self._cancellations.settle(key)  # it ended by itself, perhaps
        return None if found.status == JobStatus.SUCCEEDED else found.enhancement_id is None

    async def events(
        self, key: str, last_event_id: str | None = None, *, keep_alive: float = 15.0
    ) -> AsyncGenerator[bytes]:
        """Return a job's Server-Sent Events, to its end.

        If another worker has the job, they tell each new status, which is looked up every second.

        Args:
            key: The job.
            last_event_id: The request's `Last-Event-ID`.
            keep_alive: Seconds of silence after which a comment is sent.

        Raises:
            UnknownJobError: There is no job with this key.
        """
        job = self._jobs.get(key)
        if job is not None and not job.status.finished:
            return server_sent_events(job, last_event_id, keep_alive=keep_alive)
        if job is not None:
            # It was cancelled. The journal tells of its end a moment before its place is free.
            await asyncio.wait([job.task])
        return self._statuses(await self.find(key))

    async def _statuses(self, found: KeptJob) -> AsyncGenerator[bytes]:
        told: JobStatus | None = None
        while True:
            if found.status == told:
                yield b": still here\n\n"
            else:
                told = found.status
                name = "finished" if found.finished else told.value
                text = json.dumps({"event": name, **found.as_dict()}, ensure_ascii=False)
                yield f"event: {name}\ndata: {text}\n\n".encode()
            if found.finished:
                return
            await asyncio.sleep(_STATUS_SECONDS)
            found = await self.find(found.key)

    # What is under way here

    def _know(self, jobs: Iterable[Job]) -> None:
        for job in jobs:
            self._jobs[job.key] = job
            job.task.add_done_callback(partial(self._over, job))

    def _over(self, job: Job, task: object) -> None:
        del task
        # From here on the journal tells of it, and memory does not grow with what is done.
        if self._jobs.get(job.key) is job:
            del self._jobs[job.key]

    async def _resume(self, journal: Journal) -> list[Job]:
        jobs = await self.client.take_up(journal)
        self._know(jobs)
        return jobs

    async def _watch(self) -> None:
        """Cancel what other workers were asked to cancel, and this one has."""
        while True:
            await asyncio.sleep(_STATUS_SECONDS)
            try:
                for key in await self._cancellations.asked(self._jobs):
                    if (job := self._jobs.get(key)) is not None:
                        job.cancel()
                    await self._cancellations.settle(key)
            except OSError as error:
                _log.warning("what is to be cancelled cannot be looked at: %s", error)

    async def _trim(self) -> None:
        """Forget what has been over for long."""
        # Not the others at the start: workers that start beside this one look for a free journal.
        journals = [self._own.path]
        while True:
            if self._keep_done is not None:
                await self._journals.trim(journals, self._keep_done)
            await self._cancellations.remove_stale()
            await asyncio.sleep(_TRIM_SECONDS)
            journals = await self._journals.all()

    # What workers that are gone left behind

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self._look_every)
            try:
                async for journal in self._journals.open_left():
                    task = asyncio.create_task(self._take_over(journal))
                    self._left.add(task)
                    task.add_done_callback(self._left.discard)
            except AudioEnhanceError as error:
                _log.warning("what other workers left is not taken up: %s", error)

    async def _take_over(self, journal: Journal) -> None:
        """Finish what is in a journal, and let go of it for a worker that comes."""
        try:
            for job in await self._resume(journal):
                async for _ in job.events():
                    pass
        except AudioEnhanceError as error:
            _log.warning("%s is not taken up: %s", journal.path, error)
        finally:
            await self._journals.close(journal)

    async def _stop(self, looking: "asyncio.Task[None]") -> None:
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    async def _ended(self) -> None:
        if self._left:
            await asyncio.wait(self._left)


def _kept(entry: JournalEntry) -> KeptJob:
    return KeptJob(
        key=entry.key,
        name=entry.filename or entry.source,
        strength=entry.strength,
        status=_STATUSES[entry.state],
        error=entry.error if entry.state == EntryState.FAILED else None,
        asset_id=entry.asset_id,
        enhancement_id=entry.enhancement_id,
    )
