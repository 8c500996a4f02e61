"""Places given out by priority: nobody is let in too early, and no place is ever lost."""

import asyncio
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._scheduler.places import PriorityGate


class Visitors:
    """Enters a gate in the background and writes down who was let in, in which order."""

    def __init__(self, gate: PriorityGate) -> None:
        self.gate = gate
        self.admitted: list[str] = []
        self.waited: dict[str, bool] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._priorities: dict[str, int] = {}

    async def arrive(self, name: str, priority: int = 0) -> None:
        self._priorities[name] = priority
        self._tasks[name] = asyncio.create_task(self._enter(name, priority))
        await turns()

    async def _enter(self, name: str, priority: int) -> None:
        self.waited[name] = await self.gate.enter(priority)
        self.admitted.append(name)

    async def leave(self, name: str) -> None:
        self.gate.leave(self._priorities[name])
        await turns()

    async def give_up(self, name: str) -> None:
        self._tasks[name].cancel()
        await asyncio.wait([self._tasks[name]])
        assert self._tasks[name].cancelled()


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_places_get_in_and_the_next_when_one_leaves() -> None:
    visitors = Visitors(PriorityGate(2))
    for name in "abcd":
        await visitors.arrive(name)
    assert visitors.admitted == ["a", "b"]
    await visitors.leave("a")
    assert visitors.admitted == ["a", "b", "c"]
    await visitors.leave("c")
    assert visitors.admitted == ["a", "b", "c", "d"]
    assert visitors.waited == {"a": False, "b": False, "c": True, "d": True}
    assert visitors.gate.held == 2


async def test_the_most_important_goes_first_then_the_order_of_arrival() -> None:
    visitors = Visitors(PriorityGate(1))
    for name, priority in [("x", 0), ("low", -1), ("b", 0), ("high", 5), ("c", 0), ("high2", 5)]:
        await visitors.arrive(name, priority)
    for _ in range(5):
        await visitors.leave(visitors.admitted[-1])
    assert visitors.admitted == ["x", "high", "high2", "b", "c", "low"]


async def test_without_overtaking_what_is_important_still_waits_for_a_place() -> None:
    visitors = Visitors(PriorityGate(1))
    await visitors.arrive("low", 0)
    await visitors.arrive("high", 9)
    assert visitors.admitted == ["low"]


async def test_with_overtaking_what_is_important_only_counts_its_like() -> None:
    visitors = Visitors(PriorityGate(2, overtaking=True))
    for name, priority in [("a", 0), ("b", 0), ("c", 0), ("high", 1), ("high2", 1), ("high3", 1)]:
        await visitors.arrive(name, priority)
    assert visitors.admitted == ["a", "b", "high", "high2"]
    await visitors.leave("a")  # two important ones are in the way of both who wait
    assert visitors.admitted == ["a", "b", "high", "high2"]
    await visitors.leave("high")
    assert visitors.admitted[4:] == ["high3"]
    await visitors.leave("high2")
    await visitors.leave("high3")
    assert visitors.admitted[5:] == ["c"]


async def test_one_who_gives_up_takes_no_place_and_holds_up_nobody() -> None:
    visitors = Visitors(PriorityGate(1))
    for name in "abc":
        await visitors.arrive(name)
    assert visitors.gate.waiting == 2
    await visitors.give_up("b")
    assert visitors.gate.waiting == 1
    await visitors.leave("a")
    assert visitors.admitted == ["a", "c"]
    assert visitors.gate.held == 1


async def test_one_who_is_let_in_and_cancelled_at_once_gives_the_place_on() -> None:
    gate = PriorityGate(1)
    await gate.enter(0)
    first = asyncio.create_task(gate.enter(0))
    second = asyncio.create_task(gate.enter(0))
    await turns()
    gate.leave(0)  # lets the first one in, which has had no turn to notice it
    first.cancel()
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.result() is True
    assert gate.held == 1


async def test_more_places_let_more_in_and_fewer_let_nobody_in_until_they_have_emptied() -> None:
    visitors = Visitors(PriorityGate(1))
    for name in "abcde":
        await visitors.arrive(name)
    visitors.gate.places = 3
    await turns()
    assert visitors.admitted == ["a", "b", "c"]
    visitors.gate.places = 1
    await visitors.leave("a")
    await visitors.leave("b")
    assert visitors.admitted == ["a", "b", "c"]
    await visitors.leave("c")
    assert visitors.admitted == ["a", "b", "c", "d"]


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

    asyncio.run(scenario())
