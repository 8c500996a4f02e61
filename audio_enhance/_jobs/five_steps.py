"""The guide's five steps as a caller uses them, one method each."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from audio_enhance._core.errors import InvalidInputError
from audio_enhance._core.models import Asset, SpeechEnhancement, check_strength
from audio_enhance._recording.filenames import safe_name
from audio_enhance._recording.source import SourceLike, as_source
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance._transfer.stream import ResultStream

from .steps import Steps


class FiveSteps(ABC):
    """The single steps, for those who want them; `EnhanceClient.enhance` takes them all."""

    @abstractmethod
    def _steps(self, asset_id: str | None = None) -> Steps:
        """Return the steps of the API client that an asset belongs to."""

    async def create_asset(self, source: SourceLike) -> Asset:
        """Register a recording (step 1), hashed off the event loop.

        Raises:
            InvalidInputError: It is missing, empty, unreadable or of an unsupported type;
                nothing was sent.
            ApiError, ConnectionFailedError: The API refused, or could not be reached.
        """
        return await self._steps().create_asset(as_source(source))

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
        await self._steps(asset.id).upload(asset, as_source(source), on_bytes=on_bytes or _ignore)

    async def wait_until_ready(self, asset_id: str, *, timeout: float | None = None) -> Asset:
        """Wait until an uploaded asset can be enhanced (the end of step 2).

        Args:
            asset_id: The asset.
            timeout: Seconds; `Timeouts.ready` where it is not given.

        Raises:
            WaitTimeoutError: It was not ready in time.
        """
        return await self._steps(asset_id).wait_until_ready(asset_id, timeout=timeout)

    async def create_speech_enhancement(self, asset_id: str, *, strength: int) -> SpeechEnhancement:
        """Ask for an enhancement of an asset (step 3).

        Args:
            asset_id: An asset that is ready.
            strength: 0 (the original) to 100 (fully enhanced); the guide uses 93.

        Raises:
            InvalidStrengthError: The strength is out of range; nothing was sent.
        """
        return await self._steps(asset_id).api.create_speech_enhancement(
            asset_id, check_strength(strength)
        )

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
        return await self._steps(enhancement.asset_id).wait_until_finished(
            enhancement, timeout=timeout
        )

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
        directory = Path(output_dir)
        if filename is not None and (not filename or safe_name(filename) != filename):
            raise InvalidInputError(f"{filename!r} is no bare file name that works everywhere.")

        async def place(name: str) -> tuple[Path, bool]:
            return directory / (filename or name), overwrite

        return await self._steps(enhancement.asset_id).download(
            enhancement, PartialFile(directory), place=place
        )

    async def get_asset(self, asset_id: str) -> Asset:
        """Return an asset as the server knows it now; raises `NotFoundError`."""
        return await self._steps(asset_id).api.get_asset(asset_id)

    async def get_speech_enhancement(self, asset_id: str, enhancement_id: str) -> SpeechEnhancement:
        """Return an enhancement as the server knows it now; raises `NotFoundError`."""
        return await self._steps(asset_id).api.get_speech_enhancement(asset_id, enhancement_id)

    async def presigned_download_url(self, enhancement: SpeechEnhancement) -> str:
        """Return a short-lived URL of the result, to redirect a browser to.

        The URL is a credential: whoever has it can fetch the result until it ends.

        Raises:
            InvalidInputError: The enhancement is not finished.
        """
        return await self._steps(enhancement.asset_id).presigned_download_url(enhancement)

    def stream(
        self,
        enhancement: SpeechEnhancement,
        *,
        range: str | None = None,  # noqa: A002  the header's own name
    ) -> AbstractAsyncContextManager[ResultStream]:
        """Open a result for reading, to pass it through to a player; used with `async with`.

        Args:
            enhancement: One that has succeeded.
            range: The `Range` header of whoever asked; answered with status 206.

        Raises:
            InvalidInputError: The range is malformed, or the enhancement is not finished.
            StorageError: The object store refused it.
        """
        return self._steps(enhancement.asset_id).stream(enhancement, range=range)


def _ignore(*_: object) -> None:
    pass
