"""The published rate limits, as a sliding window."""

from collections import deque
from math import ceil
from typing import Final

_WINDOW: Final = 60.0


class SlidingWindow:
    """At most ``limit`` calls in any 60 seconds.

    A bucket that starts full would let nearly twice as many through in its first minute.
    Refused calls are not counted.
    """

    __slots__ = ("_calls", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._calls: deque[float] = deque()

    def admit(self, now: float) -> int | None:
        """Count a call at the time ``now`` and return None; or the whole seconds to wait."""
        while self._calls and now - self._calls[0] >= _WINDOW:
            self._calls.popleft()
        if len(self._calls) < self._limit:
            self._calls.append(now)
            return None
        # Rounded up: whoever waits as long as told is let in.
        return ceil(_WINDOW - (now - self._calls[0]))
