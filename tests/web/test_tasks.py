"""Work in the background ends when nobody wants it, and all of it at the end."""

import asyncio

from audio_enhance.web._tasks import Tasks


async def test_one_is_stopped_and_then_the_rest() -> None:
    tasks = Tasks[str]()
    for name in ("one", "two"):
        tasks[name] = asyncio.create_task(asyncio.sleep(3600))
    tasks.stop("nobody")
    tasks.stop("one")
    await asyncio.wait([tasks["one"]])
    assert not tasks["two"].done()
    await tasks.close()
    assert all(task.cancelled() for task in tasks.values())
    await Tasks[str]().close()
