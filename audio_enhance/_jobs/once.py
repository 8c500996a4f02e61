"""Work that several callers want: done once, for as long as any of them wants it."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from audio_enhance._core.cancellation import end

_V = TypeVar("_V")
_L = TypeVar("_L")


class _Entry(Generic[_V, _L]):
    def __init__(self) -> None:
        self.listeners: list[_L] = []
        self.task: asyncio.Task[_V]


class Shared(Generic[_V, _L]):
    """Runs work once per key, shares its result, and stops it when nobody waits any more.

    Args:
        keep: How many finished results to remember, the latest ones.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._under_way: dict[Hashable, _Entry[_V, _L]] = {}
        self._finished: OrderedDict[Hashable, _V] = OrderedDict()

    async def get(
        self, key: Hashable, listener: _L, work: Callable[[list[_L]], Awaitable[_V]]
    ) -> _V:
        """Return the result for a key, by doing the work, joining it, or remembering it.

        Args:
            key: What the work is about.
            listener: Added to those the work can tell of its progress, while the caller waits.
            work: Given the living list of listeners.
        """
        if key in self._finished:
            self._finished.move_to_end(key)
            return self._finished[key]
        entry = self._under_way.get(key)
        if entry is None:
            entry = self._under_way[key] = _Entry()
            entry.listeners.append(listener)  # first: an eager task begins at once
            entry.task = asyncio.create_task(self._run(key, entry, work))
        else:
            entry.listeners.append(listener)
        try:
            return await asyncio.shield(entry.task)
        except asyncio.CancelledError:
            entry.listeners.remove(listener)
            if not entry.listeners:
                if self._under_way.get(key) is entry:
                    del self._under_way[key]  # whoever comes now starts anew
                await end([entry.task])
            raise

    def forget(self, key: Hashable, result: _V) -> None:
        """Drop a result that turned out to be of no use, unless another has replaced it."""
        if self._finished.get(key) is result:
            del self._finished[key]

    async def _run(
        self, key: Hashable, entry: _Entry[_V, _L], work: Callable[[list[_L]], Awaitable[_V]]
    ) -> _V:
        try:
            result = await work(entry.listeners)
        finally:
            if self._under_way.get(key) is entry:
                del self._under_way[key]
        self._finished[key] = result
        while len(self._finished) > self._keep:
            self._finished.popitem(last=False)
        return result
