import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_enhance import PollPolicy
from audio_enhance._scheduler.polling import Poll
from tests.support.clock import ManualClock

POLICY = PollPolicy(shortest=0.5, longest=15, share=0.25)


def even(low: float, high: float) -> float:
    return low


async def questions(poll: Poll, clock: ManualClock, lasts: float) -> list[float]:
    """Ask until something that takes `lasts` seconds is over; return when was asked."""
    begin = clock.monotonic()
    asked: list[float] = []
    while not asked or asked[-1] < lasts:
        assert await poll.wait()
        asked.append(clock.monotonic() - begin)
    return asked


async def test_without_a_guess_it_asks_less_and_less_often(clock: ManualClock) -> None:
    poll = Poll(POLICY, clock, spread=even)
    asked = await questions(poll, clock, 600)
    waits = [b - a for a, b in zip([0.0, *asked], asked, strict=False)]
    assert waits == sorted(waits)
    assert waits[0] == 0.5
    assert waits[-1] == 15
    assert poll.questions == len(asked)


@settings(deadline=None, max_examples=50)
@given(lasts=st.floats(1, 2000))
async def test_it_is_never_late_by_more_than_its_share(lasts: float) -> None:
    clock = ManualClock()
    asked = await questions(Poll(POLICY, clock), clock, lasts)
    late = asked[-1] - lasts
    assert late <= min(15, max(0.5, 0.25 * 1.1 * lasts)) + 1e-6


@pytest.mark.parametrize(("lasts", "most"), [(10, 12), (100, 22), (1000, 82)])
async def test_questions_grow_with_the_logarithm_of_the_time(
    clock: ManualClock, lasts: float, most: int
) -> None:
    asked = await questions(Poll(POLICY, clock, spread=even), clock, lasts)
    assert len(asked) <= most


async def test_with_a_good_guess_one_question_is_enough(clock: ManualClock) -> None:
    poll = Poll(POLICY, clock, expected=42.0, spread=even)
    assert await questions(poll, clock, 41.5) == [42.0]


async def test_with_a_guess_that_is_too_short_it_asks_again_soon(clock: ManualClock) -> None:
    poll = Poll(POLICY, clock, expected=40.0, spread=even)
    assert await questions(poll, clock, 43) == [40, 42, 44]


async def test_what_began_earlier_is_asked_about_earlier(clock: ManualClock) -> None:
    poll = Poll(POLICY, clock, since=clock.monotonic() - 30, expected=42.0)
    assert poll.next_wait() == pytest.approx(12)
    poll = Poll(POLICY, clock, since=clock.monotonic() - 90, expected=42.0)
    assert poll.next_wait() == 0


async def test_many_clients_do_not_ask_together(clock: ManualClock) -> None:
    polls = [Poll(POLICY, clock, since=clock.monotonic() - 20) for _ in range(50)]
    waits = {poll.next_wait() for poll in polls}
    assert len(waits) > 45
    assert all(5 <= wait <= 5.5 for wait in waits)


async def test_with_patience_there_are_fewer_questions_however_long_it_takes(
    clock: ManualClock,
) -> None:
    poll = Poll(POLICY, clock, spread=even)
    poll.patience = 1.0
    assert await questions(poll, clock, 100) == [0.5, 1, 2, 4, 8, 16, 32, 64, 124]


class TestLimits:
    async def test_it_asks_at_the_limit_and_never_after_it(self, clock: ManualClock) -> None:
        poll = Poll(POLICY, clock, spread=even)
        begin = clock.monotonic()
        times: list[float] = []
        while await poll.wait(20):
            times.append(clock.monotonic() - begin)
        assert times[-1] == 20
        assert clock.monotonic() == begin + 20

    async def test_it_asks_once_however_short_the_time(self, clock: ManualClock) -> None:
        poll = Poll(POLICY, clock, expected=100.0)
        assert await poll.wait(0)
        assert clock.sleeps == [0]
        assert not await poll.wait(0)

    async def test_time_spent_asking_counts(self, clock: ManualClock) -> None:
        poll = Poll(POLICY, clock, spread=even)
        assert await poll.wait(10)
        clock.pass_by(20)
        assert not await poll.wait(10)


@pytest.mark.parametrize("wrong", [{"shortest": 0}, {"longest": -1}, {"share": 0}])
def test_policies_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        PollPolicy(**wrong)
