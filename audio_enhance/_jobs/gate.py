"""Waits for a place, where they are given out by priority."""

import asyncio
from collections.abc import Iterable

from audio_enhance._scheduler.places import Places, Ticket


class PriorityGate:
    """Lets a number of holders in at once; who is next is decided by its `Places`.

    Args:
        places: How many holders there may be.
        overtaking: Count only holders of the same or a higher priority against the places.
    """

    def __init__(self, places: int, *, overtaking: bool = False) -> None:
        self._places = Places(places, overtaking=overtaking)
        self._admitted: dict[Ticket, asyncio.Future[None]] = {}

    @property
    def places(self) -> int:
        """How many holders there may be; may be changed at any time."""
        return self._places.count

    @places.setter
    def places(self, places: int) -> None:
        self._let_in(self._places.resize(places))

    @property
    def held(self) -> int:
        """How many holders there are."""
        return self._places.held

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._places.waiting

    async def enter(self, priority: int) -> Ticket:
        """Wait for a place, and return the ticket with which `leave` gives it back."""
        ticket = self._places.arrive(priority)
        if not ticket.inside:
            admitted = self._admitted[ticket] = asyncio.get_running_loop().create_future()
            try:
                await admitted
            except asyncio.CancelledError:
                self.leave(ticket)  # also when it was let in at the same moment
                raise
            finally:
                del self._admitted[ticket]
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Give a place back; a second time changes nothing."""
        self._let_in(self._places.leave(ticket))

    def place(self, priority: int) -> "_Visit":
        """Hold a place for the length of a block, with `async with`."""
        return _Visit(self, priority)

    def _let_in(self, tickets: Iterable[Ticket]) -> None:
        for ticket in tickets:
            admitted = self._admitted[ticket]
            if not admitted.done():  # cancelled just now: it will leave by itself
                admitted.set_result(None)


class _Visit:
    """One holder's stay."""

    __slots__ = ("_gate", "_priority", "_ticket")

    def __init__(self, gate: PriorityGate, priority: int) -> None:
        self._gate = gate
        self._priority = priority

    async def __aenter__(self) -> None:
        self._ticket = await self._gate.enter(self._priority)

    async def __aexit__(self, *exception: object) -> None:
        self._gate.leave(self._ticket)
