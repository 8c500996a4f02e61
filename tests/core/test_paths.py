"""A URL is no path, however it is written."""

import os
from pathlib import Path

import pytest

from audio_enhance import (
    AccessToken,
    EnhanceClient,
    InvalidInputError,
    InvalidSourceError,
    MissingExtraError,
    Source,
)
from audio_enhance._core.paths import RemotePath, folder_path, is_address, path_of
from audio_enhance._recording import remote

URLS = ["s3://bucket/clean", "gs://b", "https://example.org/talk.wav", Path("s3://bucket/clean")]


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_no_folder(url: str | Path) -> None:
    with pytest.raises(InvalidInputError, match="is a URL"):
        folder_path(url)


@pytest.mark.parametrize("path", ["out", "/out", "C:/out", "a:b/c", "./s3:/bucket", "", Path("x")])
def test_a_path_is_one(path: str | Path) -> None:
    assert not is_address(path)
    assert folder_path(path) == Path(path)


@pytest.mark.parametrize("url", URLS)
def test_a_url_is_no_recording(url: str | os.PathLike[str]) -> None:
    with pytest.raises(InvalidSourceError, match="is a URL") as raised:
        Source.from_path(url)
    assert raised.value.source == os.fspath(url)


class TestPlacesElsewhere:
    """They are spelled like paths, and are URLs as texts."""

    @pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/clean", "memory://a/b c/d.wav"])
    def test_are_the_same_as_texts(self, url: str) -> None:
        place = path_of(url)
        assert isinstance(place, RemotePath)
        assert (str(place), os.fspath(place)) == (url, url)
        assert path_of(str(place)) == place

    def test_have_parts(self) -> None:
        place = RemotePath("s3://bucket/clean/") / "one" / "a.wav"
        assert str(place) == "s3://bucket/clean/one/a.wav"
        assert str(place.parent) == "s3://bucket/clean/one"
        assert str(place.with_name("b.wav")) == "s3://bucket/clean/one/b.wav"
        assert place.relative_to(RemotePath("s3://bucket/clean")) == RemotePath("one/a.wav")
        assert str(place.relative_to("s3://bucket")) == "clean/one/a.wav"
        assert str(Path("out") / place.relative_to("s3://bucket")) == "out/clean/one/a.wav"
        assert (place.stem, place.suffix) == ("a", ".wav")

    def test_are_no_files_here(self) -> None:
        assert not isinstance(path_of("s3://bucket/a.wav"), Path)
        assert path_of("a.wav") == Path("a.wav")


async def test_no_method_takes_one_for_results_without_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(_: str) -> None:
        pass

    monkeypatch.setattr(remote, "find_spec", nothing)
    monkeypatch.chdir(tmp_path)
    out = "s3://bucket/clean"
    talk = tmp_path / "talk.mp3"
    talk.write_bytes(b"ID3")
    async with EnhanceClient(AccessToken("t", client_id="c")) as client:
        for call in (
            client.enhance(talk, strength=93, output_dir=out),
            client.submit(talk, strength=93, output_dir=out),
            client.enhance_batch([talk], strength=93, output_dir=out),
        ):
            with pytest.raises(MissingExtraError, match="package fsspec"):
                await call
        with pytest.raises(MissingExtraError, match="package fsspec"):
            async for _ in client.enhance_as_completed([talk], strength=93, output_dir=out):
                pass
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp3"]


def test_a_null_character_is_in_no_path() -> None:
    with pytest.raises(InvalidInputError, match="null character"):
        folder_path("a\0b")
