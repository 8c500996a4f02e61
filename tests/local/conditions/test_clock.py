"""The service's one clock: seconds, and the date that belongs to them."""

import time
from datetime import UTC, datetime, timedelta

from audio_enhance.local.conditions.clock import Clock


def test_dates_go_by_the_seconds_that_were_handed_in() -> None:
    now = 1000.0
    clock = Clock(lambda: now)
    began = clock.date()
    assert abs(began.timestamp() - time.time()) < 60.0
    now += 86_400.0
    assert clock.date() - began == timedelta(days=1)
    assert clock.date(1000.0) == began


def test_a_timestamp_is_in_the_apis_form() -> None:
    clock = Clock(lambda: 0.0)
    written = clock.timestamp(0.5)
    assert written is not None
    read = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    assert abs(read - clock.date(0.5)) < timedelta(milliseconds=1)
    assert clock.timestamp(None) is None


def test_seconds_that_outlive_the_process_are_the_same_moment_of_the_next_ones_clock() -> None:
    first, second = Clock(lambda: 500.0), Clock(lambda: 7.0)
    kept = first.since_epoch(560.0)
    assert abs(kept - first.since_epoch() - 60.0) < 1e-3
    assert abs(second.at(kept) - 67.0) < 1.0
