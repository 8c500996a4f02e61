"""The client: one object for one API client, with one method for each thing to be done."""

import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from audio_enhance._core.errors import InvalidInputError
from audio_enhance._core.events import Event
from audio_enhance._core.models import Asset, SpeechEnhancement, check_strength
from audio_enhance._core.paths import folder_path
from audio_enhance._jobs.batch import SourcesLike, opened_batch
from audio_enhance._jobs.handle import Job, handle_of
from audio_enhance._jobs.intake import Intake
from audio_enhance._jobs.opened import Connections
from audio_enhance._jobs.order import BatchOptions, Order
from audio_enhance._jobs.report import BatchReport, Outcome
from audio_enhance._jobs.result import EnhanceResult
from audio_enhance._journal.journal import Journal, journal_at
from audio_enhance._recording.filenames import safe_name
from audio_enhance._recording.given import AnySource, SourceLike, as_source
from audio_enhance._recording.source import Source
from audio_enhance._session.rate_limits import RateLimits
from audio_enhance._session.wire import ApiVersion, check_sendable
from audio_enhance._settings import (
    Auth,
    Options,
    Settings,
    api_version_from,
    auth_from,
    base_url_from,
    one_auth,
)
from audio_enhance._transfer.output_folder import OutputFolder
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance._transfer.store import output_place
from audio_enhance._transfer.stream import ResultStream


