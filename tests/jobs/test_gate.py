"""Waiting for a place: whoever is cancelled, at whatever moment, takes none along."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._jobs.gate import PriorityGate


async def test_a_free_place_is_had_at_once_and_a_taken_one_when_it_is_given_back() -> None:
    gate = PriorityGate(1)
    first = await gate.enter(0)
    assert not first.waited
    task = asyncio.create_task(gate.enter(0))
    await asyncio.sleep(0)
    assert (gate.held, gate.waiting) == (1, 1)
    gate.leave(first)
    gate.leave(first)  # a second time changes nothing
    assert (await task).waited
    assert (gate.held, gate.waiting) == (1, 0)


async def test_more_places_let_in_who_waits() -> None:
    gate = PriorityGate(1)
    tasks = [asyncio.create_task(gate.enter(0)) for _ in range(3)]
    await asyncio.sleep(0)
    gate.places = 3
    assert gate.places == 3
    assert [ticket.inside for ticket in await asyncio.gather(*tasks)] == [True] * 3


async def test_one_who_is_let_in_and_cancelled_at_once_gives_the_place_on() -> None:
    gate = PriorityGate(1)
    holder = await gate.enter(0)
    first = asyncio.create_task(gate.enter(0))
    second = asyncio.create_task(gate.enter(0))
    await asyncio.sleep(0)
    gate.leave(holder)  # lets the first one in, which has had no turn to notice it
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.result().inside
    assert gate.held == 1


async def test_one_who_is_cancelled_and_let_in_at_once_gives_the_place_on() -> None:
    gate = PriorityGate(1)
    holder = await gate.enter(0)
    first = asyncio.create_task(gate.enter(0))
    second = asyncio.create_task(gate.enter(0))
    await asyncio.sleep(0)
    first.cancel()
    gate.leave(holder)
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.result().inside
    assert (gate.held, gate.waiting) == (1, 0)


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError])
async def test_a_block_gives_its_place_back_however_it_ends(error: type[BaseException]) -> None:
    gate = PriorityGate(1)
    with pytest.raises(error):
        async with gate.place(3):
            assert gate.held == 1
            raise error
    assert gate.held == 0


@given(
    places=st.integers(1, 4),
    overtaking=st.booleans(),
    seed=st.integers(0, 10_000),
    priorities=st.lists(st.integers(-2, 2), max_size=25),
)
def test_whatever_happens_no_place_is_lost_or_given_twice(
    places: int, overtaking: bool, seed: int, priorities: list[int]
) -> None:
    chance = random.Random(seed)

    async def visit(gate: PriorityGate, priority: int, check: Callable[[], None]) -> None:
        async with gate.place(priority):
            check()
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
            check()

    async def scenario() -> None:
        gate = PriorityGate(places, overtaking=overtaking)

        def check() -> None:
            assert gate.held <= places * (len(set(priorities)) if overtaking else 1)

        tasks = [asyncio.create_task(visit(gate, priority, check)) for priority in priorities]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(0)
            if chance.random() < 0.2:
                chance.choice(tasks).cancel()
        for task in tasks:
            assert task.cancelled() or task.exception() is None
        assert gate.held == gate.waiting == 0
        assert gate._admitted == {}  # of all who ever waited

    asyncio.run(scenario())
