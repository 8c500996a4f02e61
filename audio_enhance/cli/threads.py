"""What blocks, done in a thread."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

_T = TypeVar("_T")


async def to_its_end(work: Callable[[], _T]) -> _T:
    """Run short work in a thread, and wait for its end even when cancelled.

    A thread that nobody waits for writes to files that its owner has closed.
    """
    task = asyncio.create_task(asyncio.to_thread(work))
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        task.exception()  # looked at, so that nobody complains that nobody did
        raise asyncio.CancelledError
    return task.result()


async def abandonable(work: Callable[[], _T]) -> _T:
    """Run work in a thread that nobody waits for once this is cancelled.

    For what may never end: reading from somebody who sends nothing, or writing to somebody who
    reads nothing. The thread does not keep the process from ending either.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[_T] = loop.create_future()

    def settle(value: _T | None, error: BaseException | None) -> None:
        if result.done():  # nobody wants it any more
            return
        if error is not None:
            result.set_exception(error)
        else:
            result.set_result(value)  # type: ignore[arg-type]  # which `work` returned

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as raised:  # noqa: BLE001  whoever awaits it gets it
            error = raised
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, value, error)

    threading.Thread(target=run, name="abandonable", daemon=True).start()
    return await result
