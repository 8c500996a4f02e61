"""One recording that a person sent, from its announcement to its end."""

import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from audio_enhance import (
    VIDEO_SUFFIXES,
    AudioEnhanceError,
    Event,
    Finished,
    Job,
    JobCancelledError,
    Processing,
    Retrying,
    Submitted,
    Uploading,
)

from ._kept import Kept
from ._problems import Problem

# By how many seconds an expected end has to move to be told again.
_NOTICEABLE = 0.5


class Stage(StrEnum):
    """How far a recording is."""

    EXPECTED = "expected"
    RECEIVING = "receiving"
    WAITING = "waiting"
    ENHANCING = "enhancing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def arriving(self) -> bool:
        """Whether its bytes are not all here."""
        return self in (Stage.EXPECTED, Stage.RECEIVING)

    @property
    def over(self) -> bool:
        """Whether nothing more will happen to it."""
        return self in (Stage.SUCCEEDED, Stage.FAILED, Stage.CANCELLED)


class Recording:
    """One recording at one strength.

    Attributes:
        id: What the page calls it; looked up within its session only.
        name: The name that its file had, made safe; it is shown and sent, never opened.
        strength: 0 (the original) to 100 (fully enhanced).
        original: What was sent; `None` when it never arrived.
        result: What came of it, as soon as that is on this application's disk.
        ended_at: When it was over, as a time stamp; `None` before.
        stage: How far it is.
        received: How many of its bytes are here.
        job: The library's handle, as soon as there is one.
        asset_ids: What it is at the service: mostly one asset, more where one had to be replaced.
        share: Which part of it is enhanced, 0 to 1; `None` where nobody knows.
        notes: What the local service noted of it, such as what is damaged in it.
        revision: The session's revision at the latest change.
        number: Grows from one recording to the next, also over restarts.
        key: The key of its job, the same over restarts.
        service: What it was begun at, as `Jobs.service` says; `None` before.
    """

    def __init__(
        self,
        identifier: str,
        name: str,
        strength: int,
        original: Kept,
        on_change: Callable[["Recording"], None],
        explain: Callable[[AudioEnhanceError], Problem] = Problem.of,
        noted: Callable[[Event], list[str]] = lambda _: [],
    ) -> None:
        self.id = identifier
        self.name = name
        self.strength = strength
        self.byte_size = original.byte_size
        self.original: Kept | None = original
        self.result: Kept | None = None
        self.ended_at: float | None = None
        self.stage = Stage.EXPECTED
        self.received = 0
        self.job: Job | None = None
        self.asset_ids: set[str] = set()
        self.share: float | None = None
        self.revision = 0
        self.number = time.time_ns()
        self.key = secrets.token_hex(16)
        self.service: str | None = None
        self._on_change = on_change
        self.notes: list[str] = []
        self._explain = explain
        self._noted = noted
        self._passed_on = 0.0
        self._expected_end: datetime | None = None
        self._retrying: str | None = None
        self._reason: Problem | None = None
        self.problem: Problem | None = None
        original.hold()

    @property
    def submitted(self) -> bool:
        """Whether the server was asked to enhance it, which cannot be taken back."""
        return self.job is not None and self.job.submitted

    def arrived(self, count: int) -> None:
        """Count bytes that are here."""
        self.received += count
        self._on_change(self)

    def move(self, stage: Stage, problem: Problem | None = None) -> None:
        """Go on to a stage, for a reason if it is the end."""
        self.stage = stage
        self.problem = problem
        if stage.over and self.ended_at is None:
            self.ended_at = datetime.now(UTC).timestamp()
        if stage.over and self.original is not None and self.original.source is None:
            self.let_go()
        self._on_change(self)

    def cut_off(self) -> None:
        """Take note of the end of a transfer; what did not arrive may be sent once more."""
        if self.stage is Stage.RECEIVING:
            self.received = 0
            self.move(Stage.EXPECTED)

    def begin(self, job: Job) -> None:
        """Follow a job; it needs the original until its end."""
        original = self.original
        assert original is not None
        original.hold()
        job.task.add_done_callback(lambda _: original.release())
        self.job = job

    def leave(self) -> None:
        """Follow its job no more, and stop working on it; the next start goes on with it."""
        if self.job is not None:
            self.job.task.cancel()  # unlike `Job.cancel`, which is for good

    def let_go(self) -> None:
        """Do without the original from now on, and without the result."""
        if self.original is not None:
            self.original.release()
            self.original = None
        if self.result is not None:
            self.result.release()
            self.result = None

    def came_to(self, result: Kept) -> None:
        """Take in the result, which is on the disk now."""
        result.hold()
        self.result = result
        self._on_change(self)

    def on_event(self, event: Event) -> None:
        """Take in what the job told."""
        if event.asset_id is not None:
            self.asset_ids.add(event.asset_id)
        was_retrying, self._retrying = self._retrying, None
        match event:
            case Finished(error=None):
                self.notes = self._noted(event)
                self.move(Stage.SUCCEEDED)
            case Finished(error=JobCancelledError()):
                self.move(Stage.CANCELLED, self._reason)
            case Finished(error=error):
                assert error is not None
                self.move(Stage.FAILED, self._explain(error))
            case Uploading():
                self._passed_on = event.sent / event.total
                self.move(Stage.WAITING)
            case Submitted(position=0):
                self.move(Stage.ENHANCING)
            case Processing():
                # Told at every question to the server; mostly there is no news in it.
                begun = self.stage is Stage.ENHANCING and not was_retrying
                if not begun or self._is_news(event.expected_end):
                    self._expected_end = event.expected_end
                    self.move(Stage.ENHANCING)
            case Retrying():
                self._retrying = event.error.message
                self._on_change(self)
            case _:
                self.move(Stage.WAITING)

    def _is_news(self, expected_end: datetime | None) -> bool:
        if expected_end is None or self._expected_end is None:
            return expected_end is not self._expected_end
        return abs((expected_end - self._expected_end).total_seconds()) > _NOTICEABLE

    def cancel(self, reason: Problem | None = None) -> None:
        """Stop working on it; what the server has begun it goes on with, for nobody."""
        if self.stage.over:
            return
        if self.job is None:
            self.move(Stage.CANCELLED, reason)
        else:
            self._reason = reason
            self.job.cancel()

    def snapshot(self, ahead: int) -> dict[str, Any]:
        """Return what the page shows, as JSON.

        Args:
            ahead: How many recordings have their turn before this one.
        """
        sides = self.original, self.result
        left = None
        if self.stage is Stage.ENHANCING and self._expected_end is not None:
            left = max(0.0, (self._expected_end - datetime.now(UTC)).total_seconds())
        return {
            "id": self.id,
            "revision": self.revision,
            "name": self.name,
            "size": self.byte_size,
            "strength": self.strength,
            "stage": self.stage.value,
            "received": self.received,
            "passed_on": round(self._passed_on, 3),
            "ahead": ahead,
            "seconds_left": left,
            "share": self.share if self.stage is Stage.ENHANCING else None,
            "retrying": self._retrying,
            "notes": self.notes,
            "problem": self.problem and self.problem.document(),
            "video": Path(self.name).suffix.lower() in VIDEO_SUFFIXES,
            "kept": self.original is not None and self.original.source is not None,
            "playable": all(kept is not None and kept.copied for kept in sides),
        }
