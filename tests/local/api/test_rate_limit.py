"""The sliding window."""

from hypothesis import given
from hypothesis import strategies as st

from audio_enhance.local.api.rate_limit import SlidingWindow


@given(
    limit=st.integers(1, 5),
    gaps=st.lists(st.floats(0, 40, allow_nan=False), max_size=60),
)
def test_no_60_seconds_hold_more_than_the_limit(limit: int, gaps: list[float]) -> None:
    window, now = SlidingWindow(limit), 0.0
    admitted: list[float] = []
    for gap in gaps:
        now += gap
        wait = window.admit(now)
        within = sum(now - at < 60 for at in admitted)
        if wait is None:
            assert within < limit
            admitted.append(now)
        else:
            assert within == limit, "nobody is turned away who need not be"
            assert 1 <= wait <= 60


@given(limit=st.integers(1, 5), start=st.floats(0, 1e6, allow_nan=False))
def test_whoever_waits_as_long_as_told_is_let_in(limit: int, start: float) -> None:
    window = SlidingWindow(limit)
    for number in range(limit):
        assert window.admit(start + number * 0.25) is None
    now = start + limit * 0.25
    wait = window.admit(now)
    assert wait is not None
    # One more second at most: floating-point sums of large times may fall just short.
    assert window.admit(now + wait) is None or window.admit(now + wait + 1) is None
