import io
import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import InvalidSourceError
from audio_enhance._recording.reader import FileReader, MemoryReader, Reader
from audio_enhance._recording.spooled import spool

LENGTH = 700_000


@pytest.fixture
def data() -> bytes:
    return os.urandom(LENGTH)


async def readers(data: bytes, folder: Path) -> list[Reader]:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    path = folder / "a.wav"
    path.write_bytes(data)
    spooled = await spool(chunks(), max_bytes=None)
    shared = spooled.open(spooled.fingerprint(threading.Event()))
    return [FileReader(path, "rb"), MemoryReader(data), shared]


def read_on(reader: Reader, size: int) -> bytes:
    cached = reader.read_cached(size)
    return bytes(cached) if cached is not None else reader.read(size)


async def test_both_ways_of_reading_go_on_where_the_other_stopped(
    data: bytes, tmp_path: Path
) -> None:
    for reader in await readers(data, tmp_path):
        with reader:
            read = b""
            while len(read) < LENGTH:
                read += read_on(reader, 100_000)
                read += reader.read(50_000)
            assert read == data
            assert reader.read(1) == b""


async def test_what_was_handed_out_is_never_written_to_again(data: bytes, tmp_path: Path) -> None:
    for reader in await readers(data, tmp_path):
        with reader:
            pieces = []
            while piece := reader.read_cached(65_536):
                pieces.append(piece)
            read = b"".join(pieces)
            assert read == data[: len(read)]


@pytest.mark.skipif(not hasattr(os, "RWF_NOWAIT"), reason="only Linux can tell what is cached")
def test_what_is_not_in_memory_is_not_waited_for(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)

    def preadv(fd: int, buffers: object, offset: int, flags: int = 0, /) -> int:
        assert flags == os.RWF_NOWAIT
        raise BlockingIOError

    monkeypatch.setattr(os, "preadv", preadv)
    with FileReader(path, "rb") as reader:
        assert reader.read_cached(10) is None
        assert reader.read(10) == data[:10]


def test_where_nothing_can_be_known_of_the_cache(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(data)
    monkeypatch.delattr(os, "RWF_NOWAIT", raising=False)
    with FileReader(path, "rb") as reader:
        assert reader.read_cached(10) is None
        assert reader.read(10) == data[:10]


async def test_at_the_end_there_is_nothing_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"x")
    with FileReader(path, "rb") as reader:
        reader.seek(0, io.SEEK_END)
        assert reader.read_cached(10) is None
        assert reader.read(10) == b""


async def test_spooled_data_that_was_released_is_not_read(data: bytes) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield data

    content = await spool(chunks(), max_bytes=None)
    with content.open(content.fingerprint(threading.Event())) as reader:
        content.close()
        assert reader.read_cached(10) is None
        with pytest.raises(InvalidSourceError, match="released"):
            reader.read(10)
