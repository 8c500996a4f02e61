"""What earlier enhancements teach about the next one."""

import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from audio_enhance._scheduler.estimate import ProcessingEstimate

WAV, MP3 = "audio/wav", "audio/mpeg"
SIZES = st.lists(st.integers(10_000, 50_000_000), min_size=16, max_size=16, unique=True)


def learned(*observed: tuple[int, float]) -> ProcessingEstimate:
    estimate = ProcessingEstimate()
    for size, seconds in observed:
        estimate.observe(WAV, size, seconds)
    return estimate


def expected(estimate: ProcessingEstimate, size: int) -> float | None:
    return estimate.expected(WAV, size)


def test_nothing_is_assumed_at_the_start() -> None:
    estimate = ProcessingEstimate()
    assert expected(estimate, 1_000_000) is None
    assert estimate.typical is None


def test_one_observation_means_in_proportion() -> None:
    estimate = learned((1_000_000, 4.0))
    assert expected(estimate, 1_000_000) == pytest.approx(4.0)
    assert expected(estimate, 3_000_000) == pytest.approx(12.0)
    assert estimate.typical == pytest.approx(4.0)


def test_each_observation_counts_from_then_on() -> None:
    estimate = learned((1_000_000, 4.0))
    assert expected(estimate, 1_000_000) == pytest.approx(4.0)
    for _ in range(2):
        estimate.observe(WAV, 1_000_000, 10.0)
    assert expected(estimate, 1_000_000) == pytest.approx(10.0)


def test_between_two_the_middle_is_taken() -> None:
    estimate = learned((1_000_000, 4.0), (1_000_000, 6.0))
    # In the middle, and twice as far beyond it as the two are from there.
    assert expected(estimate, 1_000_000) == pytest.approx(5.0 + 2 * 1.0)


def test_recordings_of_one_size_mean_in_proportion_too() -> None:
    estimate = learned((1_000_000, 4.0), (1_000_000, 4.0), (1_000_000, 4.0))
    assert expected(estimate, 1_000_000) == pytest.approx(4.0)
    assert expected(estimate, 3_000_000) == pytest.approx(12.0)


def test_far_beyond_what_was_observed_nothing_is_certain() -> None:
    estimate = learned((1_000_000, 4.0))
    assert estimate.knows(WAV, 4_000_000)
    assert not estimate.knows(WAV, 4_000_001)
    assert expected(estimate, 100_000_000) == expected(estimate, 4_000_000) == pytest.approx(16.0)
    assert estimate.at_most(WAV, 100_000_000) == pytest.approx(400.0)


def test_bytes_of_another_format_say_nothing() -> None:
    estimate = learned((1_000_000, 4.0))
    estimate.observe(MP3, 100_000, 6.0)
    assert expected(estimate, 1_000_000) == pytest.approx(4.0)
    assert estimate.expected(MP3, 200_000) == pytest.approx(12.0)
    assert estimate.expected("audio/flac", 200_000) is None
    assert estimate.at_most("audio/flac", 200_000) is None
    assert not estimate.knows("audio/flac", 1)
    assert estimate.typical == pytest.approx(5.0)


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
    least = 8.0 * 0.99999  # a recording of five bytes more may have taken 8 seconds
    assert least <= (expected(estimate, 1_000_000) or 0.0) <= 12.0 + 2 * 4.0
    assert least <= (expected(estimate, 2_000_000) or 0.0) <= 24.0 + 2 * 4.0 + 0.1


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
    assert expected(estimate, asked) == pytest.approx(base + slope * asked, rel=1e-3, abs=1e-3)


def test_the_first_question_is_rarely_too_early() -> None:
    """Of processing times that vary by a fifth, four in five are over by the expected time."""
    chance = random.Random(4)
    over = late = 0
    for _ in range(100):
        sizes = [chance.randrange(10_000, 50_000_000) for _ in range(16)]
        times = [(size, (2.0 + 1e-6 * size) * chance.uniform(0.9, 1.1)) for size in sizes]
        estimate = learned(*times)
        for size, seconds in times:
            end = expected(estimate, size) or 0.0
            over += end >= seconds
            late += end > 1.5 * seconds
    assert over >= 0.8 * 1600
    assert late <= 0.1 * 1600


@given(st.lists(st.tuples(st.integers(1, 10**10), st.floats(0.0, 1e6)), min_size=1, max_size=40))
def test_whatever_was_observed_the_answer_is_a_time(observed: list[tuple[int, float]]) -> None:
    estimate = learned(*observed)
    for size in (1, 1_000_000, 10**10):
        end = expected(estimate, size)
        assert end is not None
        assert 0.0 <= end < float("inf")
    assert estimate.typical is not None


@given(SIZES)
def test_it_follows_a_server_that_becomes_slower(sizes: list[int]) -> None:
    assume(max(sizes) > 2 * min(sizes))
    estimate = learned(*((size, 1e-6 * size) for size in sizes))
    for size in sizes:
        estimate.observe(WAV, size, 5e-6 * size)
    asked = max(sizes)
    assert expected(estimate, asked) == pytest.approx(5e-6 * asked, rel=1e-3)


@given(st.lists(st.tuples(st.integers(1, 40), st.floats(0.0, 1e4)), min_size=1, max_size=60))
def test_what_is_long_past_leaves_no_trace(observed: list[tuple[int, float]]) -> None:
    """The line is that of the latest sixteen, whatever came before them."""
    long, short = learned(*observed), learned(*observed[-16:])
    for size in (1, 20, 160):
        assert long.expected(WAV, size) == short.expected(WAV, size)
        assert long.at_most(WAV, size) == short.at_most(WAV, size)
        assert long.knows(WAV, size) == short.knows(WAV, size)
