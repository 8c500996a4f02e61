"""How many speech enhancements are in work at a time, whosever they are."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """Lets so many in at a time; the others wait in the order in which they came.

    Args:
        places: How many; None for as many as come.
    """

    def __init__(self, places: int | None = None) -> None:
        self._places = places
        self._inside = 0
        self._waiting: dict[asyncio.Future[None], None] = {}

    def resize(self, places: int | None) -> None:
        """Let more in, or fewer from now on; nobody who is inside has to leave."""
        self._places = places
        self._let_in()

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait for a place, and have it for the length of the block."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[mine] = None
        self._let_in()
        try:
            await mine
            yield
        finally:
            if mine in self._waiting:  # cancelled before it had its turn
                del self._waiting[mine]
            else:
                self._inside -= 1
                self._let_in()

    def _let_in(self) -> None:
        for one in list(self._waiting):
            if self._places is not None and self._inside >= self._places:
                return
            if not one.done():  # cancelled just now: it leaves by itself
                del self._waiting[one]
                self._inside += 1
                one.set_result(None)
