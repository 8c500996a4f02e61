"""The client: one object for one API client, with one method for each thing to be done."""

import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypedDict

import aiohttp
import attrs

from ._address import check_own
from ._api import EnhanceApi, fetch_grant
from ._auth import AccessToken, ClientCredentials, RenewingTokens, TokenProvider
from ._clock import Clock, SystemClock
from ._environment import DEFAULT_BASE_URL, auth_from, base_url_from
from ._errors import AudioEnhanceError, ConfigurationError, OutputExistsError
from ._events import (
    Downloading,
    Event,
    Finished,
    Hashing,
    Processing,
    Retrying,
    Submitted,
    Uploading,
)
from ._filenames import result_name
from ._limiter import RateLimits
from ._models import Asset, SpeechEnhancement, check_strength
from ._polling import PollPolicy
from ._retry import Retrier, RetryPolicy
from ._source import SourceLike, as_source
from ._steps import Steps
from ._transport import Timeouts, Transport


class Ids(TypedDict, total=False):
    """What is known of a job at the server so far."""

    asset_id: str
    enhancement_id: str


@attrs.frozen(kw_only=True)
class EnhanceResult:
    """One enhanced recording.

    Attributes:
        path: The file it was written to.
        asset: The asset it was made from.
        enhancement: The speech enhancement that made it.
    """

    path: Path
    asset: Asset
    enhancement: SpeechEnhancement


