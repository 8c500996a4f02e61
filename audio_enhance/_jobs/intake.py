"""Where jobs come in, one by one."""

import asyncio
from collections.abc import Awaitable, Sequence
from functools import partial

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    InvalidSourceError,
    JobCancelledError,
    TooManyWaitingError,
)
from audio_enhance._core.models import check_strength
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.generation import check_generation
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.leftovers import remove_leftovers
from audio_enhance._journal.revived import revive
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.given import AnySource, arrived, as_source, is_file_object
from audio_enhance._recording.source import Source
from audio_enhance._session.wire import check_sendable
from audio_enhance._settings import Settings
from audio_enhance._transfer.held_places import remove_left

from .keyed import KeyedJobs, check_same
from .lane import Lane, Lanes, quietest
from .order import Order, check_deleting
from .result import EnhanceResult
from .running import RunningJob
from .single import awaited, done_before


class Intake:
    """Takes jobs in for one client, and gives each one to a lane.

    Args:
        settings: What the client is set up with.
        connections: Its lanes.
    """

    def __init__(self, settings: Settings, connections: Lanes) -> None:
        self._settings = settings
        self._connections = connections
        self._arriving = 0
        self._keyed = KeyedJobs()

    async def submit(
        self,
        source: AnySource | Awaitable[Source],
        strength: int,
        order: Order,
        key: str | None = None,
        filename: str | None = None,
    ) -> RunningJob:
        """Begin one job, as soon as its source has arrived; `EnhanceClient.submit` says more."""
        if not key:
            return await self._submit(source, strength, order, filename=filename)

        async def begin() -> RunningJob:
            if (job := await self._begun_before(key, strength, order)) is not None:
                return job
            return await self._submit(source, strength, order, key, filename)

        return await self._keyed.get(key, strength, begin)

    async def enhance(
        self,
        source: AnySource,
        strength: int,
        order: Order,
        *,
        filename: str | None,
        timeout: float | None,
    ) -> EnhanceResult:
        """Return the result of one job; `EnhanceClient.enhance` says more."""
        if order.journal is not None and not is_file_object(source):
            source, filename = as_source(source, filename), None
            earlier = await done_before(order.journal, source, check_strength(strength))
            if earlier is not None:
                return earlier
        return await awaited(
            lambda: self.submit(source, strength, order, filename=filename), timeout
        )

    async def _begun_before(self, key: str, strength: int, order: Order) -> RunningJob | None:
        """Return the job that an earlier run was given with a key, begun again where it was."""
        journal = order.journal
        entry = None if journal is None else await journal.entry_with(key)
        if journal is None or entry is None or entry.state == EntryState.FAILED:
            return None
        check_same(key, strength, entry.strength)
        await check_generation(journal, self._settings.api_version)
        try:
            source = await to_its_end(partial(revive, entry))
        except AudioEnhanceError:
            return None  # gone with the earlier run, and here it comes again
        # What is done is fetched, and not paid for once more.
        once = attrs.evolve(order, spare=True)
        return self._begin(source, strength, once, JournalRow.alive(rows_of(journal), entry))

    async def _submit(
        self,
        source: AnySource | Awaitable[Source],
        strength: int,
        order: Order,
        key: str = "",
        filename: str | None = None,
    ) -> RunningJob:
        check_sendable(check_strength(strength), self._settings.api_version)
        check_deleting(
            order.delete_assets, self._settings.api_version, kept=order.outputs is not None
        )
        if isinstance(source, Awaitable):
            if filename is not None:
                raise InvalidSourceError(
                    "filename= cannot rename an upload that is still arriving.",
                    hint="Give the name where you make the source.",
                )
        elif not is_file_object(source):
            source = as_source(source, filename)
        most = self._settings.max_waiting
        if most is not None and self.waiting >= most:
            raise TooManyWaitingError(
                f"{self.waiting} jobs are waiting already.", retry_after=self.backlog_seconds
            )
        lanes = self._connections.open_lanes()
        if not isinstance(source, Source):
            return await self._arrived(source, filename, strength, order, key, lanes)
        return await self._accept(source, strength, order, key)

    async def _arrived(
        self,
        source: AnySource | Awaitable[Source],
        filename: str | None,
        strength: int,
        order: Order,
        key: str,
        lanes: Sequence[Lane],
    ) -> RunningJob:
        self._arriving += 1
        try:
            if isinstance(source, Awaitable):
                source = await source
            spooled = await arrived(source, filename)
        finally:
            self._arriving -= 1
        try:
            if self._connections.lanes is not lanes:
                raise JobCancelledError(
                    "The client was closed while the recording arrived; it cost nothing.",
                    source=spooled.label,
                )
            job = await self._accept(spooled, strength, order, key)
        except BaseException:
            spooled.close()
            raise
        # Nobody else has it: its temporary file is not kept for as long as the job is known.
        job.task.add_done_callback(lambda _: spooled.close())
        return job

    async def _accept(self, source: Source, strength: int, order: Order, key: str) -> RunningJob:
        """Begin a job; where there is a journal, it knows of it before the caller does."""
        journal = order.journal
        if journal is None:
            return self._begin(source, strength, order, key=key)
        await check_generation(journal, self._settings.api_version)
        row = await JournalRow.of(rows_of(journal), source, strength, key)
        with row.at_work():
            try:
                await row.begin(source)
                return self._begin(source, strength, order, row)
            except BaseException:
                await row.withdraw()
                raise

    async def take_up(self, journal: Journal, order: Order) -> list[RunningJob]:
        """Go on with what a journal says is unfinished; `EnhanceClient.take_up` says more."""
        check_deleting(
            order.delete_assets, self._settings.api_version, kept=order.outputs is not None
        )
        await check_generation(journal, self._settings.api_version)
        await remove_leftovers(rows_of(journal).database)
        if order.outputs is not None:
            await to_its_end(partial(remove_left, order.outputs.directory))
        jobs: list[RunningJob] = []
        unfinished = set(EntryState) - {EntryState.SUCCEEDED, EntryState.FAILED}
        found = [
            (entry, JournalRow.alive(rows_of(journal), entry))
            async for entry in journal.entries(*unfinished)
        ]
        for entry, row in found:
            if row.is_at_work or row.entry.state not in unfinished:
                continue  # a job of this run has it, or had it meanwhile
            with row.at_work():
                try:
                    source = await to_its_end(partial(revive, entry))
                except AudioEnhanceError as error:
                    await row.note_failed(error)
                    continue
                job = self._begin(source, entry.strength, order, row)
            self._keyed.add(job.key, job)
            jobs.append(job)
        if order.delete_assets:
            for lane in self._connections.open_lanes():
                lane.begin_deleting(journal)
        return jobs

    def _begin(
        self,
        source: Source,
        strength: int,
        order: Order,
        row: JournalRow | None = None,
        key: str = "",
    ) -> RunningJob:
        # First: a job that nobody can begin tells nothing, since its end would not be told.
        lanes = self._connections.open_lanes()
        key = key if row is None else row.entry.key
        clock, listeners = self._settings.clock, order.listeners(self._settings.on_event)
        job = RunningJob(source, strength, order.priority, listeners, key, clock)
        if order.outputs is not None and source.place is not None:
            order.outputs.protected.add_recordings([source.place])
        # Assets of an earlier run are seen by their own API client only.
        if row is not None:
            lanes = [lane for lane in lanes if lane.client_id == row.entry.client_id] or lanes
        lane = quietest(lanes)
        lane.start(job, order, row)
        return job

    @property
    def waiting(self) -> int:
        """How many jobs are not submitted yet, those included whose recording is arriving."""
        return self._arriving + sum(lane.unsubmitted for lane in self._connections.lanes)

    @property
    def backlog_seconds(self) -> float:
        """When a job that came now would probably be begun by the server, in seconds from now."""
        return min((lane.backlog_seconds for lane in self._connections.lanes), default=0.0)

    async def drain(self, timeout: float) -> bool:
        """Wait for the jobs under way, and return whether all ended in time."""
        tasks = [job.task for lane in self._connections.lanes for job in lane.jobs]
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=timeout)
        return not left
