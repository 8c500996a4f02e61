import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    Phase,
    RateLimitError,
    RetryPolicy,
    StorageError,
    ValidationError,
)
from audio_enhance._session.retry import Retrier
from tests.support.clock import ManualClock


def lost() -> AudioEnhanceError:
    return ConnectionFailedError("Lost.", connected=True)


def limited(seconds: float | None) -> AudioEnhanceError:
    return RateLimitError("Slow down.", status=429, retry_after=seconds)


class Attempt:
    """Fails as often and in such ways as it is told."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.times = 0

    async def __call__(self) -> str:
        self.times += 1
        if self.failures:
            raise self.failures.pop(0)
        return "done"


def no_jitter(wait: float) -> float:
    return wait


async def test_success_needs_no_second_try(clock: ManualClock) -> None:
    attempt = Attempt()
    assert await Retrier(RetryPolicy(), clock)(attempt) == "done"
    assert attempt.times == 1
    assert clock.sleeps == []


async def test_what_can_pass_is_tried_again(clock: ManualClock) -> None:
    attempt = Attempt(lost(), lost(), lost())
    assert await Retrier(RetryPolicy(), clock)(attempt) == "done"
    assert attempt.times == 4


async def test_what_cannot_pass_is_not(clock: ManualClock) -> None:
    attempt = Attempt(ValidationError("No.", status=422))
    with pytest.raises(ValidationError):
        await Retrier(RetryPolicy(), clock)(attempt)
    assert attempt.times == 1


async def test_mistakes_of_the_program_are_not(clock: ManualClock) -> None:
    attempt = Attempt(RuntimeError("Session is closed"))
    with pytest.raises(RuntimeError):
        await Retrier(RetryPolicy(), clock)(attempt)
    assert attempt.times == 1


@pytest.mark.parametrize("attempts", [1, 2, 8])
async def test_attempts_are_bounded(clock: ManualClock, attempts: int) -> None:
    attempt = Attempt(*(lost() for _ in range(20)))
    attempt.failures[attempts - 1] = ConnectionFailedError("The last.", connected=True)
    with pytest.raises(ConnectionFailedError) as caught:
        await Retrier(RetryPolicy(attempts=attempts), clock)(attempt)
    assert attempt.times == attempts
    assert len(clock.sleeps) == attempts - 1
    assert (caught.value.message, caught.value.attempts) == ("The last.", attempts)


async def test_no_attempt_starts_after_the_time_is_up(clock: ManualClock) -> None:
    attempt = Attempt(*(lost() for _ in range(200)))
    policy = RetryPolicy(attempts=100, elapsed=60, longest_wait=7)
    with pytest.raises(ConnectionFailedError):
        await Retrier(policy, clock, no_jitter)(attempt)
    assert 60 - 7 < sum(clock.sleeps) <= 60


async def test_time_spent_in_attempts_counts(clock: ManualClock) -> None:
    async def slow() -> None:
        clock.pass_by(40)
        raise lost()

    with pytest.raises(ConnectionFailedError):
        await Retrier(RetryPolicy(elapsed=100), clock, no_jitter)(slow)
    assert len(clock.sleeps) == 2


async def test_waits_double_up_to_the_longest(clock: ManualClock) -> None:
    attempt = Attempt(*(lost() for _ in range(7)))
    await Retrier(RetryPolicy(longest_wait=10), clock, no_jitter)(attempt)
    assert clock.sleeps == [0.5, 1, 2, 4, 8, 10, 10]


async def test_jitter_is_full_by_default(clock: ManualClock) -> None:
    for _ in range(50):
        attempt = Attempt(*(lost() for _ in range(5)))
        await Retrier(RetryPolicy(), clock)(attempt)
    firsts, fifths = clock.sleeps[::5], clock.sleeps[4::5]
    assert all(0 <= wait <= 0.5 for wait in firsts)
    assert all(0 <= wait <= 8 for wait in fifths)
    assert len(set(firsts)) > 40
    assert min(fifths) < 2 < 6 < max(fifths)


@given(seconds=st.floats(0.001, 3600), jitter=st.floats(0, 1))
def test_what_the_server_asks_for_is_obeyed_in_full(seconds: float, jitter: float) -> None:
    clock = ManualClock()
    retrier = Retrier(RetryPolicy(longest_wait=1), clock, lambda wait: wait * jitter)
    asyncio.run(retrier(Attempt(limited(seconds))))
    assert clock.sleeps == [seconds]


async def test_no_seconds_are_nothing_to_be_obeyed(clock: ManualClock) -> None:
    attempt = Attempt(*(limited(0) for _ in range(3)))
    await Retrier(RetryPolicy(), clock, no_jitter)(attempt)
    assert clock.sleeps == [0.5, 1, 2]


async def test_longer_than_there_is_time_for_is_not_begun(clock: ManualClock) -> None:
    attempt = Attempt(limited(3601))
    with pytest.raises(RateLimitError) as caught:
        await Retrier(RetryPolicy(), clock)(attempt)
    assert caught.value.retry_after == 3601
    assert clock.sleeps == []


async def test_a_429_that_names_no_time_backs_off(clock: ManualClock) -> None:
    await Retrier(RetryPolicy(), clock, no_jitter)(Attempt(limited(None), limited(None)))
    assert clock.sleeps == [0.5, 1]


async def test_whoever_wants_to_know_is_told(clock: ManualClock) -> None:
    told: list[tuple[AudioEnhanceError, float]] = []
    first, second = lost(), limited(3)
    await Retrier(RetryPolicy(), clock, no_jitter)(
        Attempt(first, second), lambda error, wait: told.append((error, wait))
    )
    assert [(str(error), wait) for error, wait in told] == [(str(first), 0.5), (str(second), 3)]


async def test_errors_say_what_they_were_about_and_their_cause(clock: ManualClock) -> None:
    told: list[AudioEnhanceError] = []
    first, last, cause = lost(), ValidationError("No.", status=422), OSError()
    last.__cause__ = cause
    with pytest.raises(ValidationError) as caught:
        await Retrier(RetryPolicy(), clock)(
            Attempt(first, last),
            lambda error, wait: told.append(error),
            phase=Phase.UPLOAD,
            asset_id="a-1",
        )
    for error in (*told, caught.value):
        assert (error.phase, error.asset_id) == (Phase.UPLOAD, "a-1")
    assert caught.value.__cause__ is cause
    assert (first.phase, last.phase) == (None, None)


async def test_what_was_given_up_within_is_not_tried_again(clock: ManualClock) -> None:
    attempt, retrier = Attempt(*(lost() for _ in range(100))), Retrier(RetryPolicy(), clock)

    async def around() -> str:
        return await retrier(attempt)

    with pytest.raises(ConnectionFailedError) as caught:
        await retrier(around)
    assert attempt.times == caught.value.attempts == 8


async def test_a_try_that_came_further_counts_as_the_first(clock: ManualClock) -> None:
    reached = 0

    async def attempt() -> None:
        nonlocal reached
        if reached < 20:
            reached += 1
            raise lost()

    policy = RetryPolicy(attempts=2, elapsed=1)
    await Retrier(policy, clock, no_jitter)(attempt, progress=lambda: reached)
    assert clock.sleeps == [0.5] * 20
    reached = -1
    with pytest.raises(ConnectionFailedError):
        await Retrier(policy, clock, no_jitter)(attempt, progress=lambda: 0)


class TestRenewal:
    """What a request carries, a token or a presigned URL, can end before its time."""

    def ended(self, times: int) -> Attempt:
        return Attempt(*(StorageError("Expired.", status=403) for _ in range(times)))

    async def test_a_new_one_is_tried_at_once(self, clock: ManualClock) -> None:
        await Retrier(RetryPolicy(attempts=1), clock, no_jitter)(self.ended(1))
        assert clock.sleeps == [0]

    async def test_others_are_tries_like_any(self, clock: ManualClock) -> None:
        await Retrier(RetryPolicy(attempts=5), clock, no_jitter)(self.ended(5))
        assert clock.sleeps == [0, 0.5, 1, 2, 4]

    async def test_but_not_for_ever(self, clock: ManualClock) -> None:
        attempt = self.ended(9)
        with pytest.raises(StorageError) as caught:
            await Retrier(RetryPolicy(attempts=5), clock)(attempt)
        assert attempt.times == caught.value.attempts == 6

    async def test_other_failures_in_between_do_not_make_it_more(self, clock: ManualClock) -> None:
        attempt = self.ended(9)
        attempt.failures.insert(1, lost())
        with pytest.raises(StorageError):
            await Retrier(RetryPolicy(attempts=5), clock)(attempt)
        assert attempt.times == 6


async def test_whoever_is_told_can_stop_it(clock: ManualClock) -> None:
    class EnoughError(Exception):
        pass

    def stop(error: AudioEnhanceError, wait: float) -> None:
        raise EnoughError

    attempt = Attempt(lost())
    with pytest.raises(EnoughError):
        await Retrier(RetryPolicy(), clock)(attempt, stop)
    assert attempt.times == 1


async def test_tries_and_waits_are_logged(
    clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "audio_enhance"):
        await Retrier(RetryPolicy(), clock, no_jitter)(Attempt(lost()))
    assert "try 1 failed, next in 0.5 s: Lost." in caplog.text


async def test_it_can_be_used_by_many_at_once(clock: ManualClock) -> None:
    retrier = Retrier(RetryPolicy(), clock, no_jitter)
    attempts = [Attempt(lost(), lost()) for _ in range(3)]
    await asyncio.gather(*(retrier(attempt) for attempt in attempts))
    assert sorted(clock.sleeps) == [0.5] * 3 + [1] * 3


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"elapsed": -1}, {"longest_wait": -1}])
def test_policies_that_make_no_sense(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        RetryPolicy(**wrong)
