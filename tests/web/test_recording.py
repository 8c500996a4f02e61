"""What the events of a job make of a recording."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from audio_enhance import (
    EnhancementFailedError,
    EnhancementStatus,
    Event,
    Finished,
    Hashing,
    JobCancelledError,
    Processing,
    Queued,
    Retrying,
    ServerError,
    Source,
    Submitted,
    Uploading,
)
from audio_enhance.web._kept import Kept
from audio_enhance.web._recording import Recording


class Watched:
    """A recording, and how often it told of a change."""

    def __init__(self, original: Kept | None = None) -> None:
        self.changes = 0
        self.recording = Recording("id", "talk.mp3", 93, original or Kept(100), self._changed)

    def _changed(self, _: Recording) -> None:
        self.changes += 1

    def tell(self, kind: type[Event], **details: Any) -> dict[str, Any]:
        """Pass an event on; returns what a page would be told then."""
        self.recording.on_event(kind(job_id="1", source="talk.mp3", strength=93, **details))
        return self.recording.snapshot(0)

    def processing(self, seconds: float | None) -> dict[str, Any]:
        """Say when the end is expected."""
        end = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
        return self.tell(Processing, status=EnhancementStatus.PROCESSING, expected_end=end)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_job_passes_through_the_stages(watched: Watched) -> None:
    assert watched.tell(Queued)["stage"] == "waiting"
    assert watched.tell(Hashing)["stage"] == "waiting"
    told = watched.tell(Uploading, sent=25, total=100)
    assert (told["stage"], told["passed_on"]) == ("waiting", 0.25)
    assert watched.tell(Submitted, position=1)["stage"] == "waiting"
    assert watched.tell(Submitted, position=0)["stage"] == "enhancing"
    assert watched.processing(None)["seconds_left"] is None
    assert watched.processing(60)["seconds_left"] == pytest.approx(60, abs=1)
    assert watched.tell(Finished)["stage"] == "succeeded"


def test_a_question_without_news_is_not_told(watched: Watched) -> None:
    watched.processing(60)
    before = watched.changes
    watched.processing(60.1)
    assert watched.changes == before
    watched.processing(70)
    assert watched.changes == before + 1


def test_another_try_is_told_until_something_else_happens(watched: Watched) -> None:
    watched.processing(60)
    error = ServerError("Too busy.", status=503)
    assert watched.tell(Retrying, error=error, wait=1.0)["retrying"] == "Too busy."
    before = watched.changes
    told = watched.processing(60)
    assert told["retrying"] is None
    assert watched.changes == before + 1


def test_a_second_attempt_waits_again(watched: Watched) -> None:
    watched.processing(60)
    assert watched.tell(Submitted, position=1)["stage"] == "waiting"


def test_ends_say_why(watched: Watched) -> None:
    told = watched.tell(Finished, error=EnhancementFailedError("It failed."))
    assert told["stage"] == "failed"
    assert told["problem"]["title"] == "The service could not enhance it."
    other = Watched()
    assert other.tell(Finished, error=JobCancelledError("Gone."))["stage"] == "cancelled"


def test_secrets_do_not_reach_the_page(watched: Watched) -> None:
    error = ServerError("GET https://s3/x?X-Amz-Signature=abc failed", status=500)
    assert "abc" not in str(watched.tell(Finished, error=error))


def test_an_original_is_held_by_whoever_needs_it() -> None:
    source = Source.from_bytes(b"ID3", "talk.mp3")
    original = Kept(3, source)
    holders = [Watched(original).recording for _ in range(2)]
    held = [original.source]
    for holder in (*holders, holders[-1]):  # twice does no harm
        holder.let_go()
        held.append(original.source)
    assert held == [source, source, None, None]