class EnhanceClient:
    """A client of the Enhance Speech API for one API client id; used as an async context.

    Args:
        auth: `ClientCredentials`, an `AccessToken`, or any `TokenProvider`.
        base_url: The API's origin.
        session: A session of the caller's for the requests to the API; it is never closed, and
            its headers and cookies never reach the object store.
        timeouts: How long to wait for what.
        retry: How often and how long a failed request is tried again.
        polling: How eagerly to ask whether something is finished.
        limits: The organization's rate limits; give the same object to every client of one
            organization.
        clock: What tells the time and waits, for tests.

    Raises:
        ConfigurationError: The credentials or the address cannot be used.
    """

    def __init__(
        self,
        auth: ClientCredentials | AccessToken | TokenProvider,
        *,
        base_url: str = DEFAULT_BASE_URL,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        polling: PollPolicy | None = None,
        limits: RateLimits | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(auth, ClientCredentials | TokenProvider):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"A {type(auth).__name__} gives no tokens.",
                hint="Use ClientCredentials, AccessToken, or an object with client_id, token() "
                "and reject().",
            )
        if isinstance(auth, ClientCredentials):
            check_own(auth.token_url, "token URL")
        self._auth = auth
        self._base_url = check_own(base_url, "base URL")
        self._session = session
        self._timeouts = timeouts or Timeouts()
        self._retry = retry or RetryPolicy()
        self._polling = polling or PollPolicy()
        self._clock = clock or SystemClock()
        self._limits = limits or RateLimits(clock=self._clock)
        self._transport: Transport | None = None
        self._opened: Steps | None = None

    @classmethod
    def from_env(
        cls,
        *,
        session: aiohttp.ClientSession | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        polling: PollPolicy | None = None,
        limits: RateLimits | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Make a client from the environment's credentials and addresses.

        Raises:
            ConfigurationError: Variables are missing; every one of them is named.
        """
        return cls(
            auth_from(),
            base_url=base_url_from(),
            session=session,
            timeouts=timeouts,
            retry=retry,
            polling=polling,
            limits=limits,
            clock=clock,
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._auth.client_id!r}, base_url={self._base_url!r})"

    async def __aenter__(self) -> Self:
        self._steps  # noqa: B018  opens the sessions inside the running loop
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        transport, self._transport, self._opened = self._transport, None, None
        if transport is not None:
            await transport.aclose()

    @property
    def _steps(self) -> Steps:
        if self._opened is None:
            transport = self._transport = Transport(self._session, self._timeouts)
            retrier = Retrier(self._retry, self._clock)
            auth = self._auth
            if isinstance(auth, ClientCredentials):
                auth = RenewingTokens(
                    auth,
                    lambda credentials: fetch_grant(transport, self._clock, retrier, credentials),
                    self._clock,
                )
            api = EnhanceApi(self._base_url, auth, transport, self._limits, retrier, self._clock)
            self._opened = Steps(api, transport, retrier, self._polling, self._clock)
        return self._opened

    # The five steps

    async def create_asset(self, source: SourceLike) -> Asset:
        """Register a recording (step 1), hashed off the event loop.

        Raises:
            InvalidInputError: It is missing, empty, unreadable or of an unsupported type;
                nothing was sent.
            ApiError, ConnectionFailedError: The API refused, or could not be reached.
        """
        return await self._steps.create_asset(as_source(source))

    async def upload(
        self, asset: Asset, source: SourceLike, *, on_bytes: Callable[[int], None] | None = None
    ) -> None:
        """Send a recording's bytes to the object store (step 2), with constant memory.

        Args:
            asset: What `create_asset` returned for the same recording.
            source: The recording.
            on_bytes: Told how many bytes are on their way.

        Raises:
            SourceChangedError: It is not the recording that the asset was created for.
            StorageError: The object store refused it.
            TransferStalledError: No byte moved for `Timeouts.stall` seconds.
        """
        await self._steps.upload(asset, as_source(source), on_bytes=on_bytes or _ignore)

    async def wait_until_ready(self, asset_id: str, *, timeout: float | None = None) -> Asset:
        """Wait until an uploaded asset can be enhanced (the end of step 2).

        Args:
            asset_id: The asset.
            timeout: Seconds; `Timeouts.ready` where it is not given.

        Raises:
            WaitTimeoutError: It was not ready in time.
        """
        return await self._steps.wait_until_ready(asset_id, timeout=timeout)

    async def create_speech_enhancement(self, asset_id: str, *, strength: int) -> SpeechEnhancement:
        """Ask for an enhancement of an asset (step 3).

        Args:
            asset_id: An asset that is ready.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.

        Raises:
            InvalidStrengthError: The strength is out of range; nothing was sent.
        """
        return await self._steps.api.create_speech_enhancement(asset_id, check_strength(strength))

    async def wait_until_finished(
        self, enhancement: SpeechEnhancement, *, timeout: float | None = None
    ) -> SpeechEnhancement:
        """Wait until an enhancement has succeeded (step 4).

        Args:
            enhancement: What step 3 or `get_speech_enhancement` returned.
            timeout: Seconds; `Timeouts.processing` where it is not given.

        Raises:
            EnhancementFailedError: The server could not enhance it.
            WaitTimeoutError: It was not finished in time; the error carries the ids to take it
                up again.
        """
        return await self._steps.wait_until_finished(enhancement, timeout=timeout)

    async def download(
        self,
        enhancement: SpeechEnhancement,
        *,
        output_dir: str | os.PathLike[str] = ".",
        filename: str | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Fetch the result of an enhancement into a folder (step 5) and return its path.

        Args:
            enhancement: One that has succeeded.
            output_dir: The folder; made if it is not there.
            filename: A bare name to use instead of the server's.
            overwrite: Replace a file of that name; otherwise it is an error.

        Raises:
            OutputExistsError: There is a file of that name.
            OutputError: The file cannot be written.
            CorruptTransferError: The result did not arrive whole.
        """
        return await self._steps.download(
            enhancement, Path(output_dir), filename=filename, overwrite=overwrite
        )

    async def get_asset(self, asset_id: str) -> Asset:
        """Return an asset as the server knows it now; raises `NotFoundError`."""
        return await self._steps.api.get_asset(asset_id)

    async def get_speech_enhancement(self, asset_id: str, enhancement_id: str) -> SpeechEnhancement:
        """Return an enhancement as the server knows it now; raises `NotFoundError`."""
        return await self._steps.api.get_speech_enhancement(asset_id, enhancement_id)

    async def presigned_download_url(self, enhancement: SpeechEnhancement) -> str:
        """Return a short-lived URL of the result, to redirect a browser to.

        The URL is a credential: whoever has it can fetch the result until it ends.

        Raises:
            InvalidInputError: The enhancement is not finished.
        """
        return await self._steps.presigned_download_url(enhancement)

    # All of them at once

    async def enhance(
        self,
        source: SourceLike,
        *,
        strength: int,
        output_dir: str | os.PathLike[str] = ".",
        overwrite: bool = False,
        on_event: Callable[[Event], None] | None = None,
    ) -> EnhanceResult:
        """Enhance one recording: all five steps.

        Args:
            source: A path, bytes or a `Source`.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.
            output_dir: The folder for the result; made if it is not there.
            overwrite: Replace a result of the same name; otherwise it is an error.
            on_event: Told what happens; called on the event loop, so it must not block.

        Raises:
            InvalidInputError: Source or strength cannot be used; nothing was sent.
            OutputExistsError: There is a result of that name already.
            AudioEnhanceError: Whatever else went wrong, with the ids to take it up again.
        """
        source = as_source(source)
        strength = check_strength(strength)
        steps = self._steps
        ids: Ids = {}
        tell = on_event or _ignore
        directory = Path(output_dir)

        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            tell(Retrying(source=source.label, strength=strength, error=error, wait=wait, **ids))

        path: Path | None = None
        failure: AudioEnhanceError | None = None
        try:
            expected = directory / result_name(source.filename, strength)
            if not overwrite and expected.exists():
                raise OutputExistsError(f"There is a result already: {expected}")
            tell(Hashing(source=source.label, strength=strength))
            total = (await source.fingerprint()).byte_size
            asset = await steps.create_asset(source, on_retry=on_retry)
            ids["asset_id"] = asset.id
            await steps.upload(
                asset,
                source,
                on_bytes=lambda sent: tell(
                    Uploading(source=source.label, strength=strength, sent=sent, total=total, **ids)
                ),
                on_retry=on_retry,
            )
            asset = await steps.wait_until_ready(asset.id, source=source, on_retry=on_retry)
            enhancement = await steps.api.create_speech_enhancement(
                asset.id, strength, on_retry=on_retry
            )
            ids["enhancement_id"] = enhancement.id
            tell(Submitted(source=source.label, strength=strength, position=0, **ids))
            enhancement = await steps.wait_until_finished(
                enhancement,
                on_status=lambda e: tell(
                    Processing(source=source.label, strength=strength, status=e.status, **ids)
                ),
                on_retry=on_retry,
            )
            path = await steps.download(
                enhancement,
                directory,
                original=source.filename,
                overwrite=overwrite,
                on_bytes=lambda received, total: tell(
                    Downloading(
                        source=source.label,
                        strength=strength,
                        received=received,
                        total=total,
                        **ids,
                    )
                ),
                on_retry=on_retry,
            )
        except AudioEnhanceError as error:
            failure = error.within(source=source.label, **ids)
            raise
        finally:
            if path or failure:
                tell(
                    Finished(
                        source=source.label,
                        strength=strength,
                        path=str(path) if path else None,
                        error=failure,
                        **ids,
                    )
                )
        return EnhanceResult(path=path, asset=asset, enhancement=enhancement)


def _ignore(*_: object) -> None:
    pass
