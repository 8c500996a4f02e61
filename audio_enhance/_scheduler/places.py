"""Who is let in next, where places are given out by priority."""

import heapq

import attrs


@attrs.define(eq=False, repr=False)
class Ticket:
    """One visitor, who waits for a place, has one, or has left.

    Attributes:
        priority: Higher goes first.
        waited: Whether there was no place for it when it came.
        inside: Whether it has a place.
        left: Whether it has given its place back, or given up waiting.
    """

    priority: int
    waited: bool = False
    inside: bool = False
    left: bool = False


class Places:
    """Gives a number of places out: to the most important first, then in order of arrival.

    Args:
        count: How many places there are.
        overtaking: Count only holders of the same or a higher priority against the places, so
            that what is important need not wait until something unimportant has left.
    """

    def __init__(self, count: int, *, overtaking: bool = False) -> None:
        self._count = count
        self._overtaking = overtaking
        self._holders: dict[int, int] = {}  # by priority, where that is asked for
        self._held = 0
        self._queue: list[tuple[int, int, Ticket]] = []
        self._arrivals = 0
        self._waiting = 0

    @property
    def count(self) -> int:
        """How many places there are."""
        return self._count

    @property
    def held(self) -> int:
        """How many are inside."""
        return self._held

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._waiting

    def arrive(self, priority: int) -> Ticket:
        """Return the ticket of somebody new, who is inside at once or waits."""
        ticket = Ticket(priority)
        # Nobody else is let in: who waited before still has the same in the way.
        if self._in_the_way_of(priority) < self._count:
            self._admit(ticket)
        else:
            ticket.waited = True
            self._arrivals += 1
            self._waiting += 1
            heapq.heappush(self._queue, (-priority, self._arrivals, ticket))
        return ticket

    def leave(self, ticket: Ticket) -> list[Ticket]:
        """Give a place back, or give up waiting for one; return who is let in now."""
        if ticket.left:
            return []
        ticket.left = True
        if not ticket.inside:
            self._waiting -= 1
            return []
        ticket.inside = False
        self._held -= 1
        if self._overtaking:
            self._holders[ticket.priority] -= 1
            if not self._holders[ticket.priority]:
                del self._holders[ticket.priority]
        return self._let_in()

    def resize(self, count: int) -> list[Ticket]:
        """Change how many places there are; return who is let in now."""
        self._count = count
        return self._let_in()

    def _let_in(self) -> list[Ticket]:
        admitted: list[Ticket] = []
        while self._queue:
            ticket = self._queue[0][2]
            if not ticket.left:
                if self._in_the_way_of(ticket.priority) >= self._count:
                    break
                self._admit(ticket)
                self._waiting -= 1
                admitted.append(ticket)
            heapq.heappop(self._queue)
        return admitted

    def _admit(self, ticket: Ticket) -> None:
        ticket.inside = True
        self._held += 1
        if self._overtaking:
            self._holders[ticket.priority] = self._holders.get(ticket.priority, 0) + 1

    def _in_the_way_of(self, priority: int) -> int:
        if not self._overtaking or self._held < self._count:
            return self._held
        return sum([n for held, n in self._holders.items() if held >= priority])
