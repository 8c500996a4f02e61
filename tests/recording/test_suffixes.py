import pytest

from audio_enhance import AUDIO_SUFFIXES, VIDEO_SUFFIXES
from audio_enhance._recording import suffixes
from audio_enhance._recording.suffixes import is_video, recording_suffixes


@pytest.fixture(params=[True, False], ids=["with the extra", "without it"])
def can_be_read(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(suffixes, "can_be_read", lambda: request.param)
    return bool(request.param)


def test_what_recordings_end_in(can_be_read: bool) -> None:
    assert recording_suffixes() == (
        AUDIO_SUFFIXES | VIDEO_SUFFIXES if can_be_read else AUDIO_SUFFIXES
    )


def test_what_is_taken_for_a_video(can_be_read: bool) -> None:
    assert is_video("talk.MKV")
    assert is_video(b"talk.webm")
    assert not is_video("talk.mp3")
    assert not is_video(".mkv")
    assert is_video("talk.mp4") is can_be_read  # which may be of sound alone
