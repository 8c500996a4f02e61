import asyncio
import contextlib
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import (
    InvalidSourceError,
    Source,
    SourceChangedError,
    UnsupportedMediaTypeError,
)
from audio_enhance._recording.content import FileContent
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.given import as_source
from audio_enhance._recording.source import original_of
from tests.support.resources import open_files, settled_files


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_a_path(recording: Path) -> None:
    source = Source.from_path(str(recording))
    assert (source.filename, source.content_type) == ("earhart-aviation.mp3", "audio/mpeg")
    assert source.path == recording
    assert source.label == str(recording)


def test_a_path_under_another_name(recording: Path) -> None:
    source = Source.from_path(recording, filename="/tmp/talk.wav")
    assert (source.filename, source.content_type) == ("talk.wav", "audio/wav")


def test_bytes_under_a_name() -> None:
    source = Source.from_bytes(b"x", "C:\\temp\\talk.wav")
    assert (source.filename, source.content_type) == ("talk.wav", "audio/wav")
    assert (source.path, source.label) == (None, "talk.wav")


def test_bytes_without_a_name() -> None:
    assert Source.from_bytes(b"fLaC....").filename == "recording.flac"
    with pytest.raises(UnsupportedMediaTypeError):
        Source.from_bytes(b"who knows")


def test_no_bytes() -> None:
    with pytest.raises(InvalidSourceError, match="is empty"):
        Source.from_bytes(b"", "a.mp3")


async def test_bytes_that_change_afterwards_do_not_matter() -> None:
    data = bytearray(b"ID3 one")
    source = as_source(data)  # type: ignore[arg-type]
    data[4:] = b"two"
    fingerprint = await source.fingerprint()
    assert original_of(source).content.open(fingerprint).read() == b"ID3 one"


@pytest.mark.parametrize("kind", ["audio/x-wav", "audio/vorbis"])
async def test_the_content_type_can_be_given(kind: str, recording: Path) -> None:
    assert Source.from_path(recording, content_type=kind).content_type == kind
    assert Source.from_bytes(b"x", "a.bin", content_type=kind).content_type == kind
    async with await Source.spool(chunks(b"x"), "a.bin", content_type=kind) as source:
        assert source.content_type == kind


async def test_types_the_api_does_not_take(recording: Path) -> None:
    with pytest.raises(UnsupportedMediaTypeError):
        Source.from_path(recording, content_type="video/mp4")
    with pytest.raises(UnsupportedMediaTypeError):
        Source.from_bytes(b"x", "a.txt")
    assert (
        Source.from_path(recording, content_type="video/mp4", check_type=False).content_type
        == "video/mp4"
    )


async def test_a_wrong_type_is_found_before_anything_is_spooled() -> None:
    read: list[bytes] = []

    async def watched() -> AsyncIterator[bytes]:
        read.append(b"x")
        yield b"x"

    with pytest.raises(UnsupportedMediaTypeError):
        await Source.spool(watched(), "a.txt")
    assert read == []


async def test_a_fingerprint_is_computed_once(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source.from_path(recording)
    first = await source.fingerprint()
    recording.unlink()
    assert await source.fingerprint() is first


async def test_many_ask_for_a_fingerprint_and_the_file_is_read_once(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = 0
    compute = FileContent.fingerprint

    def counted(self: FileContent, cancelled: threading.Event) -> Fingerprint:
        nonlocal reads
        reads += 1
        return compute(self, cancelled)

    monkeypatch.setattr(FileContent, "fingerprint", counted)
    source = Source.from_path(recording)
    results = await asyncio.gather(*(source.fingerprint() for _ in range(20)))
    assert reads == 1
    assert len(set(results)) == 1


async def test_hashing_leaves_the_event_loop_free(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, hashed = threading.Event(), FileContent.fingerprint

    def held(self: FileContent, cancelled: threading.Event) -> Fingerprint:
        assert threading.current_thread() is not threading.main_thread()  # it would wait for ever
        go_on.wait()
        return hashed(self, cancelled)

    monkeypatch.setattr(FileContent, "fingerprint", held)
    hashing = asyncio.create_task(Source.from_path(recording).fingerprint())
    for _ in range(100):
        await asyncio.sleep(0)
    assert not hashing.done()
    go_on.set()
    await hashing


async def test_cancelled_hashing_closes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    with path.open("wb") as file:
        file.truncate(4 << 30)
    before = open_files()
    hashing = asyncio.create_task(Source.from_path(path).fingerprint())
    for _ in range(1000):
        await asyncio.sleep(0.001)
        if str(path) in open_files().values():
            break
    hashing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hashing
    assert await settled_files(before) == {}


async def test_spooled_data_is_released_with_its_block() -> None:
    before = open_files()
    async with await Source.spool(chunks(b"ab", b"c"), "in/talk.mp3") as source:
        assert source.filename == "talk.mp3"
        assert (await source.fingerprint()).byte_size == 3
        assert set(open_files()) != set(before)
    assert await settled_files(before) == {}
    source.close()  # a second time does no harm


async def test_spooling_says_what_it_was_about() -> None:
    with pytest.raises(InvalidSourceError) as caught:
        await Source.spool(chunks(), "talk.mp3")
    assert caught.value.source == "talk.mp3"


def test_reprs_say_what_and_not_what_is_in_it(recording: Path) -> None:
    assert "earhart-aviation.mp3" in repr(Source.from_path(recording))
    assert "secret" not in repr(Source.from_bytes(b"secret", "a.mp3"))


@pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX")
async def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp3"))
    path.write_bytes(b"ID3")
    source = as_source(path)
    assert (await source.fingerprint()).byte_size == 3
    source.filename.encode()  # it goes into JSON and into reports


def test_a_name_with_control_characters_is_sent_without_them() -> None:
    assert Source.from_path("tal\x1b[31mk.mp3").filename == "tal[31mk.mp3"
    assert Source.from_path("naïve talk (1).mp3").filename == "naïve talk (1).mp3"


async def sources(tmp_path: Path) -> list[Source]:
    (tmp_path / "talk.mp3").write_bytes(b"0123456789")
    return [
        Source.from_path(tmp_path / "talk.mp3"),
        Source.from_bytes(b"0123456789", "talk.mp3"),
        await Source.spool(chunks(b"0123", b"456789"), "talk.mp3"),
    ]


async def test_some_of_its_bytes(tmp_path: Path) -> None:
    for source in await sources(tmp_path):
        with contextlib.closing(source):
            assert await source.read() == b"0123456789"
            assert await source.read(3, 4) == b"3456"
            assert await source.read(8, 5) == b"89"
            assert await source.read(5) == b"56789"
            assert await source.read(12, 5) == b""


async def test_bytes_of_a_file_that_changed_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(bytes(100_000))
    source = Source.from_path(path)
    assert await source.read(0, 1) == bytes(1)
    path.write_bytes(b"another talk")
    with pytest.raises(SourceChangedError):
        await source.read(0, 1)
