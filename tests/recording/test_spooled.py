import asyncio
import hashlib
import io
import tempfile
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import InvalidSourceError, OutputError
from audio_enhance._recording.spooled import _SPOOL_BYTES, SpooledContent, spool
from tests.support.resources import open_files, settled_files

NEVER = threading.Event()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def test_nothing_of_it_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    content = await spool(chunks(b"x" * 10), max_bytes=None)
    assert list(tmp_path.iterdir()) == []
    content.close()


async def test_chunks_of_all_sizes() -> None:
    parts = [b"a", b"", b"b" * (_SPOOL_BYTES + 3), b"c" * 5, b"d" * _SPOOL_BYTES]
    content = await spool(chunks(*parts), max_bytes=None)
    fingerprint = content.fingerprint(NEVER)
    assert fingerprint.md5 == hashlib.md5(b"".join(parts)).digest()
    with content.open(fingerprint) as file:
        assert file.read() == b"".join(parts)
    content.close()


async def test_no_data() -> None:
    before = open_files()
    for parts in ([], [b"", b""]):
        with pytest.raises(InvalidSourceError, match="No data"):
            await spool(chunks(*parts), max_bytes=None)
    assert await settled_files(before) == {}


async def test_too_much_data_is_noticed_at_once() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1000)

    before = open_files()
    with pytest.raises(InvalidSourceError, match="longer than the 2500 bytes"):
        await spool(endless(), max_bytes=2500)
    assert taken == 3
    assert await settled_files(before) == {}


async def test_exactly_as_much_as_allowed() -> None:
    content = await spool(chunks(bytes(2500)), max_bytes=2500)
    assert content.fingerprint(NEVER).byte_size == 2500
    content.close()


async def test_whoever_sends_breaks_off() -> None:
    class HangupError(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield b"x" * _SPOOL_BYTES
        raise HangupError

    before = open_files()
    with pytest.raises(HangupError):
        await spool(broken(), max_bytes=None)
    assert await settled_files(before) == {}


@pytest.mark.parametrize("turns", range(12))
async def test_cancelled_anywhere(turns: int) -> None:
    before = open_files()
    hang = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"x" * _SPOOL_BYTES
        await hang.wait()

    task = asyncio.create_task(spool(slow(), max_bytes=None))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await settled_files(before) == {}


async def test_no_temporary_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="temporary file") as caught:
        await spool(chunks(b"x"), max_bytes=None)
    assert "TMPDIR" in str(caught.value)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux")
async def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(buffering: int) -> io.FileIO:
        return io.FileIO("/dev/full", "r+")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    before = open_files()
    with pytest.raises(OutputError, match="No space left"):
        await spool(chunks(b"x"), max_bytes=None)
    assert await settled_files(before) == {}


async def test_released_data_cannot_be_opened() -> None:
    content = await spool(chunks(b"x"), max_bytes=None)
    content.close()
    with pytest.raises(InvalidSourceError, match="released"):
        content.open(content.fingerprint(NEVER))


async def test_forgotten_data_is_released() -> None:
    before = open_files()
    content: SpooledContent | None = await spool(chunks(b"x"), max_bytes=None)
    assert content is not None
    del content
    assert await settled_files(before) == {}
