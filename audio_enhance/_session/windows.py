"""Never more than so many calls in any 60 seconds, for everybody who shares the limit."""

import asyncio
from collections import deque
from collections.abc import Callable
from math import inf, isfinite
from types import TracebackType
from typing import Any

from audio_enhance._core.cancellation import end
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import ConfigurationError, RateLimitError
from audio_enhance._core.per_loop import PerLoop

from .pause import Pause

# A call that is free again within this share of the period is in time for the enhancement of an
# asset that is still to be uploaded: with the published limits that is 5 s, and four uploads at
# once that take longer do not reach them. Waiting for it to be free already would leave a few
# calls unused in every period.
_SOON = 1 / 12


class _Line:
    """Whoever waits for a window: first come, first served; used as an async context."""

    def __init__(self) -> None:
        self._waiting: PerLoop[deque[asyncio.Future[None]]] = PerLoop(deque)

    @property
    def empty(self) -> bool:
        """Whether nobody waits, and nobody is at the head."""
        return not (self._waiting.was_made and self._waiting.here)

    async def __aenter__(self) -> None:
        waiting = self._waiting.here
        turn = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        if waiting[0] is not turn:
            try:
                await turn
            except BaseException:
                self._leave(turn)
                raise

    async def __aexit__(self, *exception: object) -> None:
        self._leave(self._waiting.here[0])

    def _leave(self, turn: "asyncio.Future[None]") -> None:
        waiting = self._waiting.here
        waiting.remove(turn)
        if waiting and not waiting[0].done():
            waiting[0].set_result(None)


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
        self._under_way: int = 0
        self._ended: deque[float] = deque()
        self._pause = Pause(clock)
        self._line = _Line()
        self._looking = 0
        self._changed = PerLoop(asyncio.Event)

    def __repr__(self) -> str:
        used = self._under_way + len(self._ended)
        return f"{type(self).__name__}({used} of {self.limit} in {self.period:g} s)"

    def pause(self, seconds: float, because: RateLimitError | None = None) -> None:
        """Let nobody in for that many seconds, an hour at most; a pause never shortens another.

        Args:
            seconds: From now.
            because: What whoever waits or comes meanwhile is told at once.
        """
        if self._pause.begin(seconds, because):
            self.look_again()

    async def tell_others(self) -> None:
        """Let other processes know of the pause, where they share the limit."""

    def hold_back(self) -> None:
        """Raise a `RateLimitError` if there is a pause that somebody was told the reason of."""
        self._pause.hold_back()

    async def __aenter__(self) -> None:
        if self._line.empty and self.free_in(1) == 0:
            self._under_way += 1
            return
        self.hold_back()
        try:
            async with self._line:
                while (wait := self.free_in(1)) > 0:
                    self.hold_back()
                    await self.until_change(wait)
                self._under_way += 1
        finally:
            self.look_again()  # a call that was cancelled was in the way of others, too

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._under_way -= 1
        self._ended.append(self._clock.monotonic())
        if self._looking:
            self.look_again()

    def free_in(self, calls: int) -> float:
        """Return in how many seconds so many calls could be let in.

        Infinity means that it depends on the end of calls that are under way.
        """
        now = self._clock.monotonic()
        while self._ended and self._ended[0] + self.period <= now:
            self._ended.popleft()
        wait = self._pause.left(now)
        ended = len(self._ended)
        missing = self._under_way + ended + calls - self.limit
        if missing > ended:
            return inf
        return max(wait, self._ended[missing - 1] + self.period - now) if missing > 0 else wait

    def look_again(self) -> None:
        """Wake whoever waits for something else than time."""
        if self._looking:
            self._changed.here.set()

    async def until_change(self, seconds: float) -> None:
        """Wait until a call was let in, ended or was given up, for that many seconds at most."""
        changed = self._changed.here
        changed.clear()
        self._looking += 1
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(changed.wait())]
        if isfinite(seconds):
            waits.append(asyncio.create_task(self._sleep(seconds)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._looking -= 1
            await end(waits)

    async def _sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class AheadWindow:
    """A window for calls that each make another one necessary; used as an async context.

    An asset is of no use before its enhancement is asked for. Were assets let in whenever there
    is room, those of later recordings would use up what the enhancements of earlier ones need,
    and the server would idle until the window opens again. So one is let in only if calls are
    left for its own enhancement and for all that are owed, now or soon.

    Args:
        window: The window that both kinds of calls count in.
    """

    def __init__(self, window: SlidingWindow) -> None:
        self.period = window.period
        self.pause = window.pause
        self.tell_others = window.tell_others
        self.look_again = window.look_again
        self._window = window
        self._owed: dict[Callable[[], int], int] = {}  # and how many it can be
        self._loop: asyncio.AbstractEventLoop | None = None  # of whoever owes
        self._under_way: int = 0
        self._line = _Line()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._window!r}, {self._owing()} owed)"

    def check_loop(self) -> None:
        """See that no client of another event loop, which runs in another thread, uses it.

        Who waits in one loop would not hear of what happens in the other, and wait for ever.

        Raises:
            ConfigurationError: One does.
        """
        loop = self._loop if self._owed else None
        if loop is not None and loop is not asyncio.get_running_loop() and loop.is_running():
            raise ConfigurationError(
                "The rate limits are in use in the event loop of another thread.",
                hint="Give each thread a RateLimits of its own, with its share of the limits.",
            )

    def owe(self, owed: Callable[[], int], most: int) -> None:
        """From now on, ask how many calls somebody is going to make for what was let in.

        Args:
            owed: Asked only while there is no room for all that can be owed.
            most: How many that usually is at most.
        """
        self._owed[owed] = most
        self._loop = asyncio.get_running_loop()

    def settle(self, owed: Callable[[], int]) -> None:
        """Ask no more."""
        del self._owed[owed]
        self.look_again()

    async def __aenter__(self) -> None:
        if not self._line.empty or self._free_in() > 0:
            async with self._line:
                while (wait := self._free_in()) > 0:
                    self._window.hold_back()
                    await self._window.until_change(wait)
                await self._enter()
        else:
            await self._enter()

    async def _enter(self) -> None:
        await self._window.__aenter__()
        self._under_way += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._under_way -= 1
        await self._window.__aexit__(kind, error, traceback)

    def _owing(self) -> int:
        return self._under_way + sum(owed() for owed in self._owed)

    def _free_in(self) -> float:
        window = self._window
        if window.free_in(2 + self._under_way + sum(self._owed.values())) == 0:
            return 0.0
        owing = self._owing()
        # With nothing owed, the last call of a window is better used than left.
        needed = min(2 + owing, window.limit) if owing else 1
        return max(window.free_in(1), window.free_in(needed) - _SOON * window.period)


Window = SlidingWindow | AheadWindow
