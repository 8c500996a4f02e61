"""The client: one object for one API client, with one method for each thing to be done."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

import aiohttp

from ._core.cancellation import end
from ._core.clock import Clock, SystemClock
from ._core.errors import InvalidInputError
from ._core.events import Event
from ._core.models import check_strengths
from ._jobs.batch import Batch, BatchReport, Outcome, SourcesLike
from ._jobs.handle import EnhanceResult
from ._jobs.intake import Jobs
from ._jobs.opened import Auth, Settings, Setup
from ._jobs.work import Order
from ._journal.journal import Journal
from ._recording.source import Source, SourceLike
from ._scheduler.polling import PollPolicy
from ._session.rate_limits import RateLimits
from ._session.retry import RetryPolicy
from ._session.sessions import Timeouts
from ._settings import DEFAULT_BASE_URL, auth_from, base_url_from
from ._transfer.output_folder import OutputFolder

# Uploads and enhancements that a batch remembers, for contents that come more than once; a
# journal remembers all of them.
_REMEMBERED = 1024


class EnhanceClient(Jobs):
    """A client of the Enhance Speech API, for one API client or several; an async context.

    Args:
        auth: `ClientCredentials`, an `AccessToken`, or any `TokenProvider`; a sequence of them
            shares the work among several API clients, since each one's server works on one
            enhancement at a time.
        base_url: The API's origin.
        session: A session of the caller's for the requests to the API; it is never closed, and
            its headers and cookies never reach the object store.
        trust_env: Use the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name; a session of
            the caller's has its own setting.
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
        trust_env: bool = False,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        polling: PollPolicy | None = None,
        limits: RateLimits | Sequence[RateLimits] | None = None,
        max_waiting: int | None = None,
        on_event: Callable[[Event], None] | None = None,
        clock: Clock | None = None,
    ) -> None:
        setup = Setup(
            auth,
            base_url=base_url,
            session=session,
            trust_env=trust_env,
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
            polling=polling or PollPolicy(),
            limits=limits,
            clock=clock or SystemClock(),
        )
        super().__init__(setup, max_waiting=max_waiting, on_event=on_event)

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

    @property
    def base_url(self) -> str:
        """The API's address, as it is used."""
        return self._setup.base_url

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

    async def enhance_batch(
        self,
        sources: SourcesLike,
        *,
        strength: int | Iterable[int],
        output_dir: str | os.PathLike[str],
        journal: str | os.PathLike[str] | Journal | None = None,
        overwrite: bool = False,
        redo: bool = False,
        protected: Iterable[str | os.PathLike[str]] = (),
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
            redo: Make results once more that an earlier run with the same journal made: over it,
                or, where somebody changed it since, beside it; over that, too, with `overwrite`.
            protected: Files that no result may take the place of, a report for example; those
                of the sources and of the journal are it anyway.
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
            sources,
            strength,
            output_dir,
            journal,
            overwrite,
            redo,
            protected,
            root,
            priority,
            on_event,
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
        redo: bool = False,
        protected: Iterable[str | os.PathLike[str]] = (),
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
                sources,
                strength,
                output_dir,
                journal,
                overwrite,
                redo,
                protected,
                root,
                priority,
                on_event,
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
        redo: bool,
        protected: Iterable[str | os.PathLike[str]],
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
        outputs.protected.add(protected)
        async with AsyncExitStack() as stack:
            opened_journal = None
            if isinstance(journal, Journal):
                opened_journal = journal
            elif journal is not None:
                opened_journal = await stack.enter_async_context(
                    await Journal.open(Path(journal), clock=self._setup.clock)
                )
            if opened_journal is not None:
                outputs.protected.add_journal(opened_journal.path)
                await opened_journal.remove_leftovers()
            opened = self._open
            yield Batch(
                opened.lanes,
                opened.moved,
                Order.of(outputs, opened_journal, keep=_REMEMBERED, redo=redo, spare=not redo),
                strengths,
                priority=priority,
                on_event=self._listeners(on_event),
            )
