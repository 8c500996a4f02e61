"""What events have in common: the same ones are equal, and all of it is shown."""

import pytest

from audio_enhance._core.events import Event, Finished, Hashing, Uploading


def uploading(*, sent: int = 1) -> Uploading:
    return Uploading(job_id="1-a", source="talk.wav", strength=93, sent=sent, total=4)


def test_events_that_tell_the_same_are_equal() -> None:
    assert uploading() == uploading()
    assert hash(uploading()) == hash(uploading())
    assert len({uploading(), uploading(), uploading(sent=2)}) == 2


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (uploading(sent=1), uploading(sent=2)),
        (
            Hashing(job_id="1-a", source="talk.wav", strength=93),
            Event(job_id="1-a", source="talk.wav", strength=93),
        ),
    ],
    ids=["details", "kind"],
)
def test_others_are_not(one: Event, other: Event) -> None:
    assert one != other


def test_an_event_is_nothing_else() -> None:
    assert uploading() != "uploading"


def test_all_of_an_event_is_shown() -> None:
    finished = Finished(job_id="1-a", source="talk.wav", strength=93, path="/enhanced/talk.wav")

    assert repr(finished) == (
        "Finished(job_id='1-a', source='talk.wav', strength=93, asset_id=None,"
        " enhancement_id=None, client_id=None, path='/enhanced/talk.wav', error=None)"
    )
