"""A transfer in which nothing moves any more, noticed."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

_T = TypeVar("_T")


class StallWatch:
    """Notices that nothing moves: a timeout that starts anew at every sign of life.

    aiohttp's own `sock_read` does not run while a body is being sent.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._last = self._loop.time()
        self._timer: asyncio.TimerHandle

    def alive(self) -> None:
        """Start anew."""
        # Noted only: moving a timer at every piece would cost a tenth of sending it.
        self._last = self._loop.time()

    async def run(self, work: Awaitable[_T]) -> _T:
        """Await the work for as long as there are signs of life; `TimeoutError` otherwise."""
        self.alive()
        async with asyncio.timeout(None) as timeout:
            self._look(timeout)
            try:
                return await work
            finally:
                self._timer.cancel()

    def _look(self, timeout: asyncio.Timeout) -> None:
        due = self._last + self._seconds
        if due <= self._loop.time():
            timeout.reschedule(due)
        else:
            self._timer = self._loop.call_at(due, self._look, timeout)
