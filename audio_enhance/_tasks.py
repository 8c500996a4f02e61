"""The end of tasks: nobody leaves before the tasks that they own."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any


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
