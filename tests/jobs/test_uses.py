"""When an upload is needed by nobody any more."""

from pathlib import Path
from typing import Any

from audio_enhance import Source, SpeechEnhancement
from audio_enhance._jobs.running import RunningJob
from audio_enhance._jobs.uses import Upload, Uses
from audio_enhance._recording.fingerprint import ContentKey
from tests.support.answers import enhancement_json

ONE = ContentKey(b"1" * 16, 1, "audio/mpeg")
TWO = ContentKey(b"2" * 16, 1, "audio/mpeg")


def job(source: Source | None = None) -> RunningJob:
    return RunningJob(source or Source.from_bytes(b"ID3", "a.mp3"), 93, 0)


def saved(uses: Uses, job: RunningJob, *uploads: str) -> list[str]:
    """What is to be deleted when the result of a job is safe."""
    owner: Any = None
    made = [Upload(each, owner) for each in uploads or ["a"]]
    return [upload.asset_id for upload in uses.saved(job, made)]


def test_the_last_of_several_frees_it() -> None:
    uses, jobs = Uses(), [job() for _ in range(3)]
    for each in jobs:
        uses.begin(each)
        uses.claim(each, ONE)
    assert [bool(saved(uses, each)) for each in jobs] == [False, False, True]
    uses.over(jobs[2])  # which has left nothing
    uses.begin(last := job())
    uses.claim(last, ONE)
    assert saved(uses, last)


def test_other_content_does_not_matter() -> None:
    uses, one, two = Uses(), job(), job()
    for each, content in ((one, ONE), (two, TWO)):
        uses.begin(each)
        uses.claim(each, content)
    assert saved(uses, one)


def test_strengths_that_are_still_to_come_need_it() -> None:
    uses, source = Uses(), Source.from_bytes(b"ID3", "a.mp3")
    uses.expect(source, 3)
    first, second = job(source), job(source)
    uses.begin(first)
    uses.claim(first, ONE)
    assert not saved(uses, first)
    uses.drop(source)  # skipped
    uses.begin(second)
    uses.claim(second, ONE)
    assert saved(uses, second)


def test_what_is_being_hashed_may_need_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3")
    uses, first, second = Uses(), job(Source.from_path(path)), job(Source.from_path(path))
    other = job()
    for each in (first, second, other):
        uses.begin(each)
    uses.claim(first, ONE)
    assert not saved(uses, first)
    uses.claim(second, ONE)
    assert saved(uses, second)


def test_what_was_paid_for_and_is_not_saved_needs_it() -> None:
    uses, failed, other = Uses(), job(), job()
    failed.strength = 50
    for each in (failed, other):
        uses.begin(each)
        uses.claim(each, ONE)
    failed.track.enhancement = SpeechEnhancement.from_json(enhancement_json())
    uses.over(failed)
    assert not saved(uses, other)
    again = job()
    again.strength = 50
    uses.begin(again)
    uses.claim(again, ONE)
    assert saved(uses, again), "it is saved now"


def test_what_was_never_sent_needs_nothing() -> None:
    uses, failed, other = Uses(), job(), job()
    for each in (failed, other):
        uses.begin(each)
        uses.claim(each, ONE)
    uses.over(failed)
    assert saved(uses, other)


def test_all_that_were_made_of_a_content_go_together() -> None:
    uses, first, second = Uses(), job(), job()
    for each in (first, second):
        uses.begin(each)
        uses.claim(each, ONE)
    assert saved(uses, first, "a") == []
    assert saved(uses, second, "b", "spent") == ["a", "b", "spent"]
