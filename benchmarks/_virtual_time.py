"""An event loop whose time passes only while nobody has anything to do.

Real sockets, real threads and real files: only waiting takes no time. Whatever waits for a timer
wakes at exactly that time, and everything else takes none: a batch of hours runs in minutes, and
gives the same figures on every machine.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Executor
from socket import socket
from typing import Any, TypeVar, TypeVarTuple, Unpack

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
# How long a byte may be on its way from one socket of this machine to another, in real seconds.
_ON_THE_WAY = 0.00002


class _Selector(selectors.DefaultSelector):
    """Lets time pass instead of waiting for a timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000_000.0
        self.busy = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.busy or timeout is None:
            # A thread or another process has something to do, or a connection is being made:
            # where many are at once, the machine has some of them try again after a second.
            return super().select(None)
        time.sleep(_ON_THE_WAY)
        ready = super().select(0)
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """The loop; its `time` is the only one that passes."""

    def __init__(self) -> None:
        self._waiting = _Selector()
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.now

    async def sock_connect(self, sock: socket, address: Any) -> None:
        self._waiting.busy += 1
        try:
            await super().sock_connect(sock, address)
        finally:
            self._waiting.busy -= 1

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> "asyncio.Future[_T]":
        future = super().run_in_executor(executor, func, *args)
        self._waiting.busy += 1
        future.add_done_callback(self._returned)
        return future

    def _returned(self, _: "asyncio.Future[Any]") -> None:
        self._waiting.busy -= 1


class LoopClock:
    """The clock of the running loop, for what is handed one."""

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    def time(self) -> float:
        return 1_700_000_000.0 + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(work)
