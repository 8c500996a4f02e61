"""Turns: so many at a time, in the order in which they came, however many there may be."""

import asyncio
from collections.abc import Callable

from audio_enhance.local.api.turns import Turns


class Visitors:
    """Tasks that each take a turn, and stay until they are told to go."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.inside: list[int] = []
        self.go = {number: asyncio.Event() for number in range(6)}
        self.tasks = [asyncio.create_task(self._visit(number)) for number in self.go]

    async def _visit(self, number: int) -> None:
        async with self._turns.turn():
            self.inside.append(number)
            try:
                await self.go[number].wait()
            finally:
                self.inside.remove(number)

    async def after(self, happened: Callable[[], object]) -> list[int]:
        happened()
        for _ in range(4):
            await asyncio.sleep(0)
        return self.inside

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


async def test_so_many_have_their_turn_in_the_order_of_their_arrival() -> None:
    turns = Turns(2)
    visitors = Visitors(turns)
    assert await visitors.after(lambda: None) == [0, 1]
    assert await visitors.after(visitors.go[1].set) == [0, 2]
    assert await visitors.after(lambda: turns.resize(4)) == [0, 2, 3, 4]
    await visitors.after(lambda: turns.resize(1))
    for number in (0, 2, 3):
        await visitors.after(visitors.go[number].set)
    assert visitors.inside == [4]
    assert await visitors.after(visitors.go[4].set) == [5]
    await visitors.leave()


async def test_whoever_gives_up_is_in_nobodys_way() -> None:
    turns = Turns(1)
    visitors = Visitors(turns)
    await visitors.after(lambda: None)
    visitors.tasks[1].cancel()
    assert await visitors.after(visitors.go[0].set) == [2]
    assert await visitors.after(visitors.tasks[2].cancel) == [3]
    await visitors.leave()


async def test_without_a_number_all_have_their_turn() -> None:
    visitors = Visitors(Turns())
    assert await visitors.after(lambda: None) == [0, 1, 2, 3, 4, 5]
    await visitors.leave()
