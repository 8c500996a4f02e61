"""The guide's five steps, each as one coroutine that tries again, waits and checks by itself."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import PurePath

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import (
    CorruptTransferError,
    EnhancementFailedError,
    InvalidInputError,
    InvalidSourceError,
    NotFoundError,
    ProtocolError,
    SourceChangedError,
    WaitTimeoutError,
)
from audio_enhance._core.located import locating
from audio_enhance._core.models import Asset, AssetStatus, EnhancementStatus, SpeechEnhancement
from audio_enhance._core.phase import Phase, Where
from audio_enhance._recording.filenames import result_name
from audio_enhance._recording.source import Source, original_of
from audio_enhance._scheduler.polling import Poll, PollPolicy
from audio_enhance._session.addresses import Reach
from audio_enhance._session.endpoints import EnhanceApi
from audio_enhance._session.retry import OnRetry, Retrier
from audio_enhance._transfer.download import Download
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance._transfer.server_name import recording_name
from audio_enhance._transfer.storage import Storage
from audio_enhance._transfer.stream import ResultStream, open_result
from audio_enhance._transfer.upload import OnBytes, put

OnReceived = Callable[[int, int | None], None]


def _ignore(*_: object) -> None:
    pass


class Steps:
    """The five steps over one API client's sessions.

    Attributes:
        api: The requests to the API.
        clock: What tells the time and waits.
        attempts: The most times that anything is tried.
    """

    def __init__(
        self,
        api: EnhanceApi,
        storage: Storage,
        retrier: Retrier,
        polling: PollPolicy,
        clock: Clock,
    ) -> None:
        self.api = api
        self.clock = clock
        self.attempts = retrier.attempts
        self._storage = storage
        self._retrier = retrier
        self._polling = polling

    @property
    def client_id(self) -> str:
        """The API client."""
        return self.api.client_id

    async def create_asset(self, source: Source, *, on_retry: OnRetry | None = None) -> Asset:
        """Step 1: register a source, hashed off the event loop."""
        fingerprint = await source.fingerprint()
        filename, content_type = source.sent_as
        with locating(source=source.label):
            return await self.api.create_asset(
                filename=filename,
                byte_size=fingerprint.byte_size,
                checksum=fingerprint.checksum,
                content_type=content_type,
                on_retry=on_retry,
            )

    async def upload(
        self,
        asset: Asset,
        source: Source,
        *,
        on_bytes: OnBytes = _ignore,
        on_retry: OnRetry | None = None,
    ) -> None:
        """Step 2: PUT the bytes; after a failure the API is asked for a new URL, or finds them."""
        current: Asset | None = asset

        async def attempt() -> None:
            nonlocal current
            await _check_same(asset, source)
            # After a failure: the URL may have ended, or the PUT have landed and its answer not.
            target, current = current or await self.api.get_asset(asset.id), None
            if target.upload_url is None:
                if target.status.final:  # whoever waits for it to be ready is told if it is not
                    return
                raise ProtocolError("The API gives no upload URL for the asset.", retryable=True)
            url = self.api.reach.checked(target.upload_url)
            await put(self._storage, source, url, on_bytes)

        try:
            await self._retrier(
                attempt, on_retry, phase=Phase.UPLOAD, source=source.label, asset_id=asset.id
            )
        except SourceChangedError:
            original_of(source).forget()
            raise

    async def wait_until_ready(
        self,
        asset_id: str,
        *,
        timeout: float | None = None,
        source: Source | None = None,
        on_retry: OnRetry | None = None,
    ) -> Asset:
        """Step 2's end: ask until the asset is `ready_for_processing`; compares checksums."""
        limit = self._storage.timeouts.ready if timeout is None else timeout
        poll = Poll(self._polling, self.clock.monotonic(), expected=0.0)
        poll.questions += 1  # the first is asked at once
        asset = await self.api.get_asset(asset_id, on_retry=on_retry)
        while not asset.status.final:
            poll.hold(self.clock.monotonic(), asset.retry_after)
            if not await self._waited(poll, limit if timeout is not None else limit + poll.excused):
                raise WaitTimeoutError(
                    f"The asset was not ready within {limit:g} s after its upload"
                    f" (status {asset.status.value}).",
                    phase=Phase.CONFIRM,
                    asset_id=asset_id,
                    source=source.label if source else None,
                    hint="Wait for it with wait_until_ready(asset_id), or upload it again.",
                )
            asset = await self.api.get_asset(asset_id, on_retry=on_retry)
        if asset.status == AssetStatus.INVALID_UPLOAD:
            raise InvalidSourceError(
                f"The server does not accept the upload (status {asset.status.value}).",
                hint="Check that the file plays as audio.",
                phase=Phase.CONFIRM,
                asset_id=asset_id,
                source=source.label if source else None,
            )
        if source is not None:
            sent = await source.fingerprint()
            if asset.checksum is not None and asset.checksum != sent.checksum:
                # The later revision's URL signs no MD5: this is where damage shows.
                raise CorruptTransferError(
                    "The object store holds other bytes than those that were sent.",
                    phase=Phase.CONFIRM,
                    asset_id=asset_id,
                    source=source.label,
                )
        return asset

    async def wait_until_finished(
        self,
        enhancement: SpeechEnhancement,
        *,
        timeout: float | None = None,
        on_status: Callable[[SpeechEnhancement], None] = _ignore,
        on_retry: OnRetry | None = None,
    ) -> SpeechEnhancement:
        """Step 4: ask until it has succeeded, less and less often."""
        limit = self._storage.timeouts.processing if timeout is None else timeout
        poll = Poll(self._polling, self.clock.monotonic())
        while not enhancement.finished:
            poll.hold(self.clock.monotonic(), enhancement.retry_after)
            if not await self._waited(poll, limit):
                raise WaitTimeoutError(
                    f"The enhancement was not finished within {limit:g} s; the server continues.",
                    phase=Phase.PROCESS,
                    asset_id=enhancement.asset_id,
                    enhancement_id=enhancement.id,
                    hint="Resume with get_speech_enhancement(asset_id, enhancement_id).",
                )
            enhancement = await self.api.get_speech_enhancement(
                enhancement.asset_id, enhancement.id, on_retry=on_retry
            )
            on_status(enhancement)
        check_succeeded(enhancement)
        return enhancement

    async def _waited(self, poll: Poll, limit: float | None) -> bool:
        """Wait until it is time to ask once more; return whether there is time for it."""
        wait = poll.wait_within(self.clock.monotonic(), limit)
        if wait is None:
            return False
        if wait > 0:
            await self.clock.sleep(wait)
        poll.questions += 1
        return True

    async def has(self, asset_id: str, enhancement_id: str) -> bool:
        """Whether the server still has an enhancement that was finished earlier."""
        self.api.settle(enhancement_id)  # it was there: what is not found now has been deleted
        try:
            await self.api.get_speech_enhancement(asset_id, enhancement_id)
        except NotFoundError:
            return False
        return True

    async def delete_asset(self, asset_id: str, *, on_retry: OnRetry | None = None) -> None:
        """Delete an asset, its bytes and all of its enhancements."""
        await self.api.delete_asset(asset_id, on_retry=on_retry)

    async def download(
        self,
        enhancement: SpeechEnhancement,
        file: PartialFile,
        *,
        place: Callable[[str], Awaitable[tuple[PurePath, bool]]],
        original: str | None = None,
        source_bytes: int | None = None,
        on_bytes: OnReceived = _ignore,
        on_retry: OnRetry | None = None,
    ) -> PurePath:
        """Step 5: fetch the result through a temporary file, and put it in its place.

        Args:
            enhancement: It has to have succeeded.
            file: The temporary file; gone when this ends, however it ends.
            place: Turns the server's name for the result, which is whole by then, into its path,
                and says whether a file that is there may go.
            original: The asset's file name, for a name of our own where the server gives none.
            source_bytes: The source's length, which bounds the result's.
            on_bytes: Told the bytes received, and how many there will be.
            on_retry: Told of every failure that is tried again.
        """
        where: Where = {
            "phase": Phase.DOWNLOAD,
            "asset_id": enhancement.asset_id,
            "enhancement_id": enhancement.id,
            "source": original,
        }
        try:
            with locating(**where):
                download = Download(
                    self._storage, file, on_bytes=on_bytes, source_bytes=source_bytes
                )
                locate = self._locator(enhancement, on_retry)
                await download.run(self._retrier, locate, on_retry)
                name = download.name
                if name is None:
                    if original is None:
                        asset = await self.api.get_asset(enhancement.asset_id)
                        original = recording_name(asset.filename) or "recording"
                    name = result_name(original, enhancement.strength)
                target, overwrite = await place(name)
                await file.commit(target, overwrite=overwrite)
                return target
        finally:
            await file.discard()

    async def presigned_download_url(self, enhancement: SpeechEnhancement) -> str:
        """Return a fresh presigned URL of the result, to send a browser to."""
        locate = self._locator(enhancement, None, fresh=True)
        return await self._retrier(
            locate,
            phase=Phase.DOWNLOAD,
            asset_id=enhancement.asset_id,
            enhancement_id=enhancement.id,
        )

    def stream(
        self,
        enhancement: SpeechEnhancement,
        *,
        range: str | None = None,  # noqa: A002
    ) -> AbstractAsyncContextManager[ResultStream]:
        """Open a result, or the part of it that a `Range` header asks for, for reading."""
        locate = self._locator(enhancement, None)
        return open_result(self._storage, self._retrier, locate, range=range)

    def _locator(
        self, enhancement: SpeechEnhancement, on_retry: OnRetry | None, *, fresh: bool = False
    ) -> Callable[[], Awaitable[str]]:
        """Return what finds the presigned URL, anew at every call (the guide, step 5).

        The API's download URL redirects to one; in the later revision it is one itself, and a
        GET of the enhancement renews it.
        """
        known: SpeechEnhancement | None = enhancement

        async def locate() -> str:
            nonlocal known
            url = _result_url(self.api.reach, known)
            if url is None or (fresh and not self.api.is_own(url)):
                known = await self.api.get_speech_enhancement(
                    enhancement.asset_id, enhancement.id, on_retry=on_retry
                )
                if known.finished or not enhancement.finished:
                    check_succeeded(known, retryable=False)  # asked for again it is the same
                    url = _result_url(self.api.reach, known)
            if url is None:
                # Right after its end the URL may not be there yet, nor the end be seen everywhere.
                raise ProtocolError("The API gives no download URL for the result.", retryable=True)
            if self.api.is_own(url):
                return await self.api.redirect_of(url, enhancement, on_retry=on_retry)
            known = None  # it can be used now, but need not work a second time
            return url

        return locate


