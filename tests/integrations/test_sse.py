"""A job's events as a browser reads them."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from audio_enhance import (
    AudioEnhanceError,
    Downloading,
    EnhancementStatus,
    Event,
    Finished,
    Hashing,
    Job,
    Processing,
    Retrying,
    Source,
    Submitted,
    Uploading,
)
from audio_enhance._jobs.running import RunningJob
from audio_enhance.integrations.sse import as_dict, event_number, server_sent_events

ABOUT: dict[str, Any] = {"job_id": "1-a", "source": "talk.mp3", "strength": 93}
ERROR = AudioEnhanceError("No.")
SOON = datetime(2024, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (Hashing(**ABOUT), {"event": "hashing"}),
        (Uploading(**ABOUT, sent=1, total=2), {"sent": 1, "total": 2}),
        (Submitted(**ABOUT, position=3), {"position": 3}),
        (
            Processing(**ABOUT, status=EnhancementStatus.QUEUED, expected_end=SOON),
            {"status": "queued", "expected_end": "2024-04-09T00:00:00+00:00"},
        ),
        (Processing(**ABOUT, status=EnhancementStatus.QUEUED), {"expected_end": None}),
        (Downloading(**ABOUT, received=1, total=None), {"received": 1, "total": None}),
        (
            Retrying(**ABOUT, error=AudioEnhanceError("No."), wait=2.5),
            {"error": "No.", "wait": 2.5},
        ),
        (Finished(**ABOUT, path="a.mp3"), {"path": "a.mp3", "error": None}),
        (Finished(**ABOUT, error=ERROR), {"path": None, "error": "No."}),
    ],
)
def test_each_event_with_what_it_tells(event: Event, told: dict[str, Any]) -> None:
    found = as_dict(event)
    assert found.items() >= (ABOUT | told).items()
    assert found["event"] == type(event).__name__.lower()
    json.dumps(found)


@pytest.mark.parametrize(
    ("header", "number"),
    [
        (None, 0),
        ("", 0),
        ("17:1-a", 17),
        ("17", 0),  # of nobody
        ("17:2-b", 0),  # of the same job before a restart
        ("-1:1-a", 0),
        ("x:1-a", 0),
        ("1.5:1-a", 0),
    ],
)
def test_where_a_stream_goes_on(header: str | None, number: int) -> None:
    assert event_number(header, "1-a") == number


def finished_job() -> Job:
    job = RunningJob(Source.from_bytes(b"ID3", "tälk.mp3"), 93, 0)
    job.tell(Hashing)
    job.tell(Finished, path="a.mp3")
    return Job(job)


async def test_its_form_and_its_end() -> None:
    job = finished_job()
    sent = [piece async for piece in server_sent_events(job)]
    ids = [piece.split(b"\n")[0].decode() for piece in sent]
    assert ids == [f"id: {number}:{job.id}" for number in (1, 2, 3)]
    lines = sent[0].decode().split("\n")
    assert lines[1] == "event: queued"
    assert json.loads(lines[2].removeprefix("data: "))["source"] == "tälk.mp3"
    assert lines[3:] == ["", ""]


async def test_it_goes_on_after_what_was_read() -> None:
    job = finished_job()
    sent = [piece async for piece in server_sent_events(job, f"2:{job.id}")]
    assert [piece.split(b"\n")[1] for piece in sent] == [b"event: finished"]


@pytest.mark.virtual_time
async def test_silence_is_broken_and_whoever_leaves_leaves_nothing() -> None:
    tasks = asyncio.all_tasks()
    job = RunningJob(Source.from_bytes(b"ID3", "talk.mp3"), 93, 0)
    stream = server_sent_events(Job(job), keep_alive=15.0)
    began = asyncio.get_running_loop().time()
    assert b"queued" in await anext(stream)
    assert await anext(stream) == b": still here\n\n"
    assert asyncio.get_running_loop().time() == began + 15.0
    job.tell(Hashing)
    assert b"hashing" in await anext(stream)
    await stream.aclose()
    assert asyncio.all_tasks() == tasks
