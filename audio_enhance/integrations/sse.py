"""A job's events as Server-Sent Events, which a browser takes up again by itself."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from audio_enhance import (
    Downloading,
    Event,
    Finished,
    Job,
    Processing,
    Retrying,
    Submitted,
    Uploading,
)

HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # nginx would keep events back until a buffer is full
}
"""The headers that an event stream is answered with."""


def as_dict(event: Event) -> dict[str, Any]:
    """Return an event as a dict for JSON; the messages of errors contain no secrets."""
    told: dict[str, Any] = {
        "event": type(event).__name__.lower(),
        "job_id": event.job_id,
        "source": event.source,
        "strength": event.strength,
        "asset_id": event.asset_id,
        "enhancement_id": event.enhancement_id,
    }
    match event:
        case Uploading():
            told |= {"sent": event.sent, "total": event.total}
        case Submitted():
            told |= {"position": event.position}
        case Processing():
            end = event.expected_end
            told |= {
                "status": event.status.value,
                "expected_end": end.isoformat() if end is not None else None,
            }
        case Downloading():
            told |= {"received": event.received, "total": event.total}
        case Retrying():
            told |= {"error": str(event.error), "wait": event.wait}
        case Finished():
            told |= {
                "path": event.path,
                "error": str(event.error) if event.error is not None else None,
            }
        case _:
            pass
    return told


def event_number(last_event_id: str | None, job_id: str) -> int:
    """Return the number in a `Last-Event-ID` header; 0, the beginning, for anything else.

    A job that was resumed after a restart has a new id and begins with its events again.
    """
    number, _, of = (last_event_id or "").partition(":")
    return int(number) if of == job_id and number.isdecimal() else 0


async def server_sent_events(
    job: Job, last_event_id: str | None = None, *, keep_alive: float = 15.0
) -> AsyncGenerator[bytes]:
    """Yield a job's events in the format of Server-Sent Events, to its end.

    Args:
        job: The job.
        last_event_id: The request's `Last-Event-ID`: the stream goes on after it.
        keep_alive: Seconds of silence after which a comment is sent, so that no proxy on the way to
            the browser takes the connection for dead.
    """
    async with aclosing(job.numbered_events(event_number(last_event_id, job.id))) as events:
        following = asyncio.ensure_future(anext(events, None))
        try:
            while True:
                done, _ = await asyncio.wait([following], timeout=keep_alive)
                if not done:
                    yield b": still here\n\n"
                    continue
                item = following.result()
                if item is None:
                    return
                number, event = item
                told = as_dict(event)
                text = json.dumps(told, ensure_ascii=False)
                yield f"id: {number}:{job.id}\nevent: {told['event']}\ndata: {text}\n\n".encode()
                following = asyncio.ensure_future(anext(events, None))
        finally:
            following.cancel()
            await asyncio.wait([following])
