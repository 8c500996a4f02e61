"""A URL is no path, however it is written."""

import os
from pathlib import Path

import pytest

from audio_enhance import AccessToken, EnhanceClient, InvalidInputError, InvalidSourceError, Source
from audio_enhance._core.paths import folder_path, is_address

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


async def test_no_method_takes_one_for_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
            with pytest.raises(InvalidInputError, match="is a URL"):
                await call
        with pytest.raises(InvalidInputError, match="is a URL"):
            async for _ in client.enhance_as_completed([talk], strength=93, output_dir=out):
                pass
    assert [path.name for path in tmp_path.iterdir()] == ["talk.mp3"]
