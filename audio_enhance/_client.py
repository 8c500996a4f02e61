"""The client: one object for one API client, with one method for each thing to be done."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import aiohttp

from ._batch import Batch, BatchReport, Outcome, SourcesLike
from ._clock import Clock, SystemClock
from ._enhancing import Order
from ._environment import DEFAULT_BASE_URL, auth_from, base_url_from
from ._errors import AudioEnhanceError, InvalidInputError, JobCancelledError, LaneFullError
from ._events import Event
from ._five_steps import FiveSteps
from ._job import EnhanceResult, Job
from ._journal import EntryState, Journal
from ._lane import Lane
from ._limiter import RateLimits
from ._models import check_strength, check_strengths
from ._outputs import OutputFolder
from ._polling import PollPolicy
from ._record import Record, revive
from ._retry import RetryPolicy
from ._setup import Auth, Opened, Settings, Setup
from ._source import Source, SourceLike, as_source
from ._steps import Steps
from ._tasks import end
from ._threads import to_its_end
from ._transport import Timeouts

# Uploads and enhancements that a batch remembers, for contents that come more than once; a
# journal remembers all of them.
_REMEMBERED = 1024


class EnhanceClient(FiveSteps):
    """A client of the Enhance Speech API, for one API client or several; an async context.

    Args:
        auth: `ClientCredentials`, an `AccessToken`, or any `TokenProvider`; a sequence of them
            shares the work among several API clients, since each one's server works on one
            enhancement at a time.
        base_url: The API's origin.
        session: A session of the caller's for the requests to the API; it is never closed, and
            its headers and cookies never reach the object store.
        timeouts: How long to wait for what.
        retry: How often and how long a failed request is tried again.
        polling: How eagerly to ask whether something is finished.
        limits: The organization's rate limits; give the same object to every client of one
            organization. A sequence gives each of several API clients its own.
        max_waiting: How many jobs may wait to be submitted before `submit` refuses another
            with `LaneFullError`; batches wait by themselves.
        on_event: Told what happens to every job of this client, for watching it in production;
            called on the event loop, so it must not block.
        clock: What tells the time and waits, for tests.

    Raises:
        ConfigurationError: The credentials or the address cannot be used.
    """

    def __init__(
        self,
        auth: Auth | Sequence[Auth],
        *,
        base_url: str = DEFAULT_BASE_URL,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        polling: PollPolicy | None = None,
        limits: RateLimits | Sequence[RateLimits] | None = None,
        max_waiting: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._setup = Setup(
            auth,
            base_url=base_url,
            session=session,
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            polling=polling or PollPolicy(),
            limits=limits,
            clock=clock or SystemClock(),
        )
        self._max_waiting = max_waiting
        self._arriving = 0
        self._on_event = on_event
        self._opened: Opened | None = None

    @classmethod
    def from_env(cls, **settings: Unpack[Settings]) -> Self:
        """Make a client from the environment's credentials and addresses.

        Args:
            settings: As for the class.

        Raises:
            ConfigurationError: Variables are missing; every one of them is named.
        """
        return cls(auth_from(), base_url=base_url_from(), **settings)

    def __repr__(self) -> str:
        ids = ", ".join(repr(auth.client_id) for auth in self._setup.auth)
        return f"{type(self).__name__}({ids}, base_url={self._setup.base_url!r})"

    async def __aenter__(self) -> Self:
        self._open  # noqa: B018  opens the sessions inside the running loop
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Cancel the jobs under way, wait for their end, and close the connections.

        What was submitted goes on at the server. The client opens new connections if it is
        used again.
        """
        opened, self._opened = self._opened, None
        if opened is not None:
            await opened.aclose()

    @property
    def _open(self) -> Opened:
        if self._opened is None:
            self._opened = self._setup.open()
        return self._opened

    @property
    def _lanes(self) -> Sequence[Lane]:
        # To be looked at: whoever only asks how things are, from any thread, opens nothing.
        return self._opened.lanes if self._opened is not None else ()

    def _steps(self, asset_id: str | None = None) -> Steps:
        """Return the steps of the API client that an asset belongs to, of the first by default."""
        return self._open.steps_of(asset_id)

    async def enhance(
        self,
        source: SourceLike,
        *,
        strength: int,
        output_dir: str | os.PathLike[str] = ".",
        overwrite: bool = False,
        priority: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> EnhanceResult:
        """Enhance one recording: all five steps.

        Args:
            source: A path, bytes or a `Source`.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            output_dir: The folder for the result; made if it is not there.
            overwrite: Replace a result of the same name; otherwise it is an error.
            priority: Higher goes first among what this client has not submitted yet.
            on_event: Told what happens; called on the event loop, so it must not block.

        Raises:
            InvalidInputError: Source or strength cannot be used; nothing was sent.
            OutputExistsError: There is a result of that name already.
            AudioEnhanceError: Whatever else went wrong, with the ids to take it up again.
        """
        job = await self.submit(
            source,
            strength=strength,
            priority=priority,
            output_dir=output_dir,
            overwrite=overwrite,
            on_event=on_event,
        )
        try:
            return await job
        except asyncio.CancelledError:
            await end([job.task])
            raise

    async def submit(
        self,
        source: SourceLike | Awaitable[Source],
        *,
        strength: int,
        priority: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        journal: Journal | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Job:
        """Begin to enhance one recording, and return a handle to follow and cancel it.

        Args:
            source: A path, bytes or a `Source`; or what a `Source` is awaited from, such as
                `Source.spool(…)`, which has its place among the waiting while it arrives. Where
                there is no place, nothing of it is read.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            priority: Higher goes first among what this client has not submitted yet.
            output_dir: The folder for the result; without one it stays at the server, for
                `presigned_download_url`.
            overwrite: Replace a result of the same name; otherwise it is an error.
            journal: Where every step is written down, for `take_up` after a restart.
            on_event: Told what happens; called on the event loop, so it must not block.

        Raises:
            InvalidInputError: The kind of source, its type or the strength cannot be used.
            LaneFullError: `max_waiting` jobs wait already.
            JobCancelledError: The client was closed while the recording arrived.
        """
        try:
            check_strength(strength)
            if not isinstance(source, Awaitable):
                source = as_source(source)
            if self._max_waiting is not None and self.waiting >= self._max_waiting:
                raise LaneFullError(
                    f"{self.waiting} jobs are waiting already.", retry_after=self.backlog_seconds
                )
        except AudioEnhanceError:
            if isinstance(source, Coroutine):
                source.close()  # it was not begun, and would complain that nobody awaited it
            raise
        if not isinstance(source, Awaitable):
            return self._start(source, strength, priority, output_dir, overwrite, journal, on_event)
        opened = self._open
        self._arriving += 1
        try:
            spooled = as_source(await source)
        finally:
            self._arriving -= 1
        try:
            if self._opened is not opened:
                raise JobCancelledError(
                    "The client was closed while the recording arrived; it cost nothing.",
                    source=spooled.label,
                )
            job = self._start(spooled, strength, priority, output_dir, overwrite, journal, on_event)
        except BaseException:
            spooled.close()
            raise
        # Nobody else has it: its temporary file is not kept for as long as the job is known.
        job.task.add_done_callback(lambda _: spooled.close())
        return job

    async def take_up(
        self,
        journal: Journal,
        *,
        priority: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> list[Job]:
        """Go on with what an earlier run submitted with a journal and did not finish.

        Files are taken from where they were. Data that was spooled is gone with the earlier
        run; such a job goes on if its upload was begun, and is noted as failed otherwise.

        Args:
            journal: The journal that `submit` was given.
            priority: As in `submit`, for all of them.
            output_dir: As in `submit`.
            overwrite: As in `submit`.
            on_event: As in `submit`.
        """
        await journal.remove_leftovers()
        jobs: list[Job] = []
        unfinished = set(EntryState) - {EntryState.SUCCEEDED, EntryState.FAILED}
        for entry in [entry async for entry in journal.entries(*unfinished)]:
            record = Record(journal, entry)
            try:
                source = await to_its_end(partial(revive, entry))
            except AudioEnhanceError as error:
                await record.note_done(state=EntryState.FAILED, error=str(error))
                continue
            jobs.append(
                self._start(
                    source,
                    entry.strength,
                    priority,
                    output_dir,
                    overwrite,
                    journal,
                    on_event,
                    record=record,
                )
            )
        return jobs

    def _start(
        self,
        source: Source,
        strength: int,
        priority: int,
        output_dir: str | os.PathLike[str] | None,
        overwrite: bool,
        journal: Journal | None,
        on_event: Callable[[Event], None] | None,
        *,
        record: Record | None = None,
    ) -> Job:
        job = Job(source, check_strength(strength), priority, self._listeners(on_event))
        outputs = None
        if output_dir is not None:
            outputs = OutputFolder(Path(output_dir), overwrite)
        # Assets of an earlier run are seen by their own API client only.
        lanes = self._open.lanes
        if record is not None:
            lanes = [lane for lane in lanes if lane.client_id == record.entry.client_id] or lanes
        lane = min(lanes, key=lambda lane: lane.backlog_seconds)
        lane.start(job, Order.of(outputs, journal, keep=0), record)
        return job

    def _listeners(
        self, on_event: Callable[[Event], None] | None
    ) -> tuple[Callable[[Event], None], ...]:
        return tuple(each for each in (self._on_event, on_event) if each is not None)

    @property
    def waiting(self) -> int:
        """How many jobs are not submitted yet, those included whose recording is arriving."""
        return self._arriving + sum(lane.unsubmitted for lane in self._lanes)

    @property
    def backlog_seconds(self) -> float:
        """When a job that came now would probably be begun by the server, in seconds from now.

        Learned from the jobs before; a second for each job where there were none.
        """
        return min((lane.backlog_seconds for lane in self._lanes), default=0.0)

    async def drain(self, timeout: float) -> bool:
        """Wait for the jobs under way, at most that many seconds, and return whether all ended.

        What is left over is cancelled by `aclose`: what was submitted goes on at the server.
        """
        tasks = [job.task for lane in self._lanes for job in lane.jobs]
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=timeout)
        return not left

    async def enhance_batch(
        self,
        sources: SourcesLike,
        *,
        strength: int | Iterable[int],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | Journal | None = None,
        overwrite: bool = False,
        root: str | os.PathLike[str] | None = None,
        priority: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> BatchReport:
        """Enhance any number of recordings, and return one outcome for each and every strength.

        A recording that cannot be enhanced becomes an outcome with its error; the others go on.

        Args:
            sources: Paths, bytes or `Source`s; pulled as there is room for them.
            strength: 0 to 100, one or several; several upload each recording once.
            output_dir: The folder for the results; made if it is not there.
            journal: A file that every step is written to; a second run with it repeats nothing.
            overwrite: Replace results of the same name; otherwise that is an error.
            root: Where recordings have the same name, their folders below this one are kept;
                found from the sources, if they are a sequence, where it is not given.
            priority: Higher goes first among what this client has not submitted yet.
            on_event: Told what happens; called on the event loop, so it must not block.

        Raises:
            InvalidStrengthError: A strength is out of range; nothing was sent.
            JournalError: The journal cannot be used, or another run uses it.
        """
        outcomes: list[tuple[int, Outcome]] = []
        async with self._batch(
            sources, strength, output_dir, journal, overwrite, root, priority, on_event
        ) as batch:
            async with aclosing(batch.run(sources)) as run:
                outcomes.extend([item async for item in run])
            outcomes.sort(key=lambda item: item[0])
            return BatchReport([outcome for _, outcome in outcomes], batch.stopped_by)

    async def enhance_as_completed(
        self,
        sources: SourcesLike,
        *,
        strength: int | Iterable[int],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | Journal | None = None,
        overwrite: bool = False,
        root: str | os.PathLike[str] | None = None,
        priority: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> AsyncGenerator[Outcome]:
        """Yield the outcomes of `enhance_batch` as they come, whatever their number.

        Leaving the loop early cancels what is under way; `contextlib.aclosing` makes that
        happen at once.
        """
        async with (
            self._batch(
                sources, strength, output_dir, journal, overwrite, root, priority, on_event
            ) as batch,
            aclosing(batch.run(sources)) as run,
        ):
            async for _, outcome in run:
                yield outcome

    @asynccontextmanager
    async def _batch(
        self,
        sources: SourcesLike,
        strength: int | Iterable[int],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | Journal | None,
        overwrite: bool,
        root: str | os.PathLike[str] | None,
        priority: int,
        on_event: Callable[[Event], None] | None,
    ) -> AsyncGenerator[Batch]:
        strengths = check_strengths(strength)
        if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Source):
            raise InvalidInputError("A batch is of several sources.", hint="Put it into a list.")
        directory = Path(output_dir)
        outputs = OutputFolder.for_batch(
            directory,
            sources if isinstance(sources, Sequence) else (),
            overwrite=overwrite,
            root=None if root is None else Path(root),
        )
        async with AsyncExitStack() as stack:
            opened_journal = None
            if isinstance(journal, Journal):
                opened_journal = journal
            elif journal is not None:
                opened_journal = await stack.enter_async_context(
                    await Journal.open(Path(journal), clock=self._setup.clock)
                )
            if opened_journal is not None:
                await opened_journal.remove_leftovers()
            opened = self._open
            yield Batch(
                opened.lanes,
                opened.moved,
                Order.of(outputs, opened_journal, keep=_REMEMBERED),
                strengths,
                priority=priority,
                on_event=self._listeners(on_event),
            )
