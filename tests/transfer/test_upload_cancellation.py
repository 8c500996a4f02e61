"""An upload that is cancelled leaves nothing open, at whichever turn."""

import asyncio
import time
from pathlib import Path

import pytest

from audio_enhance import Source, Timeouts
from audio_enhance._recording.content import Content
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.reader import Reader
from audio_enhance._recording.source import original_of
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.upload import _READ_BYTES, put
from tests.support import uploads
from tests.support.clock import ManualClock
from tests.support.raw_server import RawServer, Reply
from tests.support.resources import client_tasks, open_files, settled_files
from tests.support.uploads import Upload, storage_of

storage = uploads.storage
upload = uploads.upload


@pytest.mark.parametrize("turns", range(0, 40, 2))
async def test_cancelled_anywhere_it_leaves_nothing_open(
    clock: ManualClock, tmp_path: Path, turns: int
) -> None:
    path = tmp_path / "long.mp3"
    path.write_bytes(bytes(4 * _READ_BYTES))
    source = Source.from_path(path)
    await source.fingerprint()
    before, tasks = open_files(), client_tasks()
    transport = Transport(None, Timeouts())
    async with RawServer([Reply(after=3 * _READ_BYTES, then="hang")]) as server:
        work = put(storage_of(transport, clock), source, f"{server.url}/k", lambda sent: None)
        task = asyncio.create_task(work)
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert str(path) not in open_files().values()
        assert client_tasks() - tasks == set()  # nor does aiohttp send any more
        await transport.aclose()
    assert await settled_files(before) == {}


async def test_cancelled_at_any_turn_nobody_sends_any_more(clock: ManualClock) -> None:
    """aiohttp sends in a task of its own, and only asks that to end."""
    source = Source.from_bytes(bytes(2 * _READ_BYTES), "a.mp3")
    tasks = client_tasks()
    async with RawServer([Reply(after=2 * _READ_BYTES, then="hang")] * 60) as server:
        for turns in range(60):
            transport = Transport(None, Timeouts())
            work = put(storage_of(transport, clock), source, f"{server.url}/k", lambda sent: None)
            task = asyncio.create_task(work)
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert client_tasks() - tasks == set()
            await transport.aclose()


async def test_an_upload_that_is_cancelled_while_its_file_is_opened(
    upload: Upload, recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Source.from_path(recording)
    fingerprint = await source.fingerprint()
    opened = original_of(source).content.open
    before = open_files()
    started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow_open(self: Content, expected: Fingerprint) -> Reader:
        file = opened(expected)
        loop.call_soon_threadsafe(started.set)
        time.sleep(0.05)
        return file

    monkeypatch.setattr(type(original_of(source).content), "open", slow_open)
    async with RawServer() as server:
        task = asyncio.create_task(upload(server, source))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert fingerprint == await source.fingerprint()
    assert str(recording) not in open_files().values()
    assert await settled_files(before) == {}
