"""The jobs that want one enhancement: told together, and written down together."""

from typing import Any

import attrs

from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._core.events import Event
from audio_enhance._core.models import Asset
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.row import JournalRow
from audio_enhance._journal.rows import Rows
from audio_enhance._recording.source import Source

from .running import RunningJob
from .state import JobState


@attrs.frozen(eq=False, repr=False)
class Subscriber:
    """A job that wants an enhancement.

    Attributes:
        job: The job.
        row: Where its steps are written down, if there is a journal.
        spare: Whether nothing is paid once more for a result that was made, and is away.
    """

    job: RunningJob
    row: JournalRow | None = None
    spare: bool = False


class Subscribers:
    """Those who want one enhancement, from the first of them on.

    Attributes:
        wanting: They come, and leave when they are cancelled.
        track: How far the enhancement is; all of them share it.
    """

    def __init__(self, first: Subscriber, client_id: str) -> None:
        self.wanting: list[Subscriber] = []
        self.track = first.job.track
        self._first = first
        self._client_id = client_id

    @property
    def leader(self) -> Subscriber:
        """The one who speaks for all: who came first, of those who are there."""
        return self.wanting[0] if self.wanting else self._first

    @property
    def job(self) -> RunningJob:
        """The leader's job."""
        return self.leader.job

    @property
    def rows(self) -> Rows | None:
        """The rows of the journal in which the leader's steps are written down."""
        row = self.leader.row
        return None if row is None else row.rows

    @property
    def sources(self) -> list[Source]:
        """Where the content is: each of these has it."""
        return [one.job.source for one in self.wanting]

    async def catch_up(self, newcomer: Subscriber) -> None:
        """Let one who joins share the state, and write down what it joins."""
        newcomer.job.track = self.track
        if newcomer.row is not None and self.track.asset is not None:
            await newcomer.row.note_done(
                state=EntryState(self.track.state),
                client_id=self._client_id,
                **newcomer.job.ids,
            )

    async def enter(self, state: JobState, asset: Asset) -> None:
        """Go on to a state, and write it down; raises `JournalError`, and then it must not."""
        self.track.go_on(state, asset)
        for one in list(self.wanting):
            if one.row is not None:
                await one.row.note(**self._noted(asset))

    async def reached(self, state: JobState, asset: Asset) -> None:
        """Take note of a state that was reached."""
        self.track.go_on(state, asset)
        await self.note_done(**self._noted(asset))

    def _noted(self, asset: Asset) -> dict[str, Any]:
        return {
            "state": EntryState(self.track.state),
            "asset_id": asset.id,
            "client_id": self._client_id,
        }

    async def note_sending(self) -> None:
        """Write down that an enhancement is about to be asked for.

        Raises:
            JournalError: It cannot be written, and then it must not be asked for.
        """
        for one in list(self.wanting):
            if one.row is not None:
                await one.row.note(
                    state=EntryState.SUBMITTING,
                    tries=one.row.entry.tries + 1,
                    extra=one.job.extra_enhancements,
                )

    async def note_done(self, **changes: Any) -> None:
        """Write down what has happened."""
        # Whoever was cancelled while a request was on its way still learns what is left there.
        for one in list(self.wanting) or [self._first]:
            if one.row is not None:
                await one.row.note_done(extra=one.job.extra_enhancements, **changes)

    def tell(self, kind: type[Event], **details: Any) -> None:
        """Record an event for every job."""
        for one in self.wanting:
            one.job.tell(kind, **details)

    def on_retry(self, error: AudioEnhanceError, wait: float) -> None:
        """Record for every job that a request is made again."""
        for one in self.wanting:
            one.job.on_retry(error, wait)
