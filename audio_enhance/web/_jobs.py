"""The jobs of recordings, which the next start goes on with instead of paying twice."""

import asyncio
import logging
from collections.abc import Collection
from pathlib import Path

from audio_enhance import EnhanceClient, Journal, JournalError

from ._problems import Problem
from ._recording import Recording

_log = logging.getLogger("audio_enhance.web")
_LOCAL = "local"
# Somebody waits for it at a screen: before whatever else the client is given to do.
_PRIORITY = 10


class Jobs:
    """Has recordings enhanced, each under its own key in a journal.

    A journal is kept where the service outlives the application. What a local service of the
    application's own was asked for is gone with it, and cost nothing.
    """

    def __init__(self) -> None:
        self._client: EnhanceClient | None = None
        self._journal: Journal | None = None
        self._withdrawals: set[asyncio.Task[None]] = set()

    @property
    def client(self) -> EnhanceClient:
        """The client that does the work; it is there while the application's lifespan runs."""
        if self._client is None:
            raise RuntimeError(
                "The application was not started: give it a client, or run its lifespan too."
            )
        return self._client

    @client.setter
    def client(self, client: EnhanceClient) -> None:
        self._client = client

    @property
    def service(self) -> str:
        """What its jobs are at: the version of the API, or a service of the application's own."""
        return _LOCAL if self._journal is None else self.client.api_version

    async def open(self, folder: Path) -> None:
        """Open the journal in a folder.

        Raises:
            JournalLockedError: Another application has this folder.
            JournalError: It cannot be used.
        """
        path = folder / f"jobs-{self.client.api_version}.sqlite"
        self._journal = await Journal.open(path)

    async def keep_only(self, recordings: Collection[Recording]) -> None:
        """Drop what the journal has of others: their application was killed as they went."""
        if (journal := self._journal) is not None:
            keys = {recording.key for recording in recordings}
            for entry in [entry async for entry in journal.entries() if entry.key not in keys]:
                await journal.drop(entry)

    async def begin(self, recording: Recording) -> None:
        """Have a recording enhanced; what an earlier start began is gone on with.

        Raises:
            AudioEnhanceError: It cannot be begun.
        """
        assert recording.original is not None
        assert recording.original.source is not None
        recording.begin(
            await self.client.submit(
                recording.original.source,
                strength=recording.strength,
                priority=_PRIORITY,
                journal=self._journal,
                key=recording.key,
                on_event=recording.on_event,
            )
        )

    def elsewhere(self, recording: Recording) -> Problem | None:
        """Return why what an earlier start began is not gone on with here, if it is not."""
        if recording.service in (None, self.service):
            return None
        then, now = _words(recording.service), _words(self.service)
        return Problem(
            409,
            "elsewhere",
            f"It was begun at {then}, and this application uses {now}.",
            hint=f"To go on with it, start the application with {then} and try it again there."
            f" Here, trying it again makes a new enhancement at {now}.",
        )

    def forget(self, recording: Recording) -> None:
        """Drop what the journal has of a recording, as soon as its job is over."""
        if self._journal is not None and recording.job is not None:
            withdrawal = asyncio.ensure_future(self._drop(self._journal, recording))
            self._withdrawals.add(withdrawal)
            withdrawal.add_done_callback(self._withdrawals.discard)

    async def _drop(self, journal: Journal, recording: Recording) -> None:
        assert recording.job is not None
        await asyncio.wait([recording.job.task])
        try:
            entry = await journal.entry_with(recording.key)
            if entry is not None:
                await journal.drop(entry)
        except JournalError as error:
            _log.warning("%s stays in the journal: %s", recording.id, error)

    async def close(self) -> None:
        """Close the journal; its jobs are over."""
        if self._withdrawals:
            await asyncio.wait(self._withdrawals)
        if self._journal is not None:
            await self._journal.close()


def _words(service: str | None) -> str:
    """Return what a person calls a service."""
    return "a local service" if service == _LOCAL else f"version {service} of the API"
