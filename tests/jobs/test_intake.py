"""Jobs whose recording is still arriving, and clients that are closed meanwhile."""

import asyncio
import gc
import threading
from collections.abc import AsyncGenerator
from inspect import CORO_CLOSED, getcoroutinestate
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    ClientClosedError,
    EnhanceClient,
    Event,
    InvalidInputError,
    InvalidSourceError,
    InvalidStrengthError,
    JobCancelledError,
    Journal,
    Source,
)
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.support.resources import open_files, settled_files

RECORDING = b"ID3" + bytes(range(256)) * 40


async def pieces() -> AsyncGenerator[bytes]:
    yield RECORDING


async def test_what_arrived_is_not_kept_for_as_long_as_the_job_is_known(
    client: EnhanceClient, tmp_path: Path
) -> None:
    await client.enhance(RECORDING, strength=93, output_dir=tmp_path)  # connections stay open
    before = open_files()
    jobs = [
        await client.submit(Source.spool(pieces(), f"{number}.mp3"), strength=93)
        for number in range(3)
    ]
    for job in jobs:
        result = await job
        assert result.asset.byte_size == len(RECORDING)
    jobs.append(await client.submit(Source.spool(pieces(), "cancelled.mp3"), strength=93))
    jobs[-1].cancel()
    with pytest.raises(JobCancelledError):
        await jobs[-1]
    gc.collect()
    left = await settled_files(before)
    assert [what for what in left.values() if "deleted" in what or "/tmp" in what] == []
    assert all(job.status.finished for job in jobs)


async def test_a_client_that_is_closed_while_a_recording_arrives_stays_closed(
    client: EnhanceClient,
) -> None:
    arrive = asyncio.Event()
    before = open_files()

    async def slow() -> AsyncGenerator[bytes]:
        yield RECORDING
        await arrive.wait()

    submitting = asyncio.create_task(client.submit(Source.spool(slow(), "a.mp3"), strength=93))
    while client.waiting == 0:
        await asyncio.sleep(0)
    await client.aclose()
    arrive.set()
    with pytest.raises(JobCancelledError, match="closed") as caught:
        await submitting
    assert caught.value.source == "a.mp3"
    assert client._connections._opened is None
    assert client.waiting == 0
    await settled_files(before)
    assert not [what for what in (await settled_files(before)).values() if "deleted" in what]


async def test_a_job_that_a_closed_client_cannot_begin_tells_nothing(
    client: EnhanceClient, recording: Path, tmp_path: Path
) -> None:
    told: list[Event] = []
    async with await Journal.open(tmp_path / "journal.sqlite") as journal:
        submitting = asyncio.create_task(
            client.submit(recording, journal=journal, on_event=told.append)
        )
        await asyncio.sleep(0)  # it is about to be written down
        await client.aclose()
        with pytest.raises(ClientClosedError):
            await submitting
        assert told == []  # its end would never be told
        assert [entry async for entry in journal.entries()] == []


async def test_looking_at_a_client_opens_nothing(enhance_service: LocalService) -> None:
    client = EnhanceClient(enhance_service.credentials, base_url=enhance_service.base_url)
    looked: list[Any] = []

    def look() -> None:
        looked.extend([client.waiting, client.backlog_seconds])

    thread = threading.Thread(target=look)  # where no event loop runs
    thread.start()
    thread.join()
    assert looked == [0, 0.0]
    assert await client.drain(1)
    assert client._connections._opened is None


async def test_what_is_awaited_may_be_anything_that_is_a_source(client: EnhanceClient) -> None:
    async def elsewhere(found: Any) -> Any:
        return found

    job = await client.submit(elsewhere(RECORDING), strength=93)
    assert (await job).asset.byte_size == len(RECORDING)
    with pytest.raises(InvalidSourceError):
        await client.submit(elsewhere(7), strength=93)
    with pytest.raises(InvalidStrengthError):
        await client.submit(elsewhere(RECORDING), strength=101)
    assert client.waiting == 0


@pytest.mark.parametrize(
    "refused", [{"strength": 101}, {"filename": "b.mp3"}, {"output_dir": "https://host/out"}]
)
async def test_a_recording_that_is_refused_waits_for_nobody(
    client: EnhanceClient, refused: dict[str, Any]
) -> None:
    arriving = Source.spool(pieces(), "a.mp3")
    with pytest.raises(InvalidInputError):
        await client.submit(arriving, **refused)
    assert getcoroutinestate(arriving) == CORO_CLOSED


async def test_a_source_that_changed_can_be_used_again(
    client: EnhanceClient, recording: Path, tmp_path: Path
) -> None:
    source = Source.from_path(recording)
    await source.fingerprint()
    recording.write_bytes(RECORDING)
    with pytest.raises(Exception, match="changed"):
        await client.enhance(source, strength=93, output_dir=tmp_path)
    result = await client.enhance(source, strength=93, output_dir=tmp_path)
    assert result.path.read_bytes() == Rehearsal.expected(RECORDING, 93)
