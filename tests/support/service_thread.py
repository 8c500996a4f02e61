"""A local service in a thread and an event loop of its own, for tests that run several loops."""

import asyncio
import threading
from collections.abc import Generator
from contextlib import contextmanager

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal


@contextmanager
def service_in_a_thread() -> Generator[LocalService]:
    """Run a service that rehearses until the block ends."""
    started, loop = threading.Event(), asyncio.new_event_loop()
    service = LocalService(enhancer=Rehearsal())
    ended = asyncio.Event()

    async def serve() -> None:
        async with service:
            started.set()
            await ended.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), name="service")
    thread.start()
    try:
        assert started.wait(10)
        yield service
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()
        loop.close()
