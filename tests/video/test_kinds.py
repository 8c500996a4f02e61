import pytest

from audio_enhance import CONTENT_TYPES, UnsupportedMediaTypeError
from audio_enhance._video.kinds import (
    codec_in,
    is_video_type,
    may_be_copied,
    muxer_of,
    video_type_of,
    wrapping_of,
)


def test_the_type_of_a_video() -> None:
    assert video_type_of("Talk.MKV") == "video/x-matroska"
    assert is_video_type("video/x-matroska")
    assert not is_video_type("audio/mp4")
    assert not is_video_type(None)
    for name in ("talk.avi", ".mkv", "talk"):
        with pytest.raises(UnsupportedMediaTypeError):
            video_type_of(name)


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [("aac", ".m4a"), ("mp3", ".mp3"), ("opus", ".opus"), ("pcm_s16le", ".wav"), ("flac", ".flac")],
)
def test_what_the_api_takes_is_sent_as_it_is(codec: str, suffix: str) -> None:
    wrapping = wrapping_of(codec, 1000)
    assert wrapping is not None
    assert wrapping.suffix == suffix
    assert wrapping.content_type in CONTENT_TYPES


def test_what_it_does_not_take_is_not() -> None:
    assert wrapping_of("ac3", 1000) is None
    assert wrapping_of("pcm_s16be", 1000) is None
    assert wrapping_of("pcm_s16le", 5 << 30) is None  # WAV ends at 4 GiB


def test_a_video_stays_what_it_is() -> None:
    mp4 = "mov,mp4,m4a,3gp,3g2,mj2"
    assert muxer_of(mp4, ".MOV") == "mov"
    assert muxer_of(mp4, ".m4v") == "mp4"
    assert muxer_of(mp4, ".mkv") == "mp4"
    assert muxer_of("matroska,webm", ".webm") == "webm"
    assert muxer_of("matroska,webm", ".mp4") == "matroska"


@pytest.mark.parametrize(
    ("muxer", "before", "after"),
    [
        ("mp4", "aac", "aac"),
        ("mp4", "alac", "alac"),
        ("mp4", "pcm_s16le", "aac"),
        ("mov", "pcm_s16be", "pcm_s16le"),
        ("mov", "pcm_s24le", "pcm_s24le"),
        ("mov", "mp3", "aac"),
        ("matroska", "pcm_s16le", "flac"),
        ("matroska", "vorbis", "opus"),
        ("matroska", "ac3", "aac"),
        ("webm", "vorbis", "opus"),
    ],
)
def test_the_codec_that_a_result_gets(muxer: str, before: str, after: str) -> None:
    assert codec_in(muxer, before) == after


def test_what_goes_back_without_being_encoded_again() -> None:
    assert may_be_copied("aac", "mp4", "aac")
    assert may_be_copied("mp3", "matroska", "mp3")
    assert may_be_copied("opus", "webm", "vorbis")
    assert may_be_copied("pcm_s16le", "mov", "pcm_s16le")
    assert not may_be_copied("flac", "matroska", "aac")
    assert not may_be_copied("mp3", "webm", "opus")
    assert not may_be_copied("vorbis", "webm", "vorbis")  # its packets' times are not to the sample
