from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    AudioEnhanceError,
    Downloading,
    EnhancementStatus,
    Event,
    Finished,
    Hashing,
    Outcome,
    Processing,
    Retrying,
    Submitted,
    Uploading,
)
from audio_enhance.cli.display.progress import Progress, Retry, Server, Transfer
from tests.support.clock import ManualClock

A, B = "rec/a.wav", "rec/b.wav"


class Told:
    """A progress of two recordings at two strengths, and what tells it."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        jobs = [(source, strength) for source in (A, B) for strength in (50, 93)]
        self.progress = Progress(jobs, {A: 1000, B: 3000}, clock)

    def tell(self, kind: type[Event], source: str = A, strength: int = 93, **details: Any) -> None:
        event = kind(job_id=f"{source} {strength}", source=source, strength=strength, **details)
        self.progress.on_event(event)

    def end(self, status: Any, source: str = A, strength: int = 93) -> None:
        outcome = Outcome(source=source, name=source, strength=strength, status=status)
        self.progress.ended(outcome)


@pytest.fixture
def told(clock: ManualClock) -> Told:
    return Told(clock)


def test_outcomes_are_counted(told: Told) -> None:
    told.end("succeeded", A, 50)
    told.end("skipped", A, 93)
    told.end("failed", B, 50)
    now = told.progress.snapshot()
    assert (now.done, now.skipped, now.failed, now.left) == (2, 1, 1, 1)


def test_an_upload_is_shown_while_bytes_move(told: Told) -> None:
    told.tell(Uploading, sent=0, total=1000)
    told.clock.pass_by(2.0)
    told.tell(Uploading, sent=600, total=1000)
    assert told.progress.snapshot().transfers == [Transfer("upload", "a.wav", 600, 1000, 300.0)]
    told.tell(Uploading, sent=1000, total=1000)
    assert told.progress.snapshot().transfers == []


def test_an_upload_that_begins_anew_is_measured_anew(told: Told) -> None:
    told.tell(Uploading, sent=600, total=1000)
    told.clock.pass_by(10.0)
    told.tell(Uploading, sent=0, total=1000)
    told.clock.pass_by(1.0)
    told.tell(Uploading, sent=500, total=1000)
    assert told.progress.snapshot().transfers[0].rate == 500.0


def test_strengths_share_an_upload_and_not_a_download(told: Told) -> None:
    for strength in (50, 93):
        told.tell(Uploading, strength=strength, sent=1, total=1000)
    assert [t.verb for t in told.progress.snapshot().transfers] == ["upload"]
    for strength in (50, 93):
        told.tell(Downloading, strength=strength, received=1, total=None)
    assert [t.verb for t in told.progress.snapshot().transfers] == ["download", "download"]


def test_the_server_is_at_what_was_asked_about_last(told: Told) -> None:
    assert told.progress.snapshot().server == Server()
    told.tell(Submitted, position=0)
    end = datetime.fromtimestamp(told.clock.time() + 9.0, UTC)
    told.tell(Processing, status=EnhancementStatus.QUEUED, expected_end=end)
    told.clock.pass_by(4.0)
    told.tell(Submitted, B, position=1)
    assert told.progress.snapshot().server == Server("a.wav", 5.0)
    told.clock.pass_by(10.0)
    assert told.progress.snapshot().server == Server("a.wav", 0.0)
    told.tell(Downloading, received=0, total=None)
    assert told.progress.snapshot().server == Server()
    told.tell(Processing, B, status=EnhancementStatus.PROCESSING)
    assert told.progress.snapshot().server == Server("b.wav", None)
    told.tell(Finished, B, error=AudioEnhanceError("It failed."))
    assert told.progress.snapshot().server == Server()


def test_what_is_read_is_told_until_it_goes_on(told: Told) -> None:
    told.tell(Hashing)
    told.tell(Hashing, B)
    assert told.progress.snapshot().reading == "a.wav"
    told.tell(Uploading, sent=0, total=1000)
    assert told.progress.snapshot().reading == "b.wav"
    told.tell(Finished, B, error=AudioEnhanceError("It changed."))
    assert told.progress.snapshot().reading == ""


def test_time_left_follows_from_the_results_so_far(told: Told) -> None:
    assert told.progress.snapshot().seconds_left is None
    told.tell(Submitted, position=0)
    told.clock.pass_by(6.0)
    told.tell(Downloading, received=0, total=None)
    told.tell(Downloading, received=10, total=10)
    told.end("succeeded")
    told.end("skipped", A, 50)  # which costs nothing
    assert told.progress.snapshot().seconds_left == pytest.approx(12.0)


def test_a_time_without_anything_to_do_tells_nothing_of_the_pace(clock: ManualClock) -> None:
    told = Told(clock)
    told.progress = Progress([(A, 93)], {A: 1000}, clock)
    told.tell(Submitted, position=0)
    clock.pass_by(6.0)
    told.tell(Downloading, received=0, total=None)
    told.end("succeeded")
    clock.pass_by(3600.0)  # until somebody drops two more into the folder
    for source in (B, "rec/c.wav"):
        told.progress.expect(source, 1000, 1)
        told.tell(Uploading, source, sent=0, total=1000)
    assert told.progress.snapshot().seconds_left == pytest.approx(12.0)
    clock.pass_by(6.0)
    told.tell(Downloading, B, received=0, total=None)
    told.end("succeeded", B)
    assert told.progress.snapshot().seconds_left == pytest.approx(6.0)


def test_time_stands_still_while_requests_wait_to_be_made_again(told: Told) -> None:
    told.tell(Submitted, position=0)
    told.clock.pass_by(6.0)
    told.tell(Downloading, received=0, total=None)
    told.end("succeeded")
    before = told.progress.snapshot().seconds_left
    assert before
    told.tell(Retrying, B, error=AudioEnhanceError("No answer"), wait=60.0)
    told.clock.pass_by(60.0)
    assert told.progress.snapshot().seconds_left == before
    told.tell(Processing, B, status=EnhancementStatus.PROCESSING)
    told.clock.pass_by(1.0)
    assert told.progress.snapshot().seconds_left == pytest.approx(before - 1.0)


def test_retries_are_shown_until_something_happens(told: Told) -> None:
    told.tell(Retrying, B, error=AudioEnhanceError("Too many requests"), wait=9.0)
    told.tell(Retrying, error=AudioEnhanceError("No answer"), wait=4.0)
    told.clock.pass_by(1.0)
    assert told.progress.snapshot().retries == [
        Retry("a.wav", "No answer", 3.0),
        Retry("b.wav", "Too many requests", 8.0),
    ]
    told.tell(Uploading, B, sent=0, total=10)
    told.clock.pass_by(5.0)
    assert told.progress.snapshot().retries == []


def test_what_is_finished_is_not_under_way(told: Told) -> None:
    told.tell(Downloading, received=5, total=10)
    told.tell(Finished, path=str(Path("out/a.wav")))
    assert told.progress.snapshot().transfers == []


def test_a_service_of_our_own_tells_how_far_it_is(told: Told) -> None:
    told.progress.share_done = {"e": 0.43}.get
    told.tell(Processing, status=EnhancementStatus.PROCESSING)
    assert told.progress.snapshot().server == Server("a.wav", None)
    told.tell(Processing, status=EnhancementStatus.PROCESSING, enhancement_id="e")
    assert told.progress.snapshot().server == Server("a.wav", None, 0.43)


def test_how_much_audio_is_done_follows_from_what_is_known_of_lengths(told: Told) -> None:
    told.progress.lasts(A, 10.0)  # a second for each 100 bytes
    assert (told.progress.snapshot().audio_done, told.progress.snapshot().audio_total) == (0, 80)
    told.end("succeeded", B)
    assert told.progress.snapshot().audio_done == 30
    assert told.progress.snapshot().audio_known
    told.progress.expect("c.wav", 500, 2)
    told.progress.expect("d.wav", 500, 1)
    told.progress.withdraw("d.wav", 1)
    now = told.progress.snapshot()
    assert (now.left, now.audio_done, now.audio_total) == (5, 30, 90)
    told.progress.expect("e.mp3", 500, 1)
    assert not told.progress.snapshot().audio_known
