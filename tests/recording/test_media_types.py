import pytest

from audio_enhance import UnsupportedMediaTypeError
from audio_enhance._recording.media_types import (
    AUDIO_SUFFIXES,
    CONTENT_TYPES,
    content_type_of,
    sniff_suffix,
)

# The list of the API's later revision.
SIXTEEN = [
    "audio/aac",
    "audio/flac",
    "audio/m4a",
    "audio/mp4",
    "audio/mpeg",
    "audio/mpeg4-generic",
    "audio/ogg",
    "audio/opus",
    "audio/vnd.dlna.adts",
    "audio/vorbis",
    "audio/wav",
    "audio/x-aac",
    "audio/x-aiff",
    "audio/x-flac",
    "audio/x-m4a",
    "audio/x-wav",
]


def test_the_apis_sixteen_types() -> None:
    assert sorted(CONTENT_TYPES) == sorted(SIXTEEN)


@pytest.mark.parametrize("kind", SIXTEEN)
def test_each_of_them_can_be_asked_for(kind: str) -> None:
    assert content_type_of("a.bin", kind) == kind


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("talk.mp3", "audio/mpeg"),
        ("TALK.MP3", "audio/mpeg"),
        ("a.b.wav", "audio/wav"),
        ("a.WAVE", "audio/wav"),
        ("a.m4a", "audio/m4a"),
        ("a.mp4", "audio/mp4"),
        ("a.aac", "audio/aac"),
        ("a.flac", "audio/flac"),
        ("a.ogg", "audio/ogg"),
        ("a.oga", "audio/ogg"),
        ("a.opus", "audio/opus"),
        ("a.aif", "audio/x-aiff"),
        ("a.aiff", "audio/x-aiff"),
        ("a.aifc", "audio/x-aiff"),
        ("a.adts", "audio/vnd.dlna.adts"),
    ],
)
def test_names_tell_types(name: str, kind: str) -> None:
    assert content_type_of(name) == kind


@pytest.mark.parametrize("suffix", sorted(AUDIO_SUFFIXES))
def test_every_suffix_stands_for_a_type_the_api_takes(suffix: str) -> None:
    assert content_type_of(f"a{suffix}") in CONTENT_TYPES


@pytest.mark.parametrize("name", ["a.txt", "a", "", ".mp3", "a.mp3.part", "mp3", "a.", "a.mp3 "])
def test_other_names_are_refused_with_what_to_do(name: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError) as caught:
        content_type_of(name)
    assert ".mp3" in str(caught.value.hint)
    assert caught.value.source == name


def test_other_types_are_refused_unless_told_otherwise() -> None:
    with pytest.raises(UnsupportedMediaTypeError, match="video/mp4") as caught:
        content_type_of("a.mp3", "video/mp4")
    assert "audio/vnd.dlna.adts" in str(caught.value)
    assert content_type_of("a.mp3", "video/mp4", check=False) == "video/mp4"


@pytest.mark.parametrize("kind", ["audio/x\r\nX-Amz-Acl: public", "audio/ä", "", " "])
def test_a_type_that_cannot_be_a_header_is_refused_in_any_case(kind: str) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        content_type_of("a.mp3", kind, check=False)


@pytest.mark.parametrize(
    ("data", "suffix"),
    [
        (b"RIFF\x24\x08\x00\x00WAVEfmt ", ".wav"),
        (b"RIFF\x24\x08\x00\x00AVI LIST", ""),
        (b"fLaC\x00\x00\x00\x22", ".flac"),
        (b"OggS" + bytes(24) + b"OpusHead", ".opus"),
        (b"OggS" + bytes(24) + b"\x01vorbis", ".ogg"),
        (b"\x00\x00\x00\x20ftypM4A ", ".m4a"),
        (b"FORM\x00\x00\x00\x00AIFF", ".aiff"),
        (b"FORM\x00\x00\x00\x00AIFC", ".aiff"),
        (b"FORM\x00\x00\x00\x008SVX", ""),
        (b"ID3\x04\x00", ".mp3"),
        (b"\xff\xfb\x90\x64", ".mp3"),
        (b"\xff\xf3\x90\x64", ".mp3"),
        (b"\xff\xf1\x50\x80", ".aac"),
        (b"\xff\xf9\x50\x80", ".aac"),
        (b"\xff", ""),
        (b"", ""),
        (b"hello", ""),
    ],
)
def test_marks_in_the_data(data: bytes, suffix: str) -> None:
    assert sniff_suffix(data) == suffix
    assert not suffix or suffix in AUDIO_SUFFIXES
