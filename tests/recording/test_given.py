from pathlib import Path
from typing import Any

import pytest

from audio_enhance import InvalidSourceError, RemotePath, Source
from audio_enhance._recording.content import BytesContent, FileContent
from audio_enhance._recording.given import AnySource, as_source, is_file_object, place_of
from audio_enhance._recording.source import original_of


@pytest.mark.parametrize("name", ["", ".", "..", "sub", "sub.d/"])
def test_a_folder_is_called_one_whatever_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub.d").mkdir()
    with pytest.raises(InvalidSourceError, match="folder"):
        as_source(f"{tmp_path}/{name}")


def test_a_missing_file_is_called_missing_whatever_its_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidSourceError, match="no such file"):
        as_source(tmp_path / "missing.txt")


@pytest.mark.parametrize("name", ["x" * 5000, "a\x00b"])
def test_names_that_no_file_can_have(name: str) -> None:
    with pytest.raises(InvalidSourceError):
        as_source(name)


def test_what_can_be_a_source(recording: Path) -> None:
    source = Source.from_path(recording)
    assert as_source(source) is source
    assert isinstance(original_of(as_source(recording)).content, FileContent)
    assert isinstance(original_of(as_source(str(recording))).content, FileContent)
    assert isinstance(original_of(as_source(b"ID3")).content, BytesContent)
    view: Any = memoryview(b"ID3")
    assert isinstance(original_of(as_source(view)).content, BytesContent)


@pytest.mark.parametrize("thing", [None, 3, ["a.mp3"], object()])
def test_what_can_not(thing: Any) -> None:
    with pytest.raises(InvalidSourceError, match=type(thing).__name__):
        as_source(thing)


def test_what_is_no_file() -> None:
    source = Source.from_bytes(b"RIFF", "talk.wav")
    given: list[object] = ["talk.mp3", Path("talk.mp3"), b"RIFF", source, 17, None]
    assert not any(is_file_object(one) for one in given)


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ("a/talk.mp3", Path("a/talk.mp3")),
        (Path("talk.mp3"), Path("talk.mp3")),
        ("s3://bucket/talk.mp3", RemotePath("s3://bucket/talk.mp3")),
        (Source.from_path("talk.mp3"), Path("talk.mp3")),
        (Source.from_bytes(b"ID3", "talk.mp3"), None),
        (b"ID3", None),
    ],
)
def test_where_a_source_is(given: AnySource, place: Path | RemotePath | None) -> None:
    assert place_of(given) == place
