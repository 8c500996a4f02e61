"""Work that is done again and again for as long as somebody needs it."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

_log = logging.getLogger("audio_enhance.local")


@contextlib.asynccontextmanager
async def repeating(seconds: float, work: Callable[[], Awaitable[None]]) -> AsyncGenerator[None]:
    """Do some work every so many seconds; what fails is logged, and tried again the next time."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except Exception:  # noqa: BLE001  whatever it is, the next time may do better
                _log.exception("Will be tried again in %g s", seconds)

    task = asyncio.create_task(repeat(), name="audio-enhance-repeating")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