class EnhanceClient:
    """A client of the Enhance Speech API, for one API client or several; an async context.

    Args:
        auth: `ClientCredentials`, an `AccessToken`, or any `TokenProvider`; a sequence of them
            shares the work among several API clients, since each one's server works on one
            enhancement at a time.
        client_id: Instead of `auth`, together with `client_secret`: short for
            `ClientCredentials(client_id, client_secret)`.
        client_secret: See `client_id`.
        base_url: Where the API is: an origin, to which the published path of the version is
            added, or an origin with a path, to which just the version is. Each version has a
            default.
        api_version: `"v1"`, the guide's, or `"v2"`, the same API with other paths and names.
        session: Your own session for the requests to the API. It is never closed, and its
            headers and cookies never reach the object store.
        trust_env: Use the proxies in HTTP_PROXY, HTTPS_PROXY and NO_PROXY. If you pass a
            session, its own setting counts.
        timeouts: How long to wait for what.
        retry: How often and how long to retry a failed request.
        polling: How often to poll whether something is finished.
        limits: The organization's rate limits. Give the same object to every client of one
            organization. A sequence gives each of several API clients its own.
        max_waiting: How many jobs may wait to be submitted before `submit` refuses another
            with `TooManyWaitingError`. Batches wait by themselves.
        at_a_time: How many unprocessed recordings of a batch each API client has at a time. The
            default is enough to hide every upload. With many API clients, 1 shares out
            recordings of different lengths best.
        max_result_bytes: The longest result to accept. The default is a hundred times its source
            plus 256 MiB.
        on_event: A function `(event: Event) -> None`, called with every event of every job of this
            client, to watch it in production. It runs on the event loop, so it must not block.
        clock: What tells the time and waits, for tests.

    Raises:
        ConfigurationError: The credentials, the address or the version cannot be used.
    """

    def __init__(
        self,
        auth: Auth | Sequence[Auth] | None = None,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        **options: Unpack[Options],
    ) -> None:
        self._settings = Settings(one_auth(auth, client_id, client_secret), **options)
        self._connections = Connections(self._settings)
        self._intake = Intake(self._settings, self._connections)
        self._batch = partial(opened_batch, self._settings, self._connections)

    @classmethod
    def from_env(cls, **options: Unpack[Options]) -> Self:
        """Make a client from the environment's credentials and addresses.

        Args:
            options: As for the class. They win over the environment.

        Raises:
            ConfigurationError: Variables are missing, and every one of them is named; or the
                API has no such version.
        """
        options.setdefault("base_url", base_url_from())
        if "api_version" not in options:
            options["api_version"] = api_version_from()
        return cls(auth_from(), **options)

    def __repr__(self) -> str:
        settings = self._settings
        ids = ", ".join(repr(auth.client_id) for auth in settings.auth)
        return f"{type(self).__name__}({ids}, base_url={settings.base_url!r})"

    @property
    def api_version(self) -> ApiVersion:
        """The version of the API that the client speaks."""
        return self._settings.api_version

    @property
    def client_ids(self) -> tuple[str, ...]:
        """The API clients that share its work, by their ids."""
        return tuple(auth.client_id for auth in self._settings.auth)

    def check_strength(self, strength: int) -> int:
        """Return a strength that the client's version of the API takes.

        Args:
            strength: 0 (the original; not in v2) to 100 (fully enhanced).

        Raises:
            InvalidStrengthError: It is out of range.
        """
        return check_sendable(check_strength(strength), self.api_version)

    @property
    def base_url(self) -> str:
        """The API's address that the client uses."""
        return self._settings.base_url

    @property
    def proxy(self) -> str | None:
        """The proxy that leads to the API, without its user and password; `None` without one.

        The client has to be open, so that it knows what NO_PROXY says.
        """
        return self._connections.steps().api.proxy

    async def __aenter__(self) -> Self:
        self._connections.reopen()
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

        What was submitted continues at the server. A closed client works again inside a new
        `async with`, in the same event loop or in another.
        """
        await self._connections.aclose()

    async def enhance(
        self,
        source: AnySource,
        *,
        strength: int = 93,
        output_dir: str | os.PathLike[str] = "enhanced",
        filename: str | None = None,
        overwrite: bool = False,
        journal: str | os.PathLike[str] | Journal | None = None,
        delete_assets: bool = False,
        timeout: float | None = None,
        priority: int = 0,
        on_event: Callable[[Event], None] | None = None,
    ) -> EnhanceResult:
        """Enhance one recording: all five steps.

        Args:
            source: A path, bytes, an open binary file or a `Source`.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            output_dir: The folder for the result, or the URL of a place in a bucket. A folder is
                created if it does not exist.
            filename: Sent instead of the name of a path or a file; it names the result too.
            overwrite: Replace an existing file of that name; otherwise that is an error.
            journal: A file that keeps the progress. If you make the same call again with the same
                journal, the client resumes what did not finish, and returns a result that exists
                without asking the server; the asset and the enhancement are then as the journal
                knows them. For several calls at a time, open it once with `Journal.open`.
            delete_assets: Delete the upload and its enhancements when the result is safe on disk
                and no other job of this client needs them (v2 only).
            timeout: The most seconds that the whole call may take; the default is no limit.
            priority: Higher goes first among what this client has not submitted yet.
            on_event: A function `(event: Event) -> None`, called with every event of the job. It
                runs on the event loop, so it must not block.

        Raises:
            InvalidInputError: The source or strength cannot be used. Nothing was sent.
            OutputExistsError: A file of that name already exists.
            WaitTimeoutError: It took longer than `timeout`.
            AudioEnhanceError: Whatever else went wrong, with the ids to resume it.
        """
        async with journal_at(journal, self._settings.clock) as kept:
            order = _order(priority, output_dir, overwrite, kept, on_event, delete_assets)
            return await self._intake.enhance(
                source, strength, order, filename=filename, timeout=timeout
            )

    async def enhance_batch(
        self,
        sources: SourcesLike,
        *,
        strength: int | Iterable[int] = 93,
        output_dir: str | os.PathLike[str] = "enhanced",
        **options: Unpack[BatchOptions],
    ) -> BatchReport:
        """Enhance any number of recordings, and return one outcome for each and every strength.

        A recording that cannot be enhanced becomes an outcome with its error. The others continue.

        Args:
            sources: Paths, bytes, open files or `Source` objects. They are pulled when there is
                room for them.
            strength: 0 to 100, one or several. Several strengths share one upload.
            output_dir: The folder for the results, or the URL of a place in a bucket. A folder is
                created if it does not exist.
            journal: A file that keeps the progress. A second run with it repeats nothing.
            overwrite: Replace existing files of the same name; otherwise that is an error.
            redo: Make results again that an earlier run with the same journal made, and replace
                them. If you changed one since, the new one goes beside it; with `overwrite`, it
                replaces that one, too.
            protected: Files that no result may replace, a report for example. The sources and the
                journal are always protected.
            delete_assets: Delete the upload of a recording, and its enhancements, when the
                results at all strengths are safe on disk (v2 only). A later recording with the
                same content is uploaded again.
            root: If recordings have the same name, their folders below this one are kept. The
                default comes from the sources, if they are a sequence.
            place: A function that is given a `Source` and a strength, and returns the path of the
                result below `output_dir`, instead of the server's name for it. It must depend on
                them alone. If two results would have one path, the second one fails.
            priority: Higher goes first among what this client has not submitted yet.
            on_event: A function `(event: Event) -> None`, called with every event of the job. It
                runs on the event loop, so it must not block.

        Raises:
            InvalidStrengthError: A strength is out of range. Nothing was sent.
            InvalidInputError: No result can be saved in `output_dir`, or `sources` is a single one.
            JournalError: The journal cannot be used, or another run uses it.
        """
        batch = self._batch(sources, strength=strength, output_dir=output_dir, **options)
        async with batch as running, aclosing(running.run(sources)) as run:
            outcomes = sorted([item async for item in run], key=lambda item: item[0])
            return BatchReport([outcome for _, outcome in outcomes], running.stopped_by)

    async def enhance_as_completed(
        self,
        sources: SourcesLike,
        *,
        strength: int | Iterable[int] = 93,
        output_dir: str | os.PathLike[str] = "enhanced",
        **options: Unpack[BatchOptions],
    ) -> AsyncGenerator[Outcome]:
        """Yield the outcomes of `enhance_batch` as they arrive, whatever their number.

        If you leave the loop early, the client cancels what is under way. `contextlib.aclosing`
        makes that happen at once.
        """
        batch = self._batch(sources, strength=strength, output_dir=output_dir, **options)
        async with batch as running, aclosing(running.run(sources)) as run:
            async for _, outcome in run:
                yield outcome

    async def submit(
        self,
        source: AnySource | Awaitable[Source],
        *,
        strength: int = 93,
        filename: str | None = None,
        priority: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        delete_assets: bool = False,
        journal: Journal | None = None,
        key: str | None = None,
        on_event: Callable[[Event], None] | None = None,
    ) -> Job:
        """Begin to enhance one recording, and return a handle to follow and cancel it.

        Args:
            source: A path, bytes or a `Source`; or an open binary file, or an awaitable of a
                source, such as `Source.spool(…)`, which count as waiting while they arrive. If
                too many wait, nothing of it is read.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            filename: As in `enhance`.
            priority: Higher goes first among what this client has not submitted yet.
            output_dir: The folder for the result, or the URL of a place in a bucket. Without one,
                the result stays at the server, for `presigned_download_url`.
            overwrite: Replace an existing file of that name; otherwise that is an error.
            delete_assets: As in `enhance`. It needs an `output_dir`.
            journal: Records every step, for `take_up` after a restart. The job is in it when this
                returns.
            key: A name of your own for the job, the number of an order for example. The same key
                again returns the same job, and the source is not read; with a journal, also after
                a restart. A job that failed or was cancelled starts again.
            on_event: A function `(event: Event) -> None`, called with every event of the job. It
                runs on the event loop, so it must not block.

        Raises:
            InvalidInputError: The kind of source, its type, the strength or the key cannot be
                used.
            JournalError: The job cannot be recorded, and was not started.
            TooManyWaitingError: `max_waiting` jobs wait already.
            JobCancelledError: The client was closed while the recording arrived.
        """
        try:
            order = _order(priority, output_dir, overwrite, journal, on_event, delete_assets)
            return handle_of(await self._intake.submit(source, strength, order, key, filename))
        finally:
            if isinstance(source, Coroutine):
                source.close()  # one that was not needed would complain that nobody awaited it

    async def take_up(
        self,
        journal: Journal,
        *,
        priority: int = 0,
        output_dir: str | os.PathLike[str] | None = None,
        overwrite: bool = False,
        delete_assets: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> list[Job]:
        """Resume what an earlier run submitted with a journal and did not finish.

        A job of this run that is under way with the same journal is not begun again. Files are read
        from where they were, and so are uploads spooled with `keep_in`. Other data is gone with the
        earlier run. Such a job continues if its bytes had reached the server; otherwise the journal
        notes it as failed.

        Args:
            journal: The journal that `submit` was given.
            priority: As in `submit`, for all of them.
            output_dir: As in `submit`.
            overwrite: As in `submit`.
            delete_assets: As in `submit`. It also deletes, in the background, what earlier runs
                with the journal had finished and not yet deleted.
            on_event: As in `submit`.

        Raises:
            ConfigurationError: What is under way was begun at the other generation of the API.
        """
        order = _order(priority, output_dir, overwrite, journal, on_event, delete_assets)
        return [handle_of(each) for each in await self._intake.take_up(journal, order)]

    def add_api_client(self, auth: Auth, *, limits: RateLimits | None = None) -> None:
        """Let one more API client share the work, from now on and in batches under way.

        Args:
            auth: Its credentials, as for the class.
            limits: Its rate limits; those of the first API client if `None`.

        Raises:
            ConfigurationError: The credentials cannot be used.
        """
        self._connections.add_api_client(auth, limits)

    @property
    def waiting(self) -> int:
        """How many jobs are not submitted yet, including those whose recording is arriving."""
        return self._intake.waiting

    @property
    def backlog_seconds(self) -> float:
        """In how many seconds the server would probably begin a job that you submit now.

        The client learns this from earlier jobs. Without any, it is a second for each waiting job.
        """
        return self._intake.backlog_seconds

    async def drain(self, timeout: float) -> bool:
        """Wait for the jobs under way, at most that many seconds, and return whether all ended.

        `aclose` cancels the rest. What was submitted continues at the server.
        """
        return await self._intake.drain(timeout)

    async def create_asset(self, source: SourceLike) -> Asset:
        """Register a recording (step 1), hashed off the event loop.

        Raises:
            InvalidInputError: It is missing, empty, unreadable or of an unsupported type;
                nothing was sent.
            ApiError, ConnectionFailedError: The API refused, or could not be reached.
        """
        return await self._connections.steps().create_asset(as_source(source))

    async def upload(
        self, asset: Asset, source: SourceLike, *, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        """Send a recording's bytes to the object store (step 2), with constant memory.

        Args:
            asset: What `create_asset` returned for the same recording.
            source: The recording.
            on_bytes: Called with the number of bytes sent so far.

        Raises:
            SourceChangedError: It is not the recording that the asset was created for.
            StorageError: The object store refused it.
            TransferStalledError: No byte moved for `Timeouts.stall` seconds.
        """
        await self._connections.steps(asset.id).upload(
            asset, as_source(source), on_bytes=on_bytes or _ignore
        )

    async def wait_until_ready(self, asset_id: str, *, timeout: float | None = None) -> Asset:
        """Wait until an uploaded asset can be enhanced (the end of step 2).

        Args:
            asset_id: The asset.
            timeout: Seconds; the default is `Timeouts.ready`.

        Raises:
            WaitTimeoutError: It was not ready in time.
        """
        return await self._connections.steps(asset_id).wait_until_ready(asset_id, timeout=timeout)

    async def create_speech_enhancement(
        self, asset_id: str, *, strength: int = 93
    ) -> SpeechEnhancement:
        """Ask for an enhancement of an asset (step 3).

        Args:
            asset_id: An asset that is ready.
            strength: 0 (the original; not in v2) to 100 (fully enhanced); the guide uses 93.

        Raises:
            InvalidStrengthError: The strength is out of range; nothing was sent.
        """
        strength = self.check_strength(strength)
        return await self._connections.steps(asset_id).api.create_speech_enhancement(
            asset_id, strength
        )

    async def wait_until_finished(
        self, enhancement: SpeechEnhancement, *, timeout: float | None = None
    ) -> SpeechEnhancement:
        """Wait until an enhancement has succeeded (step 4).

        Args:
            enhancement: What step 3 or `get_speech_enhancement` returned.
            timeout: Seconds; the default is `Timeouts.processing`.

        Raises:
            EnhancementFailedError: The server could not enhance it.
            WaitTimeoutError: It was not finished in time. The error carries the ids to resume it.
        """
        return await self._connections.steps(enhancement.asset_id).wait_until_finished(
            enhancement, timeout=timeout
        )

    async def download(
        self,
        enhancement: SpeechEnhancement,
        *,
        output_dir: str | os.PathLike[str] = "enhanced",
        filename: str | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Fetch the result of an enhancement into a folder (step 5) and return its path.

        Args:
            enhancement: One that has succeeded.
            output_dir: The folder. It is created if it does not exist.
            filename: A bare name to use instead of the server's.
            overwrite: Replace a file of that name; otherwise it is an error.

        Raises:
            OutputExistsError: A file of that name already exists.
            OutputError: The file cannot be written.
            CorruptTransferError: The result did not arrive complete.
        """
        directory = folder_path(output_dir)
        if filename is not None and (not filename or safe_name(filename) != filename):
            raise InvalidInputError(f"{filename!r} is not a plain file name that works everywhere.")

        async def place(name: str) -> tuple[Path, bool]:
            return directory / (filename or name), overwrite

        steps = self._connections.steps(enhancement.asset_id)
        return Path(await steps.download(enhancement, PartialFile(directory), place=place))

    async def server_time(self) -> datetime | None:
        """Return the API's own time, or `None` if its answer does not contain it.

        It takes one request, without credentials and without a retry, which shows whether the API
        can be reached, and how far its clock is from yours.

        Raises:
            ConnectionFailedError, RequestTimeoutError, ProtocolError: No usable answer came.
        """
        return await self._connections.steps().api.server_time()

    async def get_asset(self, asset_id: str) -> Asset:
        """Return an asset as the server knows it now; raises `NotFoundError`."""
        return await self._connections.steps(asset_id).api.get_asset(asset_id)

    async def delete_asset(self, asset_id: str) -> None:
        """Delete an asset, its bytes and all of its enhancements at the server (v2 only).

        If it no longer exists, that is not an error.

        Raises:
            ConfigurationError: The client uses v1, which deletes nothing.
        """
        await self._connections.steps(asset_id).api.delete_asset(asset_id)

    async def get_speech_enhancement(self, asset_id: str, enhancement_id: str) -> SpeechEnhancement:
        """Return an enhancement as the server knows it now; raises `NotFoundError`."""
        return await self._connections.steps(asset_id).api.get_speech_enhancement(
            asset_id, enhancement_id
        )

    async def presigned_download_url(self, enhancement: SpeechEnhancement) -> str:
        """Return a short-lived URL of the result, to redirect a browser to.

        The URL is a credential: whoever has it can fetch the result until it expires.

        Raises:
            InvalidInputError: The enhancement is not finished.
        """
        return await self._connections.steps(enhancement.asset_id).presigned_download_url(
            enhancement
        )

    def stream(
        self,
        enhancement: SpeechEnhancement,
        *,
        range: str | None = None,  # noqa: A002  the header's own name
    ) -> AbstractAsyncContextManager[ResultStream]:
        """Open a result for reading, to pass it on to a player for example; use `async with`.

        Args:
            enhancement: One that has succeeded.
            range: The `Range` header of the request that you answer. The status is 206 then.

        Raises:
            InvalidInputError: The range is malformed, or the enhancement is not finished.
            StorageError: The object store refused it.
        """
        return self._connections.steps(enhancement.asset_id).stream(enhancement, range=range)


def _order(
    priority: int,
    output_dir: str | os.PathLike[str] | None,
    overwrite: bool,
    journal: Journal | None,
    on_event: Callable[[Event], None] | None,
    delete_assets: bool = False,
) -> Order:
    outputs = None if output_dir is None else OutputFolder(output_place(output_dir), overwrite)
    if outputs is not None and journal is not None:
        outputs.protected.add_journal(journal.path)
    return Order(
        outputs=outputs,
        journal=journal,
        delete_assets=delete_assets,
        priority=priority,
        on_event=on_event,
    )


def _ignore(*_: object) -> None:
    pass
