"""`enhance` can be cancelled at any moment, and leaves nothing behind."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import EnhanceClient, Event, JobCancelledError, Source
from audio_enhance.local import Behaviour, Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.support.resources import (
    client_tasks,
    open_files,
    other_tasks,
    partial_files,
    settled_files,
    settled_tasks,
)
from tests.support.virtual_time import LoopClock

pytestmark = pytest.mark.virtual_time

CLOCK = LoopClock()

NAME = "earhart-aviation-enhanced-93p.mp3"


def client_of(service: LocalService) -> EnhanceClient:
    return EnhanceClient(service.credentials, base_url=service.base_url, clock=CLOCK)


@pytest.fixture
async def service() -> AsyncIterator[LocalService]:
    async with serving() as service:
        yield service


def serving(**behaviour: Any) -> LocalService:
    """Return a service that lives by the loop's clock."""
    return LocalService(
        enhancer=Rehearsal(sleep=CLOCK.sleep),
        behaviour=Behaviour(**behaviour),
        clock=CLOCK.monotonic,
    )


async def cancelled_after(
    turns: int, service: LocalService, source: Source, directory: Path
) -> bool:
    """Cancel after so many turns of the event loop; return whether it was too late for that."""
    files, tasks = open_files(), other_tasks()
    async with client_of(service) as client:
        enhancing = asyncio.create_task(client.enhance(source, strength=93, output_dir=directory))
        for turn in range(turns):
            # Time passes while nobody has anything to do, which is never so within these turns.
            await asyncio.sleep(0 if turn % 20 else 0.01)
            if enhancing.done():
                break
        enhancing.cancel()
        try:
            await enhancing
        except asyncio.CancelledError:
            finished = False
        else:
            finished = True
        # Nothing half-written, with the client still open.
        assert partial_files(directory) == []
        # What the call itself owned has ended. (A creation that is on its way is seen through,
        # and the client goes on watching what the server has of it.)
        names = {task.get_name() for task in client_tasks() - tasks}
        assert names <= {"create speech enhancement", "head of queue"}
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}
    return finished


@pytest.mark.parametrize("revision", ["2024-04", "later"])
async def test_after_any_number_of_turns(recording: Path, tmp_path: Path, revision: Any) -> None:
    async with serving(
        revision=revision, others_per_minute=100_000, creations_per_minute=100_000
    ) as service:
        source = Source.from_path(recording)
        await source.fingerprint()
        turns, ended_early = 0, 0
        while True:
            directory = tmp_path / f"out{turns}"
            if await cancelled_after(turns, service, source, directory):
                break
            ended_early += 1
            result = directory / NAME
            assert not result.exists() or result.read_bytes() == Rehearsal.expected(
                recording.read_bytes(), 93
            )
            turns = max(turns + 1, int(turns * 1.06))
        assert ended_early > 30
        assert (directory / NAME).read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)


PHASES = ["Queued", "Hashing", "Uploading", "Submitted", "Processing", "Downloading"]


@pytest.mark.parametrize("kind", PHASES)
async def test_in_each_phase(
    service: LocalService, recording: Path, tmp_path: Path, kind: str
) -> None:
    files, tasks = open_files(), other_tasks()
    async with client_of(service) as client:
        reached = asyncio.Event()

        def listen(event: Event) -> None:
            if type(event).__name__ == kind:
                reached.set()

        call = client.enhance(recording, strength=93, output_dir=tmp_path, on_event=listen)
        enhancing = asyncio.create_task(call)
        await reached.wait()
        enhancing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await enhancing
        assert partial_files(tmp_path) == []
        assert not (tmp_path / NAME).exists()
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}


