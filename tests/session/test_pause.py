"""A pause is kept to its end, and whoever comes meanwhile is told how long it is."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audio_enhance import AudioEnhanceError, RateLimitError, ServerError
from audio_enhance._core.located import located
from audio_enhance._session.pause import Pause
from tests.support.clock import ManualClock


def busy(seconds: float | None) -> RateLimitError:
    return RateLimitError("Busy.", status=429, code="429050", retry_after=seconds)


def told(pause: Pause) -> AudioEnhanceError | None:
    try:
        pause.hold_back()
    except AudioEnhanceError as error:
        return error
    return None


@given(
    st.floats(0, 1e7), st.floats(0.001, 4000), st.floats(0, 1), st.sampled_from([None, 0.5, 1, 9])
)
@example(begin=0.1, seconds=225.0, share=0.18067157823749883, asked=None)
def test_whoever_waits_as_long_as_told_is_let_in(
    begin: float, seconds: float, share: float, asked: float | None
) -> None:
    clock = ManualClock(begin)
    pause = Pause(clock)
    pause.begin(seconds, busy(None if asked is None else asked * seconds))
    clock.pass_by(share * min(seconds, 3600))
    error = told(pause)
    if error is not None:
        assert error.retry_after
        clock.pass_by(error.retry_after)
    assert told(pause) is None
    assert pause.left(clock.now) == 0


@pytest.mark.parametrize("seconds", [7200, 3600.5, 31 * 365 * 86400.0])
def test_what_goes_beyond_an_hour_is_told_and_not_kept(seconds: float) -> None:
    clock = ManualClock()
    pause = Pause(clock)
    assert pause.begin(seconds, busy(seconds))
    clock.pass_by(3599)
    error = told(pause)
    assert error is not None
    assert error.retry_after == seconds - 3599
    clock.pass_by(1)
    assert told(pause) is None


def test_another_one_is_kept_only_where_it_is_longer() -> None:
    clock = ManualClock()
    pause = Pause(clock)
    assert pause.begin(30, busy(30))
    assert not pause.begin(5, ServerError("Down.", status=503, retry_after=5))
    assert isinstance(told(pause), RateLimitError)
    assert pause.begin(60)  # which nobody is told of
    assert told(pause) is None
    assert pause.left(clock.now) == 60


def test_what_is_told_is_a_request_that_was_not_made() -> None:
    pause = Pause(ManualClock())
    given = ServerError("Down.", status=503, retry_after=30, request_id="an-id")
    pause.begin(30, located(given, attempts=8, asset_id="an-asset"))
    error = told(pause)
    assert isinstance(error, ServerError)
    assert error.held_back
    assert not error.outcome_unknown
    assert error.attempts == 0
    assert error.request_id is None
    assert not given.held_back
