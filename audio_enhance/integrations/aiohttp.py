"""For aiohttp.web applications: life cycle, uploads that stream in, events, errors as answers."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler

from audio_enhance import AudioEnhanceError, EnhanceClient

from ._disconnect import ClientDisconnectedError
from ._life import client_and_jobs
from .kept import KeptJobs
from .problems import problem
from .sse import HEADERS

__all__ = [
    "CLIENT",
    "JOBS",
    "ClientDisconnectedError",
    "cleanup_ctx",
    "event_stream",
    "part_chunks",
    "problem_answers",
    "setup",
]

CLIENT = web.AppKey("audio_enhance", EnhanceClient)
"""Where `cleanup_ctx` puts the client: `request.app[CLIENT]`."""

JOBS = web.AppKey("audio_enhance_jobs", KeptJobs)
"""Where `cleanup_ctx` puts the kept jobs, if it was given a folder for them."""

_STREAMS = web.AppKey("audio_enhance_streams", set[asyncio.Task[None]])
_CHUNK_BYTES = 1 << 16


def setup(
    app: web.Application,
    make_client: Callable[[], EnhanceClient],
    *,
    drain: float | None = None,
    keep_in: str | Path | None = None,
) -> None:
    """Give an application a client, event streams that end when it stops, and problem answers.

    Args:
        app: The application, before it starts.
        make_client: As for `cleanup_ctx`, and so are the others.
        drain: See there.
        keep_in: See there.
    """
    app[_STREAMS] = set()
    app.middlewares.append(problem_answers)
    app.on_shutdown.append(_end_streams)
    app.cleanup_ctx.append(cleanup_ctx(make_client, drain=drain, keep_in=keep_in))


def cleanup_ctx(
    make_client: Callable[[], EnhanceClient],
    *,
    drain: float | None = None,
    keep_in: str | Path | None = None,
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a context for `app.cleanup_ctx` that opens one client for the application.

    Args:
        make_client: Makes the client; called when the application starts.
        drain: The seconds that jobs under way are given when it stops; then they are
            cancelled, and what was submitted goes on at the server. The default is 30, and 0
            with `keep_in`, as the next start resumes them.
        keep_in: A folder for a `KeptJobs`, which is then `app[JOBS]`.
    """

    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with client_and_jobs(make_client, drain, keep_in) as (client, jobs):
            app[CLIENT] = client
            if jobs is not None:
                app[JOBS] = jobs
            yield

    return opened


@web.middleware
async def problem_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer with a problem (RFC 9457) where a handler raises one of our errors."""
    try:
        return await handler(request)
    except AudioEnhanceError as error:
        if request.writer.output_size:
            raise  # an answer has begun: there can be no other
        found = problem(error)
        return web.Response(status=found.status, headers=found.headers, body=found.body)


async def event_stream(request: web.Request, events: AsyncGenerator[bytes]) -> web.StreamResponse:
    """Answer with Server-Sent Events, until they end, the browser leaves, or the server stops.

    When aiohttp stops, it waits a minute for open answers. With `setup`, these streams end at
    once, and browsers reconnect by themselves.

    Args:
        request: The request.
        events: What `server_sent_events` or `KeptJobs.events` returned.
    """
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)

    async def write() -> None:
        async with aclosing(events):
            async for piece in events:
                await response.write(piece)

    writing = asyncio.create_task(write())
    streams = request.app.get(_STREAMS, set[asyncio.Task[None]]())
    streams.add(writing)
    try:
        await asyncio.wait([writing])
    finally:
        streams.discard(writing)
        writing.cancel()
        await asyncio.wait([writing])
    if not writing.cancelled() and not isinstance(writing.exception(), ConnectionError | None):
        writing.result()
    return response


async def _end_streams(app: web.Application) -> None:
    for writing in app[_STREAMS]:
        writing.cancel()


async def part_chunks(part: BodyPartReader) -> AsyncIterator[bytes]:
    """Yield a multipart part as it arrives, for `Source.spool`.

    Raises:
        ClientDisconnectedError: The sender went away before the end.
    """
    try:
        while chunk := await part.read_chunk(_CHUNK_BYTES):
            yield bytes(chunk)
    except (ConnectionError, web.RequestPayloadError):
        raise ClientDisconnectedError from None