@pytest.mark.parametrize(
    ("fault", "route"),
    [
        (Fault.SLOW_ANSWER, "POST /ims/token/v3"),
        (Fault.SLOW_ANSWER, "POST /assets"),
        (Fault.SLOW_ANSWER, "PUT /object"),
        (Fault.SLOW_ANSWER, "GET /assets/:id"),
        (Fault.SLOW_ANSWER, "GET /speech_enhancements/:id"),
        (Fault.SLOW_ANSWER, "GET /speech_enhancements/:id/download"),
        (Fault.SLOW_ANSWER, "GET /object"),
        (Fault.SLOW_DOWNLOAD, "GET /object"),
    ],
)
async def test_while_the_server_takes_its_time(
    service: LocalService, recording: Path, tmp_path: Path, fault: Fault, route: str
) -> None:
    files, tasks = open_files(), other_tasks()
    service.faults.slow_seconds = 0.3
    service.faults.script(fault, route=route)
    async with client_of(service) as client:
        enhancing = asyncio.create_task(client.enhance(recording, strength=93, output_dir=tmp_path))
        while service.count(route) == 0:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.01)
        enhancing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await enhancing
        assert partial_files(tmp_path) == []
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}


async def test_a_deadline_of_the_callers(
    service: LocalService, recording: Path, tmp_path: Path
) -> None:
    service.faults.slow_seconds = 1
    service.faults.script(Fault.SLOW_ANSWER, route="PUT /object")
    async with client_of(service) as client:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await client.enhance(recording, strength=93, output_dir=tmp_path)
        # … and the client is as good as new.
        result = await client.enhance(recording, strength=93, output_dir=tmp_path)
    assert result.path.exists()


async def test_a_task_group_that_fails_takes_its_enhancements_along(
    service: LocalService, recording: Path, tmp_path: Path
) -> None:
    files, tasks = open_files(), other_tasks()
    async with client_of(service) as client:
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                for strength in range(5):
                    group.create_task(
                        client.enhance(recording, strength=strength, output_dir=tmp_path)
                    )
                await asyncio.sleep(0.02)
                raise KeyError
        assert partial_files(tmp_path) == []
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}


async def test_closing_the_client_under_enhancements(
    service: LocalService, recording: Path, tmp_path: Path
) -> None:
    files, tasks = open_files(), other_tasks()
    for turns in (2, 5, 50, 200, 500):
        client = client_of(service)
        enhancing = [
            asyncio.create_task(
                client.enhance(recording, strength=strength, output_dir=tmp_path / str(turns))
            )
            for strength in range(3)
        ]
        for _ in range(turns):
            await asyncio.sleep(0)
        await client.aclose()
        await asyncio.wait(enhancing)
        assert partial_files(tmp_path) == []
        for task in enhancing:
            error = task.exception()
            assert isinstance(error, JobCancelledError) or task.result().path.is_file()
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}


@pytest.mark.parametrize("turns", [0, 1, 3, 10, 30])
async def test_cancelled_while_it_is_closing(
    service: LocalService, recording: Path, tmp_path: Path, turns: int
) -> None:
    files, tasks = open_files(), other_tasks()
    client = client_of(service)
    await client.create_asset(recording)
    job = await client.submit(recording, strength=93, output_dir=tmp_path)
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(client.aclose())
    for _ in range(turns):
        await asyncio.sleep(0)
    closing.cancel()
    await asyncio.wait([closing])
    assert job.status.finished or turns == 0
    await client.aclose()
    assert await settled_tasks(tasks) == set()
    assert await settled_files(files) == {}


async def test_cancelled_while_closing_waits_for_a_creation(
    service: LocalService, recording: Path, tmp_path: Path
) -> None:
    files, tasks = open_files(), other_tasks()
    service.faults.slow_seconds = 0.2
    service.faults.script(Fault.SLOW_ANSWER, route="POST /speech_enhancements")
    client = client_of(service)
    job = await client.submit(recording, strength=93, output_dir=tmp_path)
    while service.count("POST /speech_enhancements") == 0:
        await asyncio.sleep(0.001)
    closing = asyncio.create_task(client.aclose())
    for _ in range(3):  # an impatient caller
        await asyncio.sleep(0.01)
        closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    # It took effect when there was nothing left to close.
    assert client_tasks() - tasks == set()
    assert job.status.finished
    assert await settled_files(files) == {}
    assert await settled_tasks(tasks) == set()
