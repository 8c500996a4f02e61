"""A handle for one enhancement: what a caller may see of it, and do with it."""

from asyncio import Task
from collections.abc import AsyncGenerator, Generator
from typing import Any
from weakref import WeakValueDictionary

from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._core.events import Event
from audio_enhance._core.models import Asset, SpeechEnhancement
from audio_enhance._recording.source import Source

from .result import EnhanceResult
from .running import RunningJob
from .state import JobStatus


class Job:
    """One recording on its way; `await` it for its result.

    `EnhanceClient.submit` and `take_up` make them.
    """

    __slots__ = ("__weakref__", "_running")

    def __init__(self, running: RunningJob) -> None:
        self._running = running

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.source.label!r}, strength={self.strength},"
            f" status={self.status.value!r})"
        )

    def __await__(self) -> Generator[Any, None, EnhanceResult]:
        return self._running.__await__()

    @property
    def id(self) -> str:
        """Unique in this process, and hard to guess."""
        return self._running.id

    @property
    def key(self) -> str:
        """Your own key, which you gave to `submit`; empty if you gave none."""
        return self._running.key

    @property
    def source(self) -> Source:
        """The recording."""
        return self._running.source

    @property
    def strength(self) -> int:
        """0 (the original) to 100 (fully enhanced)."""
        return self._running.strength

    @property
    def priority(self) -> int:
        """Higher goes first, until the job is submitted."""
        return self._running.priority

    @property
    def byte_size(self) -> int | None:
        """The length of the recording in bytes; `None` until it was read."""
        return self._running.byte_size

    @property
    def client_id(self) -> str | None:
        """The API client in whose queue the job is; `None` until it is in one."""
        return self._running.client_id

    @property
    def status(self) -> JobStatus:
        """How far it is; `waiting` while the server has asked for a pause (`retry-after`).

        It is `cancelled` as soon as you call `cancel`. What is under way ends soon after.
        """
        return self._running.status

    @property
    def submitted(self) -> bool:
        """Whether the client has asked the server for the enhancement; that cannot be undone."""
        return self._running.submitted

    @property
    def asset(self) -> Asset | None:
        """The asset, as soon as there is one."""
        return self._running.asset

    @property
    def enhancement(self) -> SpeechEnhancement | None:
        """The speech enhancement, as the server described it last."""
        return self._running.enhancement

    @property
    def extra_enhancements(self) -> int:
        """How many more enhancements the server may have made than were needed."""
        return self._running.extra_enhancements

    @property
    def failed_enhancements(self) -> int:
        """How many enhancements the server finished with `failed`."""
        return self._running.failed_enhancements

    @property
    def error(self) -> AudioEnhanceError | None:
        """Why there is no result; `None` if there is one, and until the job is over."""
        return self._running.error

    @property
    def task(self) -> Task[EnhanceResult]:
        """The asyncio task that does the work, for `asyncio.wait` and callbacks.

        To stop the job, call `cancel`. If you cancel the task instead, a journal keeps the job as
        unfinished, and a later run resumes it.
        """
        return self._running.task

    def cancel(self) -> bool:
        """Stop the job, and return whether that was in time to cost nothing.

        Until the job is submitted, nothing has been processed. Afterwards the server continues,
        because the API cannot stop it, and the client does not fetch the result. A journal notes
        this, so no later run resumes the job.
        """
        return self._running.cancel()

    async def events(self, after: int = 0) -> AsyncGenerator[Event]:
        """Yield what happens to the job, from its beginning to its end.

        If you read slowly, you get the latest state instead of every step of the progress.

        Args:
            after: Leave out the events up to this number, see `numbered_events`.
        """
        async for _, event in self.numbered_events(after):
            yield event

    def numbered_events(self, after: int = 0) -> AsyncGenerator[tuple[int, Event]]:
        """Return events with their numbers, so that you can continue from one of them later.

        Args:
            after: Leave out the events up to this number.
        """
        return self._running.numbered_events(after)


_handles: WeakValueDictionary[str, Job] = WeakValueDictionary()


def handle_of(running: RunningJob) -> Job:
    """Return the one handle of a job."""
    handle = _handles.get(running.id)
    if handle is None:
        handle = _handles[running.id] = Job(running)
    return handle
