"""What becomes of work whose owner is cancelled: ended, seen through, or left behind."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable
from contextvars import Context
from typing import Any, Generic, Self, TypeVar

_T = TypeVar("_T")


async def left_alone(future: "asyncio.Future[_T]") -> _T:
    """Return what a future or a task comes to; being cancelled meanwhile does it no harm.

    As `asyncio.shield`, which takes one more round of the event loop and twice the time.
    """
    return future.result() if future.done() else await _Watched(future)


class _Watched(Generic[_T]):
    """A future, to a task that waits for it and must not cancel it.

    The task takes it for the future that it waits for (`asyncio.isfuture`: "Future-like"), and
    is woken by the real one, without another in between that has to be told.
    """

    __slots__ = ("_asyncio_future_blocking", "_context", "_future", "_wake")

    def __init__(self, future: "asyncio.Future[_T]") -> None:
        self._future = future
        self._asyncio_future_blocking = True  # the task has to wait

    def __await__(self) -> Generator[Self, None, _T]:
        yield self
        return self._future.result()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the event loop, which the task compares with its own."""
        return self._future.get_loop()

    def add_done_callback(
        self, wake: "Callable[[asyncio.Future[_T]], object]", *, context: Context | None = None
    ) -> None:
        """Take what wakes the task: the future calls it by itself."""
        self._wake, self._context = wake, context
        self._future.add_done_callback(wake, context=context)

    def cancel(self, msg: object = None) -> bool:
        """Wake the task, which is cancelled, and not the future, which is not."""
        if self._future.done() or not self._future.remove_done_callback(self._wake):
            return False  # it wakes anyway, once
        cancelled: asyncio.Future[_T] = self.get_loop().create_future()
        cancelled.cancel(msg)
        self.get_loop().call_soon(self._wake, cancelled, context=self._context)
        return True


async def end(tasks: Iterable["asyncio.Task[Any]"]) -> None:
    """Cancel tasks, wait until they have ended, and look at what became of them.

    Being cancelled meanwhile is passed on to them, and takes effect when they have ended.
    """
    owned = list(tasks)
    cancelled = False
    while pending := [task for task in owned if not task.done()]:
        for task in pending:
            task.cancel()
        try:
            await asyncio.wait(pending)
        except asyncio.CancelledError:
            cancelled = True
    for task in owned:
        if not task.cancelled():
            task.exception()  # looked at, so that nobody complains that nobody did
    if cancelled:
        raise asyncio.CancelledError


async def seen_through(work: Coroutine[Any, Any, None]) -> None:
    """Await work to its end even when cancelled, which then takes effect afterwards."""
    task = asyncio.create_task(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    error = task.exception()
    if cancelled:
        raise asyncio.CancelledError
    if error is not None:
        raise error


async def ended(task: "asyncio.Task[Any]", *, within: float) -> None:
    """Wait for the end of a task, at most so many seconds, however often that is cancelled.

    For whoever was cancelled already, and is about to end for that reason.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + within
    while not task.done() and (left := until - loop.time()) > 0:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([task], timeout=left)


async def in_thread(work: Callable[[threading.Event], _T]) -> _T:
    """Run long work in a thread; when the caller is cancelled, it is told and left behind.

    The work must look at the event it is given often enough, and must own what it opens.
    """
    cancelled = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(None, work, cancelled)
    except asyncio.CancelledError:
        cancelled.set()
        raise


async def stopped_in_thread(work: Callable[[threading.Event], _T]) -> _T:
    """Run long work in a thread; when the caller is cancelled, it is told, and its end waited for.

    For work on files that its owner removes afterwards. It must look at the event it is given
    often enough.
    """
    cancelled = threading.Event()
    future = asyncio.get_running_loop().run_in_executor(None, work, cancelled)
    try:
        return await left_alone(future)
    except asyncio.CancelledError:
        cancelled.set()
        await _over(future)
        raise


async def _over(future: "asyncio.Future[Any]") -> None:
    """Wait for the end of what runs in a thread, however often that is cancelled."""
    while not future.done():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait([future])
    future.exception()  # looked at, so that nobody complains that nobody did


async def to_its_end(work: Callable[[], _T], undo: Callable[[_T], object] | None = None) -> _T:
    """Run short work in a thread and wait for its end even when cancelled.

    A file that is created, read or renamed by a thread that nobody waits for may appear after
    its owner has cleaned up, or be closed under the thread that reads it.

    Args:
        work: Done to its end.
        undo: Takes back what it returned, when the caller was cancelled and never sees that.
    """
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await left_alone(future)
    except asyncio.CancelledError:
        await _over(future)
        if future.exception() is None and undo is not None:
            undo(future.result())
        raise
