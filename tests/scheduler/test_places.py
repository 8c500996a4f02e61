"""Places given out by priority: nobody is let in too early, and no place is ever lost."""

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from audio_enhance._scheduler.places import Places, Ticket


class Visitors:
    """Come and go by name, and write down who was let in, in which order."""

    def __init__(self, places: Places) -> None:
        self.places = places
        self.admitted: list[str] = []
        self.tickets: dict[str, Ticket] = {}

    def arrive(self, name: str, priority: int = 0) -> None:
        ticket = self.tickets[name] = self.places.arrive(priority)
        if ticket.inside:
            self.admitted.append(name)
        assert ticket.waited is not ticket.inside

    def leave(self, name: str) -> None:
        self.note(self.places.leave(self.tickets[name]))

    def note(self, tickets: Iterable[Ticket]) -> None:
        names = {ticket: name for name, ticket in self.tickets.items()}
        for ticket in tickets:
            assert ticket.inside
            self.admitted.append(names[ticket])


def test_as_many_as_there_are_places_get_in_and_the_next_when_one_leaves() -> None:
    visitors = Visitors(Places(2))
    for name in "abcd":
        visitors.arrive(name)
    assert visitors.admitted == ["a", "b"]
    visitors.leave("a")
    assert visitors.admitted == ["a", "b", "c"]
    visitors.leave("c")
    assert visitors.admitted == ["a", "b", "c", "d"]
    assert [visitors.tickets[name].waited for name in "abcd"] == [False, False, True, True]
    assert visitors.places.held == 2


def test_the_most_important_goes_first_then_the_order_of_arrival() -> None:
    visitors = Visitors(Places(1))
    for name, priority in [("x", 0), ("low", -1), ("b", 0), ("high", 5), ("c", 0), ("high2", 5)]:
        visitors.arrive(name, priority)
    for _ in range(5):
        visitors.leave(visitors.admitted[-1])
    assert visitors.admitted == ["x", "high", "high2", "b", "c", "low"]


def test_without_overtaking_what_is_important_still_waits_for_a_place() -> None:
    visitors = Visitors(Places(1))
    visitors.arrive("low", 0)
    visitors.arrive("high", 9)
    assert visitors.admitted == ["low"]


def test_with_overtaking_what_is_important_only_counts_its_like() -> None:
    visitors = Visitors(Places(2, overtaking=True))
    for name, priority in [("a", 0), ("b", 0), ("c", 0), ("high", 1), ("high2", 1), ("high3", 1)]:
        visitors.arrive(name, priority)
    assert visitors.admitted == ["a", "b", "high", "high2"]
    visitors.leave("a")  # two important ones are in the way of both who wait
    assert visitors.admitted == ["a", "b", "high", "high2"]
    visitors.leave("high")
    assert visitors.admitted[4:] == ["high3"]
    visitors.leave("high2")
    visitors.leave("high3")
    assert visitors.admitted[5:] == ["c"]


def test_one_who_gives_up_takes_no_place_and_holds_up_nobody() -> None:
    visitors = Visitors(Places(1))
    for name in "abc":
        visitors.arrive(name)
    assert visitors.places.waiting == 2
    visitors.leave("b")
    assert visitors.places.waiting == 1
    visitors.leave("a")
    assert visitors.admitted == ["a", "c"]
    assert visitors.places.held == 1
    assert visitors.places.waiting == 0


def test_leaving_twice_gives_one_place_back() -> None:
    visitors = Visitors(Places(1))
    for name in "abc":
        visitors.arrive(name)
    for name in "aaa":
        visitors.leave(name)
    assert visitors.admitted == ["a", "b"]
    for _ in range(2):
        visitors.leave("c")
    assert visitors.places.waiting == 0


def test_who_has_left_has_no_place_and_is_remembered_nowhere() -> None:
    visitors = Visitors(Places(2, overtaking=True))
    for priority in range(5):
        visitors.arrive(f"{priority}", priority)
    for priority in range(5):
        visitors.leave(f"{priority}")
    assert not any(ticket.inside for ticket in visitors.tickets.values())
    assert all(ticket.left for ticket in visitors.tickets.values())
    assert visitors.places._holders == {}  # of every priority that there ever was


def test_more_places_let_more_in_and_fewer_let_nobody_in_until_they_have_emptied() -> None:
    visitors = Visitors(Places(1))
    for name in "abcde":
        visitors.arrive(name)
    visitors.note(visitors.places.resize(3))
    assert visitors.places.count == 3
    assert visitors.admitted == ["a", "b", "c"]
    visitors.note(visitors.places.resize(1))
    visitors.leave("a")
    visitors.leave("b")
    assert visitors.admitted == ["a", "b", "c"]
    visitors.leave("c")
    assert visitors.admitted == ["a", "b", "c", "d"]


@given(
    places=st.integers(1, 4),
    overtaking=st.booleans(),
    history=st.lists(st.tuples(st.integers(-2, 2), st.integers(0, 9)), max_size=40),
)
def test_whatever_happens_no_place_is_lost_or_given_twice(
    places: int, overtaking: bool, history: list[tuple[int, int]]
) -> None:
    """Somebody arrives, then perhaps one of the others leaves, over and over."""
    gate = Places(places, overtaking=overtaking)
    there: list[Ticket] = []

    def check() -> None:
        inside = [ticket for ticket in there if ticket.inside]
        waiting = [ticket for ticket in there if not ticket.inside]
        assert (gate.held, gate.waiting) == (len(inside), len(waiting))
        for ticket in waiting:  # each has enough of its like, or better, in the way
            before = [each for each in inside if not overtaking or each.priority >= ticket.priority]
            assert len(before) >= places
        for like in Counter(ticket.priority if overtaking else 0 for ticket in inside).values():
            assert like <= places

    for priority, leaver in history:
        there.append(gate.arrive(priority))
        check()
        if leaver < len(there):
            gate.leave(there.pop(leaver))
            check()
    while there:
        gate.leave(there.pop())
    assert gate.held == gate.waiting == 0
