"""One clock for everything that happens in the service."""

import time
from collections.abc import Callable
from datetime import UTC, datetime


class Clock:
    """Seconds that only go forward, and the date that belongs to them.

    Rate limits, the lives of tokens and URLs, and every timestamp come from the one source
    of seconds, so a clock that a test hands in moves all of them together.
    """

    __slots__ = ("_epoch", "seconds")

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._epoch = time.time() - seconds()

    def since_epoch(self, at: float | None = None) -> float:
        """Return a moment of this clock, now if None, as seconds that outlive the process."""
        return self._epoch + (self.seconds() if at is None else at)

    def at(self, since_epoch: float) -> float:
        """Return which moment of this clock such seconds are."""
        return since_epoch - self._epoch

    def date(self, at: float | None = None) -> datetime:
        """Return the UTC date of the moment ``at`` of this clock, now when there is none."""
        return datetime.fromtimestamp(self.since_epoch(at), UTC)

    def timestamp(self, at: float | None) -> str | None:
        """Write a moment as the API does: UTC, milliseconds, ``Z``; None if there is none."""
        if at is None:
            return None
        return self.date(at).isoformat(timespec="milliseconds").replace("+00:00", "Z")
