"""What asyncio binds to one event loop, made anew in another."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class PerLoop(Generic[_T]):
    """A lock or an event of an object that outlives an event loop.

    asyncio's own belong to the first loop that somebody had to wait in, and refuse to be used in
    the next one. Nobody waits across loops: who waited in one that ended was cancelled.

    Args:
        make: Makes one.
    """

    __slots__ = ("_loop", "_made", "_make")

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._made: _T | None = None
        self._loop: weakref.ref[asyncio.AbstractEventLoop] | None = None

    @property
    def was_made(self) -> bool:
        """Whether one was made before, in whatever loop; costs less than `here`."""
        return self._made is not None

    @property
    def here(self) -> _T:
        """The one of the running loop."""
        loop = asyncio.get_running_loop()
        if self._made is None or self._loop is None or self._loop() is not loop:
            self._made, self._loop = self._make(), weakref.ref(loop)
        return self._made
