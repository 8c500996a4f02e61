"""What a report says of its outcomes."""

import json

import pytest

from audio_enhance import BatchReport, Outcome, OutcomeStatus, WaitTimeoutError


def outcome(status: str, *, extra: int = 0, failed: int = 0, not_started: bool = False) -> Outcome:
    return Outcome(
        source="talk.mp3",
        name="talk.mp3",
        strength=93,
        status=status,
        not_started=not_started,
        error=None if status in ("succeeded", "skipped") else WaitTimeoutError("no"),
        extra_enhancements=extra,
        failed_enhancements=failed,
    )


GOOD = [outcome("succeeded", extra=1), outcome("skipped", failed=2)]
BAD = [outcome("failed", extra=3), outcome("failed", not_started=True)]


def test_what_was_skipped_is_there_and_what_was_not_started_is_not() -> None:
    report = BatchReport([*GOOD, *BAD], None)
    assert report.succeeded == GOOD
    assert report.failed == BAD
    assert not report.ok
    assert BatchReport(GOOD, None).ok
    assert BatchReport([], None).ok


def test_what_was_paid_beyond_need_is_added_up() -> None:
    report = BatchReport([*GOOD, *BAD], None)
    assert report.extra_enhancements == 4
    assert report.failed_enhancements == 2
    assert repr(report) == "BatchReport(4 outcomes, 2 failed, 4 extra enhancements)"


def test_it_is_a_sequence_in_the_order_given() -> None:
    everything = [*GOOD, *BAD]
    why = WaitTimeoutError("closed")
    report = BatchReport(everything, why)
    assert list(report) == everything
    assert report[1] is everything[1]
    assert report[1:3] == everything[1:3]
    assert len(report) == 4
    assert report.stopped_by is why


def test_a_status_is_one_of_three_and_a_text_as_well() -> None:
    assert outcome("skipped").status is OutcomeStatus.SKIPPED
    assert outcome("failed").status == "failed"
    assert json.dumps([outcome("succeeded").status]) == '["succeeded"]'
    with pytest.raises(ValueError, match="maybe"):
        outcome("maybe")
