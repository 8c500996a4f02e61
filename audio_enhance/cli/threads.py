"""What blocks, done in a thread."""

import asyncio
from collections.abc import Callable
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
