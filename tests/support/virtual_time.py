"""An event loop whose time passes only while nobody has anything to do.

Waiting takes no time, and whatever else happens takes none of the loop's: a test of hours runs in a
moment, and sees the same on an idle machine and on a busy one. HTTP is real, over sockets of the
operating system. It would not be safe to let time pass while a byte is on its way, and TCP may hold
bytes back for a moment even on one machine. So both ends of a connection within the loop are a pair
of sockets, where what one end has written the other can read at once. The loop waits for threads
that were given work, for child processes, and for connections that lead elsewhere.
"""

import asyncio
import selectors
import socket
from collections.abc import Awaitable, Callable, Coroutine, Generator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from functools import partial, wraps
from math import ulp
from typing import Any, ParamSpec, TypeVar, TypeVarTuple, Unpack
from weakref import WeakKeyDictionary

from audio_enhance._journal.database import Database

_T = TypeVar("_T")
_P = ParamSpec("_P")
_Ts = TypeVarTuple("_Ts")

# When a test has waited so long, in real seconds, for what is neither time nor at work, it hangs.
_HANGS = 60.0


class _Selector(selectors.DefaultSelector):
    """Lets time pass instead of waiting for a timer."""

    def __init__(self, now: float) -> None:
        super().__init__()
        self.now = now
        self.busy = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if timeout is not None and not self.busy:
            self.now += timeout
            return ready
        ready = super().select(_HANGS)
        if not ready and not self.busy:
            raise RuntimeError("everybody waits, and nobody for time")
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop; its `time` is the only one that passes.

    Args:
        now: The time at which it begins.
    """

    def __init__(self, now: float = 1_000_000.0) -> None:
        self._waiting = _Selector(now)
        self._listening: dict[int, tuple[asyncio.Server, Callable[[], asyncio.BaseProtocol]]] = {}
        self._dialled: WeakKeyDictionary[socket.socket, int] = WeakKeyDictionary()
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.now

    @property
    def _clock_resolution(self) -> float:
        # Timers are due so much before their time. The usual billionth of a second would do harm
        # here: two who wait for less, and find that it is not yet time, would wake each other for
        # ever, since time does not pass by itself.
        return ulp(self.time())

    @_clock_resolution.setter
    def _clock_resolution(self, of_the_machine: float) -> None:
        pass

    def begin(self) -> None:
        """Say that somebody is at work whom the loop cannot see."""
        self._waiting.busy += 1

    def end(self) -> None:
        """Say that the work has ended."""
        self._waiting.busy -= 1

    def _ended(self, _: object) -> None:
        self.end()

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Let no time pass."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    # Threads

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> "asyncio.Future[_T]":
        future = super().run_in_executor(executor, func, *args)
        self.begin()
        future.add_done_callback(self._ended)
        return future

    async def shutdown_default_executor(self, *arguments: Any) -> None:
        with self.at_work():
            await super().shutdown_default_executor(*arguments)

    # Processes

    async def _make_subprocess_transport(self, *arguments: Any, **options: Any) -> Any:
        transport: asyncio.SubprocessTransport
        transport = await super()._make_subprocess_transport(  # type: ignore[misc]
            *arguments, **options
        )
        self.begin()
        ended = asyncio.ensure_future(transport._wait(), loop=self)  # type: ignore[attr-defined]
        ended.add_done_callback(self._ended)
        return transport

    # Connections

    async def create_server(self, protocol_factory: Any, *arguments: Any, **options: Any) -> Any:
        server = await super().create_server(protocol_factory, *arguments, **options)
        if options.get("ssl") is None:
            for listening in server.sockets:
                self._listening[listening.getsockname()[1]] = server, protocol_factory
        return server

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        if self._listens(address[1]):
            self._dialled[sock] = address[1]
            return
        with self.at_work():
            await super().sock_connect(sock, address)

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, **options: Any
    ) -> Any:
        dialled: Any = options.get("sock")
        if dialled in self._dialled:
            port = self._dialled.pop(options.pop("sock"))
            dialled.close()
        elif not self._listens(port):
            return await super().create_connection(protocol_factory, host, port, **options)
        near, far = socket.socketpair()
        near.setblocking(False)
        far.setblocking(False)
        try:
            await self.connect_accepted_socket(self._listening[port][1], far)
        except BaseException:
            near.close()
            raise
        return await super().create_connection(protocol_factory, sock=near, **options)

    def _listens(self, port: Any) -> bool:
        return port in self._listening and self._listening[port][0].is_serving()


def _counted(method: Callable[..., Awaitable[_T]]) -> Callable[..., Awaitable[_T]]:
    @wraps(method)
    async def counted(*arguments: Any, **options: Any) -> _T:
        loop = asyncio.get_running_loop()
        with loop.at_work() if isinstance(loop, VirtualLoop) else nullcontext():
            return await method(*arguments, **options)

    return counted


# The journal has a thread of its own, which no executor knows.
for _name in ("open", "rows", "run", "close"):
    if hasattr(Database, _name):
        setattr(Database, _name, _counted(getattr(Database, _name)))


class LoopClock:
    """The clock of the running loop, for what is handed one.

    Args:
        epoch: What is added to its time for the time of day.
    """

    def __init__(self, epoch: float = 1_700_000_000.0) -> None:
        self._epoch = epoch

    @property
    def now(self) -> float:
        """The loop's time."""
        return asyncio.get_running_loop().time()

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self._epoch + self.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def in_virtual_time(work: Coroutine[Any, Any, _T], *, now: float = 0.0) -> _T:
    """Run a coroutine on a virtual loop of its own, which begins at a time."""
    with asyncio.Runner(loop_factory=partial(VirtualLoop, now)) as runner:
        return runner.run(work)


def virtually(test: Callable[_P, Coroutine[Any, Any, None]]) -> Callable[_P, None]:
    """Run a test `in_virtual_time`, from zero."""

    @wraps(test)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        in_virtual_time(test(*args, **kwargs))

    return run
