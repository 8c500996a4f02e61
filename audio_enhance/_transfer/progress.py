"""How far a transfer is, told now and then: a listener costs nothing per piece."""

import asyncio
from collections.abc import Callable

# A person sees nothing quicker, and one event in this time costs next to nothing.
_SECONDS = 0.05


class Progress:
    """Passes on how many bytes have moved: at the start, at most every 50 ms, and at the end."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell
        self._time = asyncio.get_running_loop().time
        self._due = 0.0
        self._told: int | None = None

    def reached(self, count: int) -> None:
        """Pass the count on if the last time is long enough ago."""
        now = self._time()
        if now >= self._due:
            self._due = now + _SECONDS
            self._told = count
            self._tell(count)

    def ended(self, count: int) -> None:
        """Pass the count on, unless it was the last that was."""
        if count != self._told:
            self._tell(count)
