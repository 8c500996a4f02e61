"""Whatever happens: a window and its places, next to a server that nobody else sees into."""

import math
from collections import Counter

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from audio_enhance import EnhancementStatus, PollPolicy
from audio_enhance._scheduler.places import Places, Ticket
from audio_enhance._scheduler.polling import LONGEST_HOLD
from audio_enhance._scheduler.window import Window

from .replay import MP3, WAV, described, server_time

POLICY = PollPolicy()
# What the server may ask for with an answer: nothing mostly, and more than anybody waits.
WISHES = st.sampled_from([None, None, None, 0.0, 20.0, 900.0, LONGEST_HOLD + 1])


@attrs.define(eq=False)
class Work:
    """An enhancement at the server, or on its way there.

    Attributes:
        seconds: How long the server works on it.
        freed: The end that gave its place.
        requested: When the server had it.
        began: When it began with it.
        ended: When it ended.
        since: When it last became the head, as far as the client knows.
        questions: How often was asked since.
        not_before: When the server wishes to be asked about it at the earliest.
    """

    id: str
    size: int
    content_type: str
    seconds: float
    succeeds: bool
    ticket: Ticket
    freed: float | None
    requested: float = math.nan
    began: float = math.nan
    ended: float = math.nan
    since: float = math.nan
    questions: int = 0
    not_before: float = -math.inf

    def status(self, now: float) -> EnhancementStatus:
        if now >= self.ended:
            return EnhancementStatus.SUCCEEDED if self.succeeds else EnhancementStatus.FAILED
        return EnhancementStatus.PROCESSING if now >= self.began else EnhancementStatus.QUEUED

    def hold(self, now: float, wish: float | None) -> None:
        """Note what the server asked for, of which an hour is heeded."""
        if wish is not None:
            self.not_before = now + min(wish, LONGEST_HOLD)


