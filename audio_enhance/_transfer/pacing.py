"""Many transfers at once, one of them in each round of the event loop."""

import asyncio
from collections import deque

# What moves in one turn; asyncio reads as much from a connection at once.
PIECE_BYTES = 1 << 18


class Pacing:
    """Gives turns in order of arrival, one in each round of the event loop.

    Encrypting or decrypting a piece takes some tenths of a millisecond. If every transfer moved
    one in each round, whatever else runs on the loop would wait for all of them.

    Used as a context by everybody who is going to take turns: whoever is alone need not queue.
    """

    def __init__(self) -> None:
        self._members = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    def __enter__(self) -> None:
        self._members += 1

    def __exit__(self, *exception: object) -> None:
        self._members -= 1

    @property
    def alone(self) -> bool:
        """Whether there are no others."""
        return self._members < 2

    async def take(self) -> None:
        """Wait for a turn, which never is in the same round."""
        if self.alone:
            await asyncio.sleep(0)
            return
        turn = asyncio.get_running_loop().create_future()
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._give)
        self._waiting.append(turn)
        await turn

    def _give(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled while it waited
                turn.set_result(None)
                break
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._give)
