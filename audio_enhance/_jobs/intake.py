"""Jobs as a caller begins and follows them, one by one."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import AudioEnhanceError, JobCancelledError, LaneFullError
from audio_enhance._core.events import Event
from audio_enhance._core.models import check_strength
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal
from audio_enhance._journal.row import JournalRow, revive
from audio_enhance._recording.source import Source, SourceLike, as_source
from audio_enhance._transfer.output_folder import OutputFolder

from .five_steps import FiveSteps
from .handle import Job
from .lane import Lane
from .opened import Opened, Setup
from .steps import Steps
from .work import Order


class Jobs(FiveSteps):
    """What is under way at one client, and what begins it."""

    def __init__(
        self,
        setup: Setup,
        *,
        max_waiting: int | None,
        on_event: Callable[[Event], None] | None,
    ) -> None:
        self._setup = setup
        self._max_waiting = max_waiting
        self._on_event = on_event
        self._arriving = 0
        self._opened: Opened | None = None

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
        begin = partial(
            self._begin,
            strength=strength,
            priority=priority,
            output_dir=output_dir,
            overwrite=overwrite,
            journal=journal,
            on_event=on_event,
        )
        if isinstance(source, Awaitable):
            return await self._arrived(source, begin)
        return begin(source)

    async def _arrived(self, source: Awaitable[Source], begin: Callable[[Source], Job]) -> Job:
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
            job = begin(spooled)
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
            record = JournalRow.alive(journal, entry)
            try:
                source = await to_its_end(partial(revive, entry))
            except AudioEnhanceError as error:
                await record.note_failed(error)
                continue
            jobs.append(
                self._begin(
                    source,
                    strength=entry.strength,
                    priority=priority,
                    output_dir=output_dir,
                    overwrite=overwrite,
                    journal=journal,
                    on_event=on_event,
                    record=record,
                )
            )
        return jobs

    def _begin(
        self,
        source: Source,
        *,
        strength: int,
        priority: int,
        output_dir: str | os.PathLike[str] | None,
        overwrite: bool,
        journal: Journal | None,
        on_event: Callable[[Event], None] | None,
        record: JournalRow | None = None,
    ) -> Job:
        job = Job(source, strength, priority, self._listeners(on_event))
        outputs = None
        if output_dir is not None:
            outputs = OutputFolder(Path(output_dir), overwrite)
            if source.path is not None:
                outputs.protected.add_recordings([source.path])
            if journal is not None:
                outputs.protected.add_journal(journal.path)
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
