"""Never more than so many calls in any 60 seconds, for everybody who shares the limit."""

import asyncio
from collections import deque
from types import TracebackType

from ._clock import Clock, SystemClock


class SlidingWindow:
    """Lets at most `limit` calls begin in any `period` seconds; used as an async context.

    A call counts from the moment it is let in until `period` seconds after it ended: the
    server sees it somewhere in between, and its window must not see one too many. (A token
    bucket that starts full would let nearly twice the limit through in its first period.)

    Attributes:
        limit: The most calls in any period.
        period: Its length in seconds.
    """

    def __init__(self, limit: int, clock: Clock, *, period: float = 60.0) -> None:
        if limit < 1:
            raise ValueError(f"A limit of {limit} calls lets nobody through.")
        self.limit = limit
        self.period = period
        self._clock = clock
        self._under_way = 0
        self._ended: deque[float] = deque()
        self._paused_until = float("-inf")
        self._turn = asyncio.Lock()  # first come, first served
        self._freed = asyncio.Event()

    def __repr__(self) -> str:
        used = self._under_way + len(self._ended)
        return f"{type(self).__name__}({used} of {self.limit} in {self.period:g} s)"

    def pause(self, seconds: float) -> None:
        """Let nobody in for that many seconds; a pause never shortens another."""
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    async def __aenter__(self) -> None:
        async with self._turn:
            while (wait := self._wait()) is not None:
                if wait > 0:
                    await self._clock.sleep(wait)
                else:
                    # The whole limit is under way: only an ending call can open the window.
                    self._freed.clear()
                    await self._freed.wait()
            self._under_way += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._under_way -= 1
        self._ended.append(self._clock.monotonic())
        self._freed.set()

    def _wait(self) -> float | None:
        """Return how long to wait before looking again, 0 for an ending call, None to go."""
        now = self._clock.monotonic()
        while self._ended and self._ended[0] + self.period <= now:
            self._ended.popleft()
        if self._paused_until > now:
            return self._paused_until - now
        if self._under_way + len(self._ended) < self.limit:
            return None
        return self._ended[0] + self.period - now if self._ended else 0.0


class RateLimits:
    """The published limits of one organization: share one object between all that belong to it.

    Attributes:
        creations: `POST assets` and `POST speech_enhancements` together.
        others: Every other call of the API.
    """

    def __init__(
        self,
        *,
        creations_per_minute: int = 100,
        others_per_minute: int = 500,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self.creations = SlidingWindow(creations_per_minute, clock)
        self.others = SlidingWindow(others_per_minute, clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(creations={self.creations!r}, others={self.others!r})"
