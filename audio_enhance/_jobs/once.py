"""Work that several want: done once, for as long as any of them wants it."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, TypeVar

from audio_enhance._core.cancellation import end, left_alone

_V = TypeVar("_V")
_V_co = TypeVar("_V_co", covariant=True)
_W = TypeVar("_W")


class Shareable(Protocol[_V_co, _W]):
    """Work that others can join.

    Attributes:
        wanting: Those who want it: they join, and leave when they are cancelled.
    """

    wanting: list[_W]

    async def run(self) -> _V_co:
        """Do the work, and return its result."""
        ...

    async def catch_up(self, newcomer: _W) -> None:
        """Let one who joined know how far it is."""
        ...


class Once(Generic[_V, _W]):
    """Runs work once per key, shares its result, and stops it when nobody wants it any more.

    Args:
        keep: How many finished results to remember, the latest ones.
    """

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._under_way: dict[Hashable, tuple[Shareable[_V, _W], asyncio.Task[_V]]] = {}
        self._finished: OrderedDict[Hashable, _V] = OrderedDict()

    def remembered(self, key: Hashable) -> _V | None:
        """Return the result for a key, if it is known already."""
        if key in self._finished:
            self._finished.move_to_end(key)
        return self._finished.get(key)

    async def get(self, key: Hashable, wanting: _W, work: Callable[[], Shareable[_V, _W]]) -> _V:
        """Return the result for a key, by remembering it, joining the work, or beginning it.

        Args:
            key: What the work is about.
            wanting: Who wants it; one of the work's `wanting` while this waits.
            work: Makes the work, where there is none to join.
        """
        if (known := self.remembered(key)) is not None:
            return known
        if key in self._under_way:
            shared, task = self._under_way[key]
            shared.wanting.append(wanting)
            joins = True
        else:
            shared = work()
            shared.wanting.append(wanting)  # first: an eager task begins at once
            task = asyncio.create_task(self._run(key, shared))
            if not task.done():
                self._under_way[key] = shared, task
            joins = False
        try:
            if joins:
                await shared.catch_up(wanting)
            return await left_alone(task)
        except BaseException:
            shared.wanting.remove(wanting)
            if not shared.wanting:
                if not task.done():
                    self._leave(key, shared)  # whoever comes now starts anew
                await end([task])  # one that has failed by itself meanwhile is looked at, too
            raise

    def forget(self, key: Hashable, result: _V) -> None:
        """Drop a result that turned out to be of no use, unless another has replaced it."""
        if self._finished.get(key) is result:
            del self._finished[key]

    def _leave(self, key: Hashable, shared: Shareable[_V, _W]) -> None:
        if key in self._under_way and self._under_way[key][0] is shared:
            del self._under_way[key]

    async def _run(self, key: Hashable, shared: Shareable[_V, _W]) -> _V:
        try:
            result = await shared.run()
        finally:
            self._leave(key, shared)
        self._finished[key] = result
        while len(self._finished) > self._keep:
            self._finished.popitem(last=False)
        return result