class Histories(RuleBasedStateMachine):
    """Creations whose answers overtake each other, neighbours, failures, an absent network."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.window = Window(POLICY)
        self.places = Places(self.window.depth)
        self.wanted: dict[Ticket, tuple[int, str, float, bool]] = {}
        self.creating: list[Work] = []  # at the server, and the client does not know yet
        self.known: dict[str, Work] = {}
        self.over: Counter[str] = Counter()
        self.made = 0
        self.free_at = 0.0

    # What the client wants

    @rule(
        size=st.sampled_from([1000, 100_000, 1_000_000]),
        content_type=st.sampled_from([WAV, MP3]),
        slowness=st.sampled_from([0.1, 1.0, 1.0, 30.0]),
        succeeds=st.sampled_from([True, True, True, False]),
        priority=st.integers(-1, 1),
    )
    def want(
        self, size: int, content_type: str, slowness: float, succeeds: bool, priority: int
    ) -> None:
        seconds = slowness * size / (50_000 if content_type == WAV else 5_000)
        ticket = self.places.arrive(priority)
        self.wanted[ticket] = size, content_type, seconds, succeeds
        if ticket.inside:
            self.create(ticket, None)

    @precondition(lambda self: any(not ticket.inside for ticket in self.wanted))
    @rule(which=st.integers(0, 99))
    def want_no_longer(self, which: int) -> None:
        waiting = [ticket for ticket in self.wanted if not ticket.inside]
        ticket = waiting[which % len(waiting)]
        del self.wanted[ticket]
        assert self.places.leave(ticket) == []

    def create(self, ticket: Ticket, freed: float | None) -> None:
        size, content_type, seconds, succeeds = self.wanted.pop(ticket)
        work = Work(f"e{self.made}", size, content_type, seconds, succeeds, ticket, freed)
        self.made += 1
        self.now += 0.001  # no two at the same time
        work.requested = self.now
        work.began = max(self.now, self.free_at)
        work.ended = self.free_at = work.began + seconds
        self.creating.append(work)
        assert self.places.held <= self.places.count

    def leave(self, ticket: Ticket) -> None:
        for admitted in self.places.leave(ticket):
            self.create(admitted, self.freed)

    @property
    def freed(self) -> float | None:
        freed = self.window.freed
        return None if freed is None else (freed - server_time(0.0)).total_seconds()

    # What is heard of it

    @precondition(lambda self: self.creating)
    @rule(
        which=st.sampled_from([0, 0, 0, 1, 2]),
        late=st.sampled_from([0.05, 0.05, 40.0]),
        wish=WISHES,
    )
    def hear_of_a_creation(self, which: int, late: float, wish: float | None) -> None:
        work = self.creating.pop(which % len(self.creating))
        self.now += late
        self.known[work.id] = work
        work.hold(self.now, wish)
        self.window.submitted(
            described(work.id, work.requested, retry_after=wish),
            work.size,
            work.content_type,
            self.now,
            freed=None if work.freed is None else server_time(work.freed),
        )
        for admitted in self.places.resize(self.window.depth):
            self.create(admitted, self.freed)
        self.begin()

    @precondition(lambda self: self.creating)
    @rule()
    def hear_of_a_refusal(self) -> None:
        """The server has it, and its answer was lost: nothing will ever be known of it."""
        work = self.creating.pop()
        self.window.refused()
        self.leave(work.ticket)

    @rule()
    def take_up(self) -> None:
        """What an earlier run has left there, which has no place in the window."""
        ticket = Ticket(0)
        ticket.left = True
        work = Work(f"e{self.made}", 100_000, WAV, 2.0, True, ticket, None)
        self.made += 1
        self.now += 0.001
        work.requested, work.began = self.now, max(self.now, self.free_at)
        work.ended = self.free_at = work.began + work.seconds
        self.known[work.id] = work
        self.window.taken_up(described(work.id, work.requested), work.size, WAV, self.now)
        self.begin()

    @rule(seconds=st.floats(0.01, 100.0))
    def let_time_pass(self, seconds: float) -> None:
        self.now += seconds

    @rule(seconds=st.floats(0.1, 300.0))
    def neighbour(self, seconds: float) -> None:
        """Another process has something done in the same queue, before what comes next."""
        self.free_at = max(self.now, self.free_at) + seconds

    @precondition(lambda self: self.window.next_question)
    @rule(wish=WISHES)
    def ask(self, wish: float | None) -> None:
        work = self.asked()
        status = work.status(self.now)
        ended = work.ended if status.finished else None
        found = described(work.id, work.requested, status, ended, wish)
        work.hold(self.now, wish)
        given_up = self.window.answered(work.id, found, self.now)
        assert given_up is None or self.now - work.since > 1800.0
        if status.finished or given_up:
            self.end(work)

    @precondition(lambda self: self.window.next_question)
    @rule(times=st.integers(1, 20))
    def ask_all_the_time(self, times: int) -> None:
        for _ in range(times):
            if self.window.next_question is not None:
                self.ask(None)

    @precondition(lambda self: self.window.next_question)
    @rule(wish=WISHES)
    def ask_in_vain(self, wish: float | None) -> None:
        work = self.asked()
        given_up = self.window.unanswered(work.id, self.now, wish)
        assert given_up or wish is None or wish <= LONGEST_HOLD
        if given_up:
            self.end(work)

    @precondition(lambda self: self.window.next_question)
    @rule()
    def hear_that_it_is_gone(self) -> None:
        work = self.asked()
        self.window.gone(work.id, self.now)
        self.end(work)

    def asked(self) -> Work:
        question = self.window.next_question
        assert question is not None
        work = self.known[question.id]
        self.now = max(self.now, question.at) + 0.05
        work.questions += 1
        took = self.now - work.since
        # A few about its expected end, then ever fewer, and at least one in so many seconds.
        assert work.questions <= 20 + 20 * math.log1p(took) + took / POLICY.longest
        return work

    def end(self, work: Work) -> None:
        del self.known[work.id]
        self.over[work.id] += 1
        self.leave(work.ticket)
        self.begin()

    def begin(self) -> None:
        """Count anew for whichever is the head now, and was not."""
        for place, key in enumerate(self.window.ids):
            work = self.known[key]
            if place == 0 and math.isnan(work.since):
                work.since, work.questions = self.now, 0
            elif place:
                work.since = math.nan

    # What is always so

    @invariant()
    def nothing_is_forgotten_and_nothing_ends_twice(self) -> None:
        assert set(self.window.ids) == set(self.known)
        assert all(times == 1 for times in self.over.values())

    @invariant()
    def the_oldest_comes_first_and_is_the_one_to_ask_about(self) -> None:
        ages = [self.known[key].requested for key in self.window.ids]
        assert ages == sorted(ages)
        question = self.window.next_question
        assert (question.id if question else None) == next(iter(self.window.ids), None)

    @invariant()
    def whoever_waits_finds_the_window_full(self) -> None:
        assert 2 <= self.window.depth == self.places.count <= 32
        held = sum(not work.ticket.left for work in self.known.values()) + len(self.creating)
        assert held == self.places.held
        if self.wanted:
            assert held >= self.window.depth

    @invariant()
    def a_question_is_never_far(self) -> None:
        """Not after the expected end, the longest wait, or what the server asks for."""
        question = self.window.next_question
        if question is None:
            return
        work = self.known[question.id]
        known = self.window.estimate.expected(work.content_type, work.size) or 0.0
        longest = POLICY.longest * 0.85 * 1.1 / POLICY.share
        late = self.now + max(known * 1.1 + 45.0, longest)
        # The window adds a wait to the time, which may round otherwise.
        assert question.at - work.not_before >= -1e-6
        assert question.at <= max(late, work.not_before) + 1e-6


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


# A server that takes in proportion, and a client that always has something ready, none so large
# that the others say little of it.


@attrs.frozen
class Played:
    """What became of a line of jobs.

    Attributes:
        idle: The seconds that the server had nothing to do, while something was ready.
        questions: How many there were for each job, in order.
    """

    idle: float
    questions: list[int]


def play(sizes: list[int], bytes_a_second: float, round_trip: float = 0.1) -> Played:
    """Send jobs through a window, one after the other, as soon as there is a place."""
    window, now, free_at, idle = Window(POLICY), 0.0, 0.0, 0.0
    ends: dict[str, float] = {}
    begun: dict[str, float] = {}
    questions: Counter[str] = Counter()
    ready = [(f"e{number:04}", size) for number, size in enumerate(sizes)]
    while ready or window.ids:
        while ready and len(window.ids) < window.depth:
            key, size = ready.pop(0)
            requested = now + round_trip / 2
            if free_at:
                idle += max(0.0, requested - free_at)
            freed = window.freed if len(window.ids) + 1 == window.depth and ends else None
            begun[key] = requested
            free_at = ends[key] = max(requested, free_at) + size / bytes_a_second
            now += round_trip
            window.submitted(described(key, requested), size, WAV, now, freed=freed)
        question = window.next_question
        assert question is not None
        now = max(now, question.at)
        questions[question.id] += 1
        over = now + round_trip / 2 >= ends[question.id]
        now += round_trip
        status = EnhancementStatus.SUCCEEDED if over else EnhancementStatus.PROCESSING
        ended = ends[question.id] if over else None
        found = described(question.id, begun[question.id], status, ended)
        assert window.answered(question.id, found, now) is None
    return Played(idle, [questions[key] for key in begun])


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(1_000_000, 3_000_000), min_size=8, max_size=40),
    bytes_a_second=st.sampled_from([3_000.0, 30_000.0, 100_000.0]),
)
def test_a_server_with_work_ready_hardly_idles_and_is_hardly_asked(
    sizes: list[int], bytes_a_second: float
) -> None:
    played = play(sizes, bytes_a_second)
    assert played.idle <= 0.5
    assert sum(played.questions[2:]) <= len(sizes)  # of the first two nothing is known
