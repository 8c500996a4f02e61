"""The waits between two questions about something that takes its time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance import PollPolicy
from audio_enhance._scheduler.polling import Crowd, Poll

POLICY = PollPolicy(shortest=0.5, longest=15, share=0.25)
BEGAN = 1000.0


def even(low: float, high: float) -> float:
    return low


def questions(poll: Poll, lasts: float, *, now: float = BEGAN) -> list[float]:
    """Ask until something that takes `lasts` seconds is over; return when was asked."""
    asked: list[float] = []
    while not asked or asked[-1] < lasts:
        now += poll.wait(now)
        poll.questions += 1
        asked.append(now - poll.since)
    return asked


def test_without_a_guess_it_asks_less_and_less_often() -> None:
    asked = questions(Poll(POLICY, BEGAN, spread=even), 600)
    waits = [b - a for a, b in zip([0.0, *asked], asked, strict=False)]
    assert waits == sorted(waits)
    assert waits[0] == 0.5
    assert waits[-1] == 15


@given(lasts=st.floats(1, 2000))
def test_it_is_never_late_by_more_than_its_share(lasts: float) -> None:
    late = questions(Poll(POLICY, BEGAN), lasts)[-1] - lasts
    assert late <= min(15, max(0.5, 0.25 * 1.1 * lasts)) + 1e-6


@pytest.mark.parametrize(("lasts", "most"), [(10, 12), (100, 22), (1000, 82)])
def test_questions_grow_with_the_logarithm_of_the_time(lasts: float, most: int) -> None:
    assert len(questions(Poll(POLICY, BEGAN, spread=even), lasts)) <= most


def test_with_a_good_guess_one_question_is_enough() -> None:
    assert questions(Poll(POLICY, BEGAN, expected=42.0, spread=even), 41.5) == [42.0]


def test_with_a_guess_that_is_too_short_it_asks_again_soon() -> None:
    assert questions(Poll(POLICY, BEGAN, expected=40.0, spread=even), 43) == [40, 42, 44]


def test_with_a_guess_that_is_far_too_short_by_a_share_of_what_it_has_passed() -> None:
    poll = Poll(POLICY, BEGAN, expected=8.0, spread=even)
    poll.questions = 5
    assert poll.wait(BEGAN + 8.0 + 20.0) == 0.25 * 20.0


def test_a_guess_about_something_far_larger_tells_when_to_begin_and_no_more() -> None:
    poll = Poll(POLICY, BEGAN, expected=40.0, near=False, spread=even)
    assert questions(poll, 41) == [40, 50]


def test_what_began_earlier_is_asked_about_earlier() -> None:
    assert Poll(POLICY, BEGAN - 30, expected=42.0).wait(BEGAN) == pytest.approx(12)
    assert Poll(POLICY, BEGAN - 90, expected=42.0).wait(BEGAN) == 0


def test_many_clients_do_not_ask_together() -> None:
    waits = {Poll(POLICY, BEGAN - 20).wait(BEGAN) for _ in range(50)}
    assert len(waits) > 45
    assert all(5 <= wait <= 5.5 for wait in waits)
    assert max(waits) > 5.25


def test_with_patience_there_are_fewer_questions_however_long_it_takes() -> None:
    poll = Poll(POLICY, BEGAN, spread=even)
    poll.patience = 1.0
    assert questions(poll, 100) == [0.5, 1, 2, 4, 8, 16, 32, 64, 124]


def test_less_patience_than_the_policy_has_changes_nothing() -> None:
    poll = Poll(POLICY, BEGAN, spread=even)
    poll.patience = 0.1
    assert poll.wait(BEGAN + 20) == 5


class TestManyWhoShareProcessors:
    POLICY = PollPolicy(shortest=0.02, longest=1.0, share=0.1, apart=0.02)

    def poll(self, crowd: int, expected: float | None = None) -> Poll:
        together = Crowd(waiting=crowd, asking=crowd)
        return Poll(self.POLICY, BEGAN, expected=expected, spread=even, crowd=together)

    @pytest.mark.parametrize("crowd", [1, 10, 200])
    def test_they_ask_no_more_than_fifty_times_a_second_together(self, crowd: int) -> None:
        for expected in (None, 300.0):
            asked = questions(self.poll(crowd, expected), 60)
            assert crowd * len(asked) / asked[-1] <= 50

    @pytest.mark.parametrize(("crowd", "late"), [(1, 1.0), (40, 2.0), (200, 10.0)])
    def test_what_was_learned_while_it_took_longer_delays_no_question_by_much(
        self, crowd: int, late: float
    ) -> None:
        asked = questions(self.poll(crowd, 300.0), 60)
        assert 60 <= asked[-1] <= 60 + late

    def test_who_knows_when_to_ask_is_in_nobodys_way(self) -> None:
        poll = self.poll(200)
        poll.crowd.asking = 1
        assert poll.wait(BEGAN) == 0.02

    def test_without_a_guess_each_asks_in_every_turn(self) -> None:
        asked = questions(self.poll(200), 60)
        assert asked == pytest.approx([4.0 * n for n in range(1, 16)])

    def test_what_was_learned_saves_questions(self) -> None:
        assert questions(self.poll(200, 8.0), 7.9) == [8.0]


class TestLimits:
    def test_it_asks_at_the_limit_and_never_after_it(self) -> None:
        poll, now = Poll(POLICY, BEGAN, spread=even), BEGAN
        while (wait := poll.wait_within(now, 20)) is not None:
            now += wait
            poll.questions += 1
        assert now == BEGAN + 20

    def test_it_asks_once_however_short_the_time(self) -> None:
        poll = Poll(POLICY, BEGAN, expected=100.0)
        assert poll.wait_within(BEGAN, 0) == 0
        assert poll.wait_within(BEGAN + 5, 0) == 0
        poll.questions += 1
        assert poll.wait_within(BEGAN, 0) is None

    def test_time_spent_asking_counts(self) -> None:
        poll = Poll(POLICY, BEGAN, spread=even)
        poll.questions += 1
        assert poll.wait_within(BEGAN + 9.8, 10) == pytest.approx(0.2)
        assert poll.wait_within(BEGAN + 20.5, 10) is None

    def test_without_one_there_is_no_last_question(self) -> None:
        poll = Poll(POLICY, BEGAN, spread=even)
        poll.questions += 1
        assert poll.wait_within(BEGAN + 1e9, None) == 15


class TestTheServersWish:
    def test_it_is_kept_once(self) -> None:
        poll = Poll(POLICY, BEGAN, spread=even)
        poll.hold(BEGAN + 1, 45.0)
        assert poll.wait(BEGAN + 1) == 45
        poll.hold(BEGAN + 46, None)
        assert poll.wait(BEGAN + 46) == pytest.approx(11.5)

    def test_no_longer_than_an_hour(self) -> None:
        poll = Poll(POLICY, BEGAN)
        poll.hold(BEGAN, 1e9)
        assert poll.wait(BEGAN) == 3600

    def test_less_than_is_waited_anyway_changes_nothing(self) -> None:
        poll = Poll(POLICY, BEGAN, spread=even)
        poll.hold(BEGAN + 40, 1.0)
        assert poll.wait(BEGAN + 40) == 10
        assert poll.excused == 0

    def test_what_is_excused_has_an_end(self) -> None:
        poll = Poll(POLICY, BEGAN, spread=even)
        for _ in range(3):
            poll.hold(BEGAN + 4, 3000.0)
        assert poll.excused == 3600


@pytest.mark.parametrize("wrong", [{"shortest": 0}, {"longest": -1}, {"share": 0}])
def test_policies_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        PollPolicy(**wrong)
