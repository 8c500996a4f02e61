import pytest

from audio_enhance.cli.pacing.pace import Pace


def _pace(*ends: tuple[float, float]) -> Pace:
    pace = Pace()
    pace.begin(0.0)
    for now, length in ends:
        pace.result(now, length)
    return pace


def test_nothing_is_known_before_the_first_result() -> None:
    assert _pace().seconds_left(5.0, 10, 1000) is None


def test_recordings_of_one_length_take_their_mean_time() -> None:
    pace = _pace((4.0, 100), (8.0, 100), (12.0, 100))
    assert pace.seconds_left(12.0, 10, 1000) == pytest.approx(40.0)


def test_results_that_come_in_bursts_count_as_if_they_were_spread() -> None:
    pace = _pace((8.0, 100), (8.0, 100), (16.0, 100), (16.0, 100))
    assert pace.seconds_left(16.0, 10, 1000) == pytest.approx(40.0)


def test_longer_recordings_take_longer() -> None:
    # 2 seconds each, and one for every 100 seconds of audio.
    pace = _pace((3.0, 100), (8.0, 300), (11.0, 100), (18.0, 500))
    assert pace.seconds_left(18.0, 2, 2000) == pytest.approx(24.0)


def test_short_recordings_tell_nothing_of_far_longer_ones() -> None:
    pace = _pace(*((float(n), 10) for n in range(1, 20)))
    assert pace.seconds_left(19.0, 5, 200) == pytest.approx(5.0)
    assert pace.seconds_left(19.0, 5, 201) is None
    pace.result(600.0, 7200)
    assert pace.seconds_left(600.0, 5, 5 * 7200) == pytest.approx(5 * 581, rel=0.01)


def test_cost_is_in_proportion_where_the_fit_would_be_below_nothing() -> None:
    pace = _pace((1.0, 100), (2.0, 100), (12.0, 200), (13.0, 100))
    assert pace.seconds_left(13.0, 1, 500) == pytest.approx(13.0)


def test_time_since_the_last_result_counts_down() -> None:
    pace = _pace((4.0, 100), (8.0, 100))
    assert pace.seconds_left(9.0, 1, 100) == pytest.approx(3.0)
    assert pace.seconds_left(9.0, 3, 300) == pytest.approx(11.0)
    assert pace.seconds_left(9.0, 0, 0) == 0.0


def test_what_is_late_takes_a_while_longer_and_never_nothing() -> None:
    pace = _pace((4.0, 100), (8.0, 100))
    assert pace.seconds_left(28.0, 1, 100) == pytest.approx(2.0)
    # Only the one that is late can have begun.
    assert pace.seconds_left(28.0, 3, 300) == pytest.approx(10.0)


def test_what_is_left_never_takes_nothing() -> None:
    pace = _pace((4.0, 100), (8.0, 100))
    assert pace.seconds_left(12.0, 1, 100) == 1.0


def test_nothing_ends_before_what_the_server_is_at() -> None:
    pace = _pace((4.0, 100), (8.0, 100))
    assert pace.seconds_left(8.0, 1, 100, head=7.0) == 7.0
    assert pace.seconds_left(8.0, 3, 300, head=7.0) == pytest.approx(12.0)


def test_time_stands_still_while_nothing_can_go_on() -> None:
    pace = _pace((4.0, 100), (8.0, 100))
    pace.stop(9.0)
    pace.stop(500.0)
    assert pace.seconds_left(1009.0, 1, 100) == pytest.approx(3.0)
    pace.go_on(1009.0)
    pace.go_on(1010.0)
    assert pace.seconds_left(1010.0, 1, 100) == pytest.approx(2.0)
    pace.result(1012.0, 100)  # which took 4 seconds, not a thousand
    assert pace.seconds_left(1012.0, 1, 100) == pytest.approx(4.0)


def test_only_the_latest_results_count() -> None:
    pace = _pace(*((float(n), 100) for n in range(1, 100)))
    for n in range(1, 33):
        pace.result(99.0 + 5 * n, 100)
    assert pace.seconds_left(99.0 + 160, 1, 100) == pytest.approx(5.0)
