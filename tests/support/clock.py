"""Clocks that stand still until somebody waits."""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from functools import wraps
from itertools import count
from typing import Any, ParamSpec, TypeVar

_T = TypeVar("_T")
_P = ParamSpec("_P")
# Enough turns of the event loop for everything that can go on without time passing to do so.
_TURNS = 25


class ManualClock:
    """Every sleep returns at once and moves the time on by what was asked for.

    Attributes:
        now: The monotonic time.
        epoch: What is added to it for the time of day.
        sleeps: What was asked for, in order.
    """

    def __init__(self, now: float = 1000.0, epoch: float = 1_700_000_000.0) -> None:
        self.now = now
        self.epoch = epoch
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.epoch + self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)


class TurnClock:
    """Wakes sleepers in the order of their ends, as soon as nothing else can go on.

    For several sleepers at once, without input or output: `await clock.run(...)`.
    """

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._arrivals = count()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._arrivals), woken))
        await woken

    async def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await the work, with time passing whenever it waits for nothing but time."""
        task = asyncio.create_task(work)
        try:
            while True:
                for _ in range(_TURNS):
                    await asyncio.sleep(0)
                if task.done():
                    return task.result()
                self._wake_next()
        finally:
            task.cancel()
            await asyncio.wait([task])

    def _wake_next(self) -> None:
        while self._sleepers:
            end, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                self.now = max(self.now, end)
                woken.set_result(None)
                return
        raise AssertionError("everybody waits, and nobody for time")


class LoopClock:
    """The running loop's own time, for what runs `in_virtual_time`."""

    @property
    def now(self) -> float:
        """The seconds since the loop began."""
        return asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer whenever there is nothing to do."""

    _now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        ready: object = self._ready  # type: ignore[attr-defined]
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        live = [timer.when() for timer in timers if not timer.cancelled()]
        if not ready:
            assert live, "everybody waits, and nobody for time"
            self._now = max(self._now, min(live))
        super()._run_once()  # type: ignore[misc]


def in_virtual_time(work: Coroutine[Any, Any, _T]) -> _T:
    """Run what waits with the event loop's own timers, and neither reads nor writes."""
    with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
        return runner.run(work)


def virtually(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Run a test `in_virtual_time`."""

    @wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        in_virtual_time(test(*args, **kwargs))

    return run
