"""Where jobs come in, one by one or by the thousand, and what is opened for them."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    ClientClosedError,
    ConfigurationError,
    InvalidInputError,
    InvalidSourceError,
    JobCancelledError,
    TooManyWaitingError,
)
from audio_enhance._core.events import Event
from audio_enhance._core.models import check_strength, check_strengths
from audio_enhance._core.paths import path_of
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.generation import check_generation
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.leftovers import remove_leftovers
from audio_enhance._journal.revived import revive
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.given import AnySource, arrived, as_source, is_file_object, place_of
from audio_enhance._recording.source import Source
from audio_enhance._session.rate_limits import RateLimits
from audio_enhance._session.wire import check_sendable
from audio_enhance._settings import Auth, Settings
from audio_enhance._transfer.held_places import remove_left
from audio_enhance._transfer.output_folder import OutputFolder, PlaceRule
from audio_enhance._transfer.store import output_place

from .batch import Batch, SourcesLike
from .keyed import KeyedJobs, check_same
from .lane import Lane, quietest
from .opened import Opened, opened
from .order import Order
from .result import EnhanceResult
from .running import RunningJob
from .single import awaited, done_before
from .steps import Steps

Listener = Callable[[Event], None]


class Intake:
    """Takes jobs in for one client, and opens its connections when the first one comes.

    Args:
        settings: What the client is set up with.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._arriving = 0
        self._keyed = KeyedJobs()
        self._opened: Opened | None = None
        self._closed = False

    @property
    def open(self) -> Opened:
        """What is open, in the running event loop.

        Raises:
            ClientClosedError: The client was closed, or is open in another event loop.
        """
        if self._opened is None:
            if self._closed:
                raise ClientClosedError("The client is closed.")
            self._opened = opened(self.settings)
        elif self._opened.loop is not asyncio.get_running_loop():
            raise ClientClosedError("The client is open in another event loop.")
        return self._opened

    def reopen(self) -> None:
        """Open the connections, also after they were closed."""
        self._closed = False
        self.open  # noqa: B018  opens the sessions inside the running loop

    def add_api_client(self, auth: Auth, limits: RateLimits | None) -> None:
        """Let one more API client share the work; `EnhanceClient.add_api_client` says more."""
        self.settings.add(auth, limits)
        if self._opened is not None:
            self._opened.add_lane(self.settings)

    async def aclose(self) -> None:
        """Cancel the jobs under way, wait for their end, and close the connections."""
        opened, self._opened, self._closed = self._opened, None, True
        if opened is not None:
            await opened.aclose()

    @property
    def lanes(self) -> Sequence[Lane]:
        """The lanes that are open: whoever only asks how things are opens nothing."""
        return self._opened.lanes if self._opened is not None else ()

    def steps(self, asset_id: str | None = None) -> Steps:
        """Return the steps of the API client that an asset belongs to, of the first by default."""
        return self.open.steps_of(asset_id)

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
        await check_generation(journal, self.settings.api_version)
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
        check_sendable(check_strength(strength), self.settings.api_version)
        self._check_deleting(order.delete_assets, kept=order.outputs is not None)
        if isinstance(source, Awaitable):
            if filename is not None:
                raise InvalidSourceError(
                    "filename= cannot rename an upload that is still arriving.",
                    hint="Give the name where you make the source.",
                )
        elif not is_file_object(source):
            source = as_source(source, filename)
        most = self.settings.max_waiting
        if most is not None and self.waiting >= most:
            raise TooManyWaitingError(
                f"{self.waiting} jobs are waiting already.", retry_after=self.backlog_seconds
            )
        opened = self.open
        if not isinstance(source, Source):
            return await self._arrived(source, filename, strength, order, key, opened)
        return await self._accept(source, strength, order, key)

    async def _arrived(
        self,
        source: AnySource | Awaitable[Source],
        filename: str | None,
        strength: int,
        order: Order,
        key: str,
        opened: Opened,
    ) -> RunningJob:
        self._arriving += 1
        try:
            if isinstance(source, Awaitable):
                source = await source
            spooled = await arrived(source, filename)
        finally:
            self._arriving -= 1
        try:
            if self._opened is not opened:
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
        await check_generation(journal, self.settings.api_version)
        row = await JournalRow.of(rows_of(journal), source, strength, key)
        try:
            await row.begin(source)
            return self._begin(source, strength, order, row)
        except BaseException:
            await row.withdraw()
            raise

    async def take_up(self, journal: Journal, order: Order) -> list[RunningJob]:
        """Go on with what a journal says is unfinished; `EnhanceClient.take_up` says more."""
        self._check_deleting(order.delete_assets, kept=order.outputs is not None)
        await check_generation(journal, self.settings.api_version)
        await remove_leftovers(rows_of(journal).database)
        if order.outputs is not None:
            await to_its_end(partial(remove_left, order.outputs.directory))
        jobs: list[RunningJob] = []
        unfinished = set(EntryState) - {EntryState.SUCCEEDED, EntryState.FAILED}
        for entry in [entry async for entry in journal.entries(*unfinished)]:
            row = JournalRow.alive(rows_of(journal), entry)
            try:
                source = await to_its_end(partial(revive, entry))
            except AudioEnhanceError as error:
                await row.note_failed(error)
                continue
            job = self._begin(source, entry.strength, order, row)
            self._keyed.add(entry.key, job)
            jobs.append(job)
        if order.delete_assets:
            for lane in self.open.lanes:
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
        key = key if row is None else row.entry.key
        listeners, clock = self._listeners(order), self.settings.clock
        job = RunningJob(source, strength, order.priority, listeners, key, clock)
        if order.outputs is not None and source.place is not None:
            order.outputs.protected.add_recordings([source.place])
        # Assets of an earlier run are seen by their own API client only.
        lanes = self.open.lanes
        if row is not None:
            lanes = [lane for lane in lanes if lane.client_id == row.entry.client_id] or lanes
        lane = quietest(lanes)
        lane.start(job, order, row)
        return job

    @asynccontextmanager
    async def batch(
        self,
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
        strengths = [
            check_sendable(one, self.settings.api_version) for one in check_strengths(strength)
        ]
        if isinstance(sources, str | bytes | bytearray | memoryview | os.PathLike | Source):
            raise InvalidInputError("A batch takes several sources.", hint="Put it into a list.")
        self._check_deleting(delete_assets, kept=True)
        # What is pulled lazily is not known yet.
        known = sources if isinstance(sources, Sequence) else ()
        files = [at for source in known if (at := place_of(source)) is not None]
        outputs = OutputFolder.for_batch(
            output_place(output_dir),
            files,
            overwrite=overwrite,
            root=None if root is None else path_of(root),
        )
        outputs.rule = place
        outputs.protected.add(protected)
        await to_its_end(partial(remove_left, outputs.directory))
        opened = self.open
        async with self.journal_at(journal) as journal:
            if journal is not None:
                outputs.protected.add_journal(journal.path)
                # Those of its earlier runs too, and what a command does in several batches.
                outputs.protected.add_recordings(await journal.sources())
                outputs.knows_recordings = True
                await check_generation(journal, self.settings.api_version)
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
                opened.lanes,
                opened.room_changed,
                order,
                strengths,
                on_event=self._listeners(order),
            )

    @asynccontextmanager
    async def journal_at(
        self, given: str | os.PathLike[str] | Journal | None
    ) -> AsyncGenerator[Journal | None]:
        """Open the journal at a path for as long as this lasts; an open one stays open."""
        if given is None or isinstance(given, Journal):
            yield given
            return
        async with await Journal.open(given, clock=self.settings.clock) as journal:
            yield journal

    def _check_deleting(self, wanted: bool, *, kept: bool) -> None:
        if wanted and self.settings.api_version == "v1":
            raise ConfigurationError(
                "v1 of the API cannot delete assets.",
                hint='Use v2: EnhanceClient(…, api_version="v2"), or --api-version v2.',
            )
        if wanted and not kept:
            raise InvalidInputError(
                "delete_assets needs a folder for the result.", hint="Give output_dir."
            )

    def _listeners(self, order: Order) -> tuple[Listener, ...]:
        return tuple(each for each in (self.settings.on_event, order.on_event) if each is not None)

    @property
    def waiting(self) -> int:
        """How many jobs are not submitted yet, those included whose recording is arriving."""
        return self._arriving + sum(lane.unsubmitted for lane in self.lanes)

    @property
    def backlog_seconds(self) -> float:
        """When a job that came now would probably be begun by the server, in seconds from now."""
        return min((lane.backlog_seconds for lane in self.lanes), default=0.0)

    async def drain(self, timeout: float) -> bool:
        """Wait for the jobs under way, and return whether all ended in time."""
        tasks = [job.task for lane in self.lanes for job in lane.jobs]
        if not tasks:
            return True
        _, left = await asyncio.wait(tasks, timeout=timeout)
        return not left
