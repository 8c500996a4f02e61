"""A thread and an event loop of its own, for who has none: synchronous programs and tests."""

import asyncio
from collections.abc import Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, contextmanager


@contextmanager
def on_its_own_thread(context: AbstractAsyncContextManager[object]) -> Generator[None]:
    """Keep an async context open on another thread until the block ends.

    What it raises at its start or its end is raised here.
    """
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def stay_open() -> None:
        ended = asyncio.Event()
        async with context:
            started.set_result((asyncio.get_running_loop(), ended))
            await ended.wait()

    def run() -> None:
        try:
            asyncio.run(stay_open())
        except BaseException as error:
            if started.done():
                raise
            started.set_exception(error)

    with ThreadPoolExecutor(1, thread_name_prefix="audio_enhance") as threads:
        over = threads.submit(run)
        loop, ended = started.result()
        try:
            yield
        finally:
            loop.call_soon_threadsafe(ended.set)
            over.result()
