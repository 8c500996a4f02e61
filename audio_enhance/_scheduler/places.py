"""A number of places that are given out by priority."""

import asyncio
import heapq
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count

import attrs


@attrs.frozen(order=True)
class _Waiter:
    rank: tuple[int, int]
    priority: int = attrs.field(order=False)
    admitted: "asyncio.Future[None]" = attrs.field(order=False)


class PriorityGate:
    """Lets a number of holders in at once, the most important first, then in order of arrival.

    Args:
        places: How many holders there may be.
        overtaking: Count only holders of the same or a higher priority against the places, so
            that what is important need not wait until something unimportant has left.
    """

    def __init__(self, places: int, *, overtaking: bool = False) -> None:
        self._places = places
        self._overtaking = overtaking
        self._holders: Counter[int] = Counter()
        self._waiters: list[_Waiter] = []
        self._arrivals = count()

    @property
    def places(self) -> int:
        """How many holders there may be; may be changed at any time."""
        return self._places

    @places.setter
    def places(self, places: int) -> None:
        self._places = places
        self._admit()

    @property
    def held(self) -> int:
        """How many holders there are."""
        return self._holders.total()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return sum(not waiter.admitted.done() for waiter in self._waiters)

    async def enter(self, priority: int) -> bool:
        """Wait for a place, and return whether there was a wait; `leave` gives it back."""
        admitted = asyncio.get_running_loop().create_future()
        waiter = _Waiter((-priority, next(self._arrivals)), priority, admitted)
        heapq.heappush(self._waiters, waiter)
        self._admit()
        waits = not admitted.done()
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.done() and not admitted.cancelled():
                self.leave(priority)  # let in and cancelled at the same moment
            raise
        return waits

    def leave(self, priority: int) -> None:
        """Give a place back."""
        self._holders[priority] -= 1
        if not self._holders[priority]:
            del self._holders[priority]
        self._admit()

    @asynccontextmanager
    async def place(self, priority: int) -> AsyncGenerator[None]:
        """Hold a place for the length of a block."""
        await self.enter(priority)
        try:
            yield
        finally:
            self.leave(priority)

    def _admit(self) -> None:
        while self._waiters:
            first = self._waiters[0]
            if first.admitted.done():  # cancelled while it waited
                heapq.heappop(self._waiters)
                continue
            if self._in_the_way_of(first.priority) >= self._places:
                return
            heapq.heappop(self._waiters)
            self._holders[first.priority] += 1
            first.admitted.set_result(None)

    def _in_the_way_of(self, priority: int) -> int:
        if not self._overtaking:
            return self.held
        return sum(n for held, n in self._holders.items() if held >= priority)