def _result_url(reach: Reach, enhancement: SpeechEnhancement | None) -> str | None:
    url = None if enhancement is None else enhancement.download_url
    return None if url is None else reach.checked(url)


def check_succeeded(enhancement: SpeechEnhancement, *, retryable: bool | None = None) -> None:
    """Raise what an enhancement's status says, unless it is `succeeded`.

    Args:
        enhancement: As the server described it.
        retryable: Whether to try again what was about to be done; `None` for whether to begin anew.
    """
    if enhancement.finished and enhancement.status != EnhancementStatus.SUCCEEDED:
        known = enhancement.status == EnhancementStatus.FAILED
        told = "" if known else f" (status {enhancement.status.value})"
        raise EnhancementFailedError(
            f"The server could not enhance this recording{told}.",
            retryable=retryable,
            phase=Phase.PROCESS,
            asset_id=enhancement.asset_id,
            enhancement_id=enhancement.id,
        )
    if enhancement.status != EnhancementStatus.SUCCEEDED:
        raise InvalidInputError(
            f"The enhancement is not finished (status {enhancement.status.value}).",
            hint="Wait for it with wait_until_finished.",
            asset_id=enhancement.asset_id,
            enhancement_id=enhancement.id,
        )


async def _check_same(asset: Asset, source: Source) -> None:
    fingerprint = await source.fingerprint()
    other_size = asset.byte_size not in (None, fingerprint.byte_size)
    if other_size or asset.checksum not in (None, fingerprint.checksum):
        raise SourceChangedError(
            "The asset was created for other content.", asset_id=asset.id, source=source.label
        )
