"""The times that a transport allows, and the watch over a transfer."""

import asyncio

import pytest

from audio_enhance import Timeouts
from audio_enhance._transfer.stall import StallWatch
from tests.support.virtual_time import in_virtual_time


@pytest.mark.parametrize(
    "wrong", [{"connect": 0}, {"request": -1}, {"stall": 0}, {"ready": 0}, {"processing": 0}]
)
def test_timeouts_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Timeouts(**wrong)


class TestWatch:
    def test_signs_of_life_keep_it_going(self) -> None:
        async def scene() -> str:
            watch = StallWatch(60)

            async def lively() -> str:
                for _ in range(100):
                    await asyncio.sleep(59)
                    watch.alive()
                return "done"

            return await watch.run(lively())

        assert in_virtual_time(scene()) == "done"

    def test_standing_still_ends_it_in_time(self) -> None:
        async def scene() -> float:
            loop = asyncio.get_running_loop()
            watch = StallWatch(60)

            async def falls_asleep() -> None:
                await asyncio.sleep(40)
                watch.alive()
                await asyncio.sleep(1000)

            with pytest.raises(TimeoutError):
                await watch.run(falls_asleep())
            return loop.time()

        assert in_virtual_time(scene()) == 100

    def test_it_can_watch_one_thing_after_the_other(self) -> None:
        async def scene() -> None:
            watch = StallWatch(60)
            for _ in range(3):
                await watch.run(asyncio.sleep(50))
            with pytest.raises(TimeoutError):
                await watch.run(asyncio.sleep(70))
            watch.alive()  # somebody late

        in_virtual_time(scene())

    def test_a_cancellation_stays_one(self) -> None:
        async def scene() -> None:
            task = asyncio.create_task(StallWatch(60).run(asyncio.sleep(1000)))
            await asyncio.sleep(10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        in_virtual_time(scene())

    def test_it_leaves_no_timer(self) -> None:
        async def scene() -> float:
            await StallWatch(60).run(asyncio.sleep(1))
            await asyncio.sleep(1000)
            return asyncio.get_running_loop().time()

        assert in_virtual_time(scene()) == 1001
