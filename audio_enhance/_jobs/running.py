"""One enhancement at work: its state, its events, its result, and what the lane does with it."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextvars import copy_context
from itertools import count
from math import inf
from typing import Any, TypedDict

from audio_enhance._core.cancellation import left_alone
from audio_enhance._core.clock import Clock, SystemClock
from audio_enhance._core.errors import AudioEnhanceError, JobCancelledError
from audio_enhance._core.events import (
    Downloading,
    Event,
    Finished,
    Processing,
    Queued,
    Retrying,
    Submitted,
    Uploading,
    Waiting,
)
from audio_enhance._core.models import Asset, SpeechEnhancement
from audio_enhance._recording.source import Source

from .result import EnhanceResult
from .state import JobState, JobStatus, Track

_numbers = count(1)
_log = logging.getLogger("audio_enhance")
# Of these only the latest is of interest to whoever comes late or reads slowly.
_PROGRESS = {Uploading, Waiting, Processing, Downloading, Submitted, Retrying}


# What an event is made of, by whoever wants one: its number, kind, API client, asset, enhancement,
# and the rest. Most jobs have nobody who does.
_Told = tuple[int, type[Event], str | None, Asset | None, SpeechEnhancement | None, dict[str, Any]]


class Ids(TypedDict, total=False):
    """The names of what a job has at the server."""

    asset_id: str
    enhancement_id: str


class RunningJob:
    """One recording on its way, as the lane sees it; `Job` is what its caller is given.

    Attributes:
        id: Unique in this process, and not to be guessed.
        key: The caller's own key, which `submit` was given; empty where there is none.
        source: The recording.
        strength: 0 (the original) to 100 (fully enhanced).
        priority: Higher goes first, as long as the job is not submitted.
        extra_enhancements: See `EnhanceResult`.
        failed_enhancements: See `EnhanceResult`.
        byte_size: The length of the recording, once it was read.
        track: How far it is; shared with other jobs that want the same enhancement.
        given_up: Whether `cancel` was called before its end.
        client_id: The API client in whose queue it is, once it is in one.
        context: What its task runs in, and where its first event was told: a trace that begins
            with that event is the one that its requests belong to.
    """

    def __init__(
        self,
        source: Source,
        strength: int,
        priority: int,
        on_event: Iterable[Callable[[Event], None]] = (),
        key: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.id = f"{next(_numbers):x}-{secrets.token_hex(6)}"
        self.key = key
        self.source = source
        self._label = source.label
        self.strength = strength
        self.priority = priority
        self.extra_enhancements = 0
        self.failed_enhancements = 0
        self.byte_size: int | None = None
        self.track = Track()
        self.given_up = False
        self._begun = False
        self.client_id: str | None = None
        self.context = copy_context()
        self._on_event = tuple(on_event)
        self._clock = clock or SystemClock()
        self._waits_until = -inf
        self._history: dict[type[Event] | int, _Told] = {}
        self._told = 0
        self._news: asyncio.Event | None = None  # made by whoever waits for it
        self._task: asyncio.Task[EnhanceResult] | None = None
        self.context.run(self.tell, Queued)

    @property
    def status(self) -> JobStatus:
        """How far it is; `waiting` for as long as the server has asked to wait (`retry-after`).

        It is `cancelled` as soon as `cancel` was called, and what is under way ends soon after.
        """
        status = self.track.state.status
        if self.given_up and not status.finished:
            return JobStatus.CANCELLED
        if status.finished or self._clock.monotonic() >= self._waits_until:
            return status
        return JobStatus.WAITING

    @property
    def asset(self) -> Asset | None:
        """The asset, as soon as there is one."""
        return self.track.asset

    @property
    def enhancement(self) -> SpeechEnhancement | None:
        """The speech enhancement, as the server described it last."""
        return self.track.enhancement

    @property
    def submitted(self) -> bool:
        """Whether the server was asked for the enhancement, which can not be taken back."""
        return self.track.submitted

    def __await__(self) -> Generator[Any, None, EnhanceResult]:
        return self._result().__await__()

    async def _result(self) -> EnhanceResult:
        waiting = asyncio.current_task()
        assert waiting is not None
        cancellations = waiting.cancelling()
        try:
            # Whoever waits may be cancelled; the job goes on until `cancel` is called.
            return await left_alone(self.task)
        except asyncio.CancelledError:
            if not self.task.cancelled() or waiting.cancelling() > cancellations:
                raise
        raise self.cancellation()

    def cancellation(self) -> JobCancelledError:
        """Return the error that says what the cancellation of this job left behind."""
        return JobCancelledError(
            "The job was cancelled after it was submitted; the server continues."
            if self.submitted
            else "The job was cancelled before it was submitted; it cost nothing.",
            source=self.source.label,
            **self.ids,
        )

    @property
    def ids(self) -> Ids:
        """What is known of it at the server so far."""
        ids: Ids = {}
        asset, enhancement = self.track.asset, self.track.enhancement
        if asset is not None:
            ids["asset_id"] = asset.id
        if enhancement is not None:
            ids["enhancement_id"] = enhancement.id
        return ids

    def cancel(self) -> bool:
        """Stop the job, and return whether that was in time to cost nothing."""
        if self._task is not None and not self._task.done():
            self.given_up = True
            if self._begun:
                self._task.cancel()
        return not self.submitted

    async def numbered_events(self, after: int = 0) -> AsyncGenerator[tuple[int, Event]]:
        """Yield events with their numbers; a slow reader is given the latest progress only.

        Args:
            after: Leave out what had a number up to this one.
        """
        while True:
            for told in [told for told in self._history.values() if told[0] > after]:
                after, event = told[0], self._event(told)
                yield after, event
                if isinstance(event, Finished):
                    return
            if self._told <= after:
                if self.track.state.status.finished:
                    return
                if self._news is None:
                    self._news = asyncio.Event()
                await self._news.wait()

    # For the lane

    def start(self, task: "asyncio.Task[EnhanceResult]") -> None:
        """Take the task that does the work."""
        self._task = task

    def begin(self) -> None:
        """Let the task be cancelled from here on; one that never began could note nothing.

        Raises:
            CancelledError: The job was cancelled before.
        """
        self._begun = True
        if self.given_up:
            raise asyncio.CancelledError

    @property
    def task(self) -> "asyncio.Task[EnhanceResult]":
        """The task that does the work."""
        assert self._task is not None
        return self._task

    @property
    def error(self) -> AudioEnhanceError | None:
        """Why there is no result; `None` if there is one, and until the job is over."""
        if self.task.cancelled() or (self.given_up and not self.task.done()):
            return self.cancellation()
        if not self.task.done():
            return None
        error = self.task.exception()
        if error is None or isinstance(error, AudioEnhanceError):
            return error
        return AudioEnhanceError(f"Unexpected error: {type(error).__name__}: {error}")

    def enter(self, state: JobState) -> None:
        """Go on to a state that is this job's alone."""
        self.track = self.track.copy()
        self.track.enter(state)

    def finish(self) -> None:
        """Take note of the end of the task, and tell of it."""
        error = self.error
        if error is None:
            self.enter(JobState.SUCCEEDED)
            result = self.task.result()
            saved = result.url if result.saved is None else str(result.saved)
            self.tell(Finished, path=saved)
            return
        cancelled = isinstance(error, JobCancelledError)
        self.enter(JobState.CANCELLED if cancelled else JobState.FAILED)
        self.tell(Finished, error=error)

    def tell(self, kind: type[Event], **details: Any) -> None:
        """Record an event and pass it on."""
        if kind is not Retrying:
            self._waits_until = -inf  # whatever it waited for, it goes on
        self._told += 1
        track = self.track
        told = self._told, kind, self.client_id, track.asset, track.enhancement, details
        key = kind if kind in _PROGRESS else self._told
        self._history.pop(key, None)  # the latest one comes last
        self._history[key] = told
        if self._news is not None:
            self._news.set()
            self._news = None
        if not self._on_event:
            return
        event = self._event(told)
        for listener in self._on_event:
            try:
                listener(event)
            except Exception:  # noqa: BLE001  a listener's mistake is not the job's
                _log.exception("on_event failed for %r", event)

    def _event(self, told: _Told) -> Event:
        _, kind, client_id, asset, enhancement, details = told
        return kind(
            job_id=self.id,
            source=self._label,
            strength=self.strength,
            client_id=client_id,
            asset_id=None if asset is None else asset.id,
            enhancement_id=None if enhancement is None else enhancement.id,
            **details,
        )

    def on_retry(self, error: AudioEnhanceError, wait: float) -> None:
        """Record that a request is made again."""
        if error.retry_after:
            self._waits_until = self._clock.monotonic() + wait
        self.tell(Retrying, error=error, wait=wait)
