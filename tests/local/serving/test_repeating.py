import asyncio

from audio_enhance.local.serving.repeating import repeating
from tests.support.virtual_time import virtually


@virtually
async def test_it_is_done_again_and_again_until_nobody_needs_it() -> None:
    done: list[float] = []

    async def work() -> None:
        done.append(asyncio.get_running_loop().time())

    async with repeating(60, work):
        await asyncio.sleep(130)
    await asyncio.sleep(130)
    assert done == [60, 120]
    assert len(asyncio.all_tasks()) == 1


@virtually
async def test_what_fails_is_tried_again() -> None:
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        raise OSError(f"number {tries}")

    async with repeating(60, work):
        await asyncio.sleep(130)
    assert tries == 2
