import asyncio

import pytest

from audio_enhance._transfer.pacing import Pacing


async def rounds_until(task: "asyncio.Task[None]") -> int:
    rounds = 0
    while not task.done():
        await asyncio.sleep(0)
        rounds += 1
    return rounds


async def test_whoever_is_alone_waits_for_the_next_round_only() -> None:
    turns = Pacing()
    with turns:
        assert await rounds_until(asyncio.create_task(turns.take())) <= 2


async def test_one_in_each_round_and_in_order() -> None:
    turns = Pacing()
    taken: list[tuple[int, int]] = []
    now = 0

    async def transfer(number: int) -> None:
        with turns:
            for _ in range(3):
                await turns.take()
                taken.append((now, number))

    tasks = [asyncio.create_task(transfer(number)) for number in range(4)]
    while not all(task.done() for task in tasks):
        now += 1
        await asyncio.sleep(0)
    rounds = [when for when, _ in taken[:9]]
    assert len(set(rounds)) == 9  # while several were left, no round had two turns
    assert [number for _, number in taken[:8]] == [0, 1, 2, 3] * 2


async def test_a_turn_of_somebody_who_was_cancelled_is_the_next_ones() -> None:
    turns = Pacing()
    with turns, turns:
        first, second = (asyncio.create_task(turns.take()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await second
        with pytest.raises(asyncio.CancelledError):
            await first
        await turns.take()


async def test_everybody_may_be_cancelled() -> None:
    turns = Pacing()
    with turns, turns:
        tasks = [asyncio.create_task(turns.take()) for _ in range(3)]
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await turns.take()
