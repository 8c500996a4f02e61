"""Results on their way to this application's disk, where they stay for the player."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from audio_enhance import AudioEnhanceError, EnhanceClient, Source

from ._kept import Kept
from ._recording import Recording
from ._shelf import Shelf
from ._tasks import Tasks

_log = logging.getLogger("audio_enhance.web")
_AT_ONCE = 2
# A stream that breaks off cannot be resumed: whoever reads it has to begin again.
_TRIES = 8
_OF_ANY_KIND = "application/octet-stream"


class Results:
    """Fetches every result once, a few at a time.

    Args:
        shelf: Where they go.
        on_kept: Told of each that is there.
    """

    def __init__(self, shelf: Shelf, on_kept: Callable[[Recording, Kept], None]) -> None:
        self._shelf = shelf
        self._on_kept = on_kept
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._under_way = Tasks[Recording]()

    def fetch(self, client: EnhanceClient, recording: Recording) -> None:
        """Begin to fetch the result of a recording."""
        task = asyncio.ensure_future(self._fetch(client, recording))
        self._under_way[recording] = task
        task.add_done_callback(lambda _: self._under_way.pop(recording, None))

    def stop(self, recording: Recording) -> None:
        """Stop fetching a result: nobody wants it any more."""
        self._under_way.stop(recording)

    async def close(self) -> None:
        """Fetch nothing more."""
        await self._under_way.close()

    async def _fetch(self, client: EnhanceClient, recording: Recording) -> None:
        async with self._turns:
            try:
                arrived = await self._arrived(client, recording)
                kept = await self._shelf.take(arrived, recording.name, of_result=True)
            except AudioEnhanceError as error:
                # It is passed through as long as the service has it.
                _log.warning("the result of %s stays at the service: %s", recording.id, error)
                return
        self._on_kept(recording, kept)
        if recording.result is not kept:  # removed meanwhile
            kept.hold()
            kept.release()

    async def _arrived(self, client: EnhanceClient, recording: Recording) -> Source:
        assert recording.job is not None
        assert recording.job.enhancement is not None
        for left in reversed(range(_TRIES)):
            try:
                async with client.stream(recording.job.enhancement) as result:
                    return await Source.spool(
                        result,
                        recording.name,
                        content_type=result.headers.get("Content-Type", _OF_ANY_KIND),
                        check_type=False,
                        keep_in=self._shelf.folder,
                    )
            except AudioEnhanceError as error:
                if not error.retryable or not left:
                    raise
        raise AssertionError("it returns or raises")


def result_name(recording: Recording) -> str:
    """Return what a result is called that is saved from here."""
    name = Path(recording.name)
    return f"{name.stem}-enhanced-{recording.strength}p{name.suffix}"
