"""One recording that a person sent, from its announcement to its end."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from audio_enhance import (
    VIDEO_SUFFIXES,
    AudioEnhanceError,
    Event,
    Finished,
    Job,
    JobCancelledError,
    Processing,
    Retrying,
    Source,
    Submitted,
    Uploading,
)

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


@attrs.define(eq=False)
class Original:
    """A recording as it was sent, for as long as anyone needs it.

    Attributes:
        byte_size: Its length.
        source: Its bytes, in a temporary file without a name; `None` until they are here.
    """

    byte_size: int
    source: Source | None = None
    _holders: int = 0

    def hold(self) -> None:
        """Count one more who needs it."""
        self._holders += 1

    def release(self) -> None:
        """Count one less; the temporary file goes with the last."""
        self._holders -= 1
        if not self._holders and self.source is not None:
            self.source.close()
            self.source = None


class Recording:
    """One recording at one strength.

    Attributes:
        id: What the page calls it; looked up within its session only.
        name: The name that its file had, made safe; it is shown and sent, never opened.
        strength: 0 (the original) to 100 (fully enhanced).
        original: What was sent; `None` when it never arrived.
        stage: How far it is.
        received: How many of its bytes are here.
        job: The library's handle, as soon as there is one.
        asset_ids: What it is at the service: mostly one asset, more where one had to be replaced.
        revision: The session's revision at the latest change.
    """

    def __init__(
        self,
        identifier: str,
        name: str,
        strength: int,
        original: Original,
        on_change: Callable[["Recording"], None],
        explain: Callable[[AudioEnhanceError], Problem] = Problem.of,
    ) -> None:
        self.id = identifier
        self.name = name
        self.strength = strength
        self.byte_size = original.byte_size
        self.original: Original | None = original
        self.stage = Stage.EXPECTED
        self.received = 0
        self.job: Job | None = None
        self.asset_ids: set[str] = set()
        self.revision = 0
        self._on_change = on_change
        self._explain = explain
        self._passed_on = 0.0
        self._expected_end: datetime | None = None
        self._retrying: str | None = None
        self._reason: Problem | None = None
        self._problem: Problem | None = None
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
        self._problem = problem
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

    def let_go(self) -> None:
        """Do without the original from now on."""
        if self.original is not None:
            self.original.release()
            self.original = None

    def on_event(self, event: Event) -> None:
        """Take in what the job told."""
        if event.asset_id is not None:
            self.asset_ids.add(event.asset_id)
        was_retrying, self._retrying = self._retrying, None
        match event:
            case Finished(error=None):
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
            "retrying": self._retrying,
            "problem": self._problem and self._problem.document(),
            "video": Path(self.name).suffix.lower() in VIDEO_SUFFIXES,
            "kept": self.original is not None and self.original.source is not None,
        }
