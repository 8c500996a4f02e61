"""When an upload is needed by nobody any more."""

from pathlib import Path

from audio_enhance import Job, Source, SpeechEnhancement
from audio_enhance._jobs.uses import Uses
from audio_enhance._recording.fingerprint import ContentKey
from tests.support.answers import enhancement_json

ONE = ContentKey(b"1" * 16, 1, "audio/mpeg")
TWO = ContentKey(b"2" * 16, 1, "audio/mpeg")


def job(source: Source | None = None) -> Job:
    return Job(source or Source.from_bytes(b"ID3", "a.mp3"), 93, 0)


def test_the_last_of_several_frees_it() -> None:
    uses, jobs = Uses(), [job() for _ in range(3)]
    for each in jobs:
        uses.begin(each)
        uses.claim(each, ONE)
    assert [uses.saved(each) for each in jobs] == [False, False, True]
    uses.over(jobs[2])  # which has left nothing
    uses.begin(last := job())
    uses.claim(last, ONE)
    assert uses.saved(last)


def test_other_content_does_not_matter() -> None:
    uses, one, two = Uses(), job(), job()
    for each, content in ((one, ONE), (two, TWO)):
        uses.begin(each)
        uses.claim(each, content)
    assert uses.saved(one)


def test_strengths_that_are_still_to_come_need_it() -> None:
    uses, source = Uses(), Source.from_bytes(b"ID3", "a.mp3")
    uses.expect(source, 3)
    first, second = job(source), job(source)
    uses.begin(first)
    uses.claim(first, ONE)
    assert not uses.saved(first)
    uses.drop(source)  # skipped
    uses.begin(second)
    uses.claim(second, ONE)
    assert uses.saved(second)


def test_what_is_being_hashed_may_need_it(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"ID3")
    uses, first, second = Uses(), job(Source.from_path(path)), job(Source.from_path(path))
    other = job()
    for each in (first, second, other):
        uses.begin(each)
    uses.claim(first, ONE)
    assert not uses.saved(first)
    uses.claim(second, ONE)
    assert uses.saved(second)


def test_what_was_paid_for_and_is_not_saved_needs_it() -> None:
    uses, failed, saved = Uses(), job(), job()
    failed.strength = 50
    for each in (failed, saved):
        uses.begin(each)
        uses.claim(each, ONE)
    failed.track.enhancement = SpeechEnhancement.from_json(enhancement_json())
    uses.over(failed)
    assert not uses.saved(saved)
    again = job()
    again.strength = 50
    uses.begin(again)
    uses.claim(again, ONE)
    assert uses.saved(again), "it is saved now"


def test_what_was_never_sent_needs_nothing() -> None:
    uses, failed, saved = Uses(), job(), job()
    for each in (failed, saved):
        uses.begin(each)
        uses.claim(each, ONE)
    uses.over(failed)
    assert uses.saved(saved)
