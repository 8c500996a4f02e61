"""What earlier enhancements teach about the next one."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audio_enhance._estimate import ProcessingEstimate

SIZES = st.lists(st.integers(10_000, 50_000_000), min_size=16, max_size=16, unique=True)


def learned(*observed: tuple[int, float]) -> ProcessingEstimate:
    estimate = ProcessingEstimate()
    for size, seconds in observed:
        estimate.observe(size, seconds)
    return estimate


def test_nothing_is_assumed_at_the_start() -> None:
    estimate = ProcessingEstimate()
    assert estimate.expected(1_000_000) is None
    assert estimate.typical is None


def test_one_observation_means_in_proportion() -> None:
    estimate = learned((1_000_000, 4.0))
    assert estimate.expected(1_000_000) == pytest.approx(4.0)
    assert estimate.expected(3_000_000) == pytest.approx(12.0)
    assert estimate.typical == pytest.approx(4.0)


def test_recordings_of_one_size_mean_in_proportion_too() -> None:
    estimate = learned((1_000_000, 4.0), (1_000_000, 4.0), (1_000_000, 4.0))
    assert estimate.expected(1_000_000) == pytest.approx(4.0)
    assert estimate.expected(9_000_000) == pytest.approx(36.0)


@given(
    st.lists(st.floats(8.0, 12.0), min_size=2, max_size=16),
    st.lists(st.integers(-5, 5), min_size=16, max_size=16),
)
def test_small_differences_between_recordings_of_nearly_one_size_mean_nothing(
    seconds: list[float], differences: list[int]
) -> None:
    """Or one byte and one second more would mean a million seconds for a larger recording."""
    sizes = [1_000_000 + difference for difference in differences]
    estimate = learned(*zip(sizes, seconds, strict=False))
    assert 8.0 <= (estimate.expected(1_000_000) or 0.0) <= 12.0 + 2 * 4.0
    assert 8.0 <= (estimate.expected(2_000_000) or 0.0) <= 24.0 + 2 * 4.0 + 0.1


@given(
    SIZES,
    st.floats(0.0, 10.0),
    st.floats(0.0, 1e-5),
    st.sets(st.integers(0, 15), max_size=4),
    st.floats(10.0, 1000.0),
)
def test_outliers_do_not_move_it(
    sizes: list[int], base: float, slope: float, outliers: set[int], times: float
) -> None:
    """Four of sixteen, whichever: Theil and Sen's line stands up to 29 percent."""
    estimate = learned(
        *(
            (size, (base + slope * size) * (times if index in outliers else 1.0))
            for index, size in enumerate(sizes)
        )
    )
    asked = sorted(sizes)[8]
    assert estimate.expected(asked) == pytest.approx(base + slope * asked, rel=1e-3, abs=1e-3)


def test_the_first_question_is_rarely_too_early() -> None:
    """Of processing times that vary by a fifth, four in five are over by the expected time."""
    chance = random.Random(4)
    over = late = 0
    for _ in range(100):
        sizes = [chance.randrange(10_000, 50_000_000) for _ in range(16)]
        times = [(size, (2.0 + 1e-6 * size) * chance.uniform(0.9, 1.1)) for size in sizes]
        estimate = learned(*times)
        for size, seconds in times:
            expected = estimate.expected(size) or 0.0
            over += expected >= seconds
            late += expected > 1.5 * seconds
    assert over >= 0.8 * 1600
    assert late <= 0.1 * 1600


@given(st.lists(st.tuples(st.integers(1, 10**10), st.floats(-5.0, 1e6)), min_size=1, max_size=40))
def test_whatever_was_observed_the_answer_is_a_time(observed: list[tuple[int, float]]) -> None:
    estimate = learned(*observed)
    for size in (1, 1_000_000, 10**10):
        expected = estimate.expected(size)
        assert expected is not None
        assert 0.0 <= expected < float("inf")
    assert estimate.typical is not None


@given(SIZES)
def test_it_follows_a_server_that_becomes_slower(sizes: list[int]) -> None:
    assume(max(sizes) > 2 * min(sizes))
    estimate = learned(*((size, 1e-6 * size) for size in sizes))
    for size in sizes:
        estimate.observe(size, 5e-6 * size)
    assert estimate.expected(10_000_000) == pytest.approx(50.0, rel=1e-3)
