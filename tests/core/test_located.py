import traceback

import pytest

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    JournalLockedError,
    Phase,
    RateLimitError,
)
from audio_enhance._core.located import located, locating


def test_what_is_known_already_stays() -> None:
    error = AudioEnhanceError("It broke.", phase=Phase.UPLOAD, asset_id="first")
    more = located(error, phase=Phase.DOWNLOAD, asset_id="second", source="a.mp3")
    assert (more.phase, more.asset_id, more.source) == (Phase.UPLOAD, "first", "a.mp3")


@pytest.mark.parametrize(
    "error",
    [
        JournalLockedError("batch.sqlite", 4711),
        ConnectionFailedError("No connection.", connected=True),
        RateLimitError("No.", status=429, retry_after=2.5),
    ],
)
def test_what_is_said_later_changes_nobody_elses_error(error: AudioEnhanceError) -> None:
    before = dict(vars(error))
    more = located(error, source="talk.mp3", outcome_unknown=False, attempts=3)
    assert vars(error) == before
    assert type(more) is type(error)
    assert (more.source, more.outcome_unknown, more.attempts) == ("talk.mp3", False, 3)
    assert located(more).attempts == 3
    assert located(error).outcome_unknown == error.outcome_unknown


def test_what_an_error_was_about_is_said_without_noise() -> None:
    cause, message = OSError("No space left"), "It broke."  # not in a line that is shown
    with pytest.raises(AudioEnhanceError) as caught, locating(source="talk.mp3"):
        raise AudioEnhanceError(message) from cause
    assert caught.value.source == "talk.mp3"
    assert caught.value.__cause__ is cause
    told = "".join(traceback.format_exception(caught.value))
    assert told.count(message) == 1
