"""How many functions are called, whatever else the machine does."""

import asyncio
import sys
import threading
from collections import Counter
from types import CodeType, FrameType
from typing import Any, Self

_LOOP = asyncio.BaseEventLoop
_OF_INTEREST: dict[CodeType, str] = {
    _LOOP.create_task.__code__: "tasks",
    _LOOP.create_future.__code__: "futures",
    _LOOP.call_soon.__code__: "handles",
    _LOOP.call_soon_threadsafe.__code__: "handles",
    _LOOP.call_at.__code__: "timers",
    _LOOP.run_in_executor.__code__: "hops",
}


class Calls:
    """Counts calls from `__enter__` to `__exit__`, in this thread and in those that it begins.

    A coroutine counts each time it goes on. Counted by name as well: tasks, futures, what the event
    loop is asked to do (handles, timers), and work that is handed to threads (hops).
    """

    def __init__(self) -> None:
        self._counted = Counter[str]()
        self._counting = False
        threading.setprofile(self._count)  # threads that begin before `__enter__` are used then

    def __enter__(self) -> Self:
        self._counting = True
        sys.setprofile(self._count)
        return self

    def __exit__(self, *exception: object) -> None:
        sys.setprofile(None)
        self._counting = False

    def _count(self, frame: FrameType, event: str, _: Any) -> None:
        if not self._counting:
            return
        if event == "call":
            self._counted["calls"] += 1
            if (name := _OF_INTEREST.get(frame.f_code)) is not None:
                self._counted[name] += 1
        elif event == "c_call":
            self._counted["calls"] += 1

    def as_json(self) -> dict[str, float]:
        """Return the figures."""
        names = ("calls", *dict.fromkeys(_OF_INTEREST.values()))
        return {name: self._counted[name] for name in names}
