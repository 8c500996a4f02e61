"""For ASGI applications (Starlette, FastAPI, Litestar): life cycle, uploads in and results out."""

from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
)
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from audio_enhance import EnhanceClient, SpeechEnhancement

from ._disconnect import ClientDisconnectedError
from ._life import client_and_jobs

__all__ = [
    "App",
    "ClientDisconnectedError",
    "Receive",
    "Send",
    "body_chunks",
    "lifespan",
    "passed_through",
    "with_lifespan",
]

# Mapping, since the messages are mutable ones in Starlette and typed dictionaries in Litestar.
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
# What frameworks call by their own types of messages is any for each of them.
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]


def lifespan(
    make_client: Callable[[], EnhanceClient],
    *,
    drain: float | None = None,
    keep_in: str | Path | None = None,
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return a `lifespan` that opens one client for the application, as `app.state.enhance`.

    Args:
        make_client: Makes the client; called when the application starts.
        drain: The seconds that jobs under way are given when it stops; then they are
            cancelled, and what was submitted goes on at the server. The default is 30, and 0
            with `keep_in`, as the next start resumes them.
        keep_in: A folder for a `KeptJobs`, which is then `app.state.enhance_jobs`.
    """

    @asynccontextmanager
    async def opened(app: Any) -> AsyncGenerator[None]:
        async with client_and_jobs(make_client, drain, keep_in) as (client, jobs):
            app.state.enhance, app.state.enhance_jobs = client, jobs
            yield

    return opened


def with_lifespan(
    app: App,
    make_client: Callable[[], EnhanceClient],
    *,
    drain: float | None = None,
    keep_in: str | Path | None = None,
) -> App:
    """Return an ASGI application that has no lifespan of its own, Django's for example, with one.

    The client is `scope["state"]["enhance"]` of each request, and the `KeptJobs` are
    `scope["state"]["enhance_jobs"]`.

    Args:
        app: The application; it is never asked about its lifespan.
        make_client: As for `lifespan`, and so are the others.
        drain: See there.
        keep_in: See there.
    """
    state: dict[str, Any] = {}

    async def live(receive: Receive, send: Send) -> None:
        await receive()
        part = "startup"
        try:
            async with client_and_jobs(make_client, drain, keep_in) as (client, jobs):
                state.update(enhance=client, enhance_jobs=jobs)
                await send({"type": "lifespan.startup.complete"})
                part = "shutdown"
                await receive()
        except Exception as error:
            # Otherwise servers take the application for one that has no lifespan.
            await send({"type": f"lifespan.{part}.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.shutdown.complete"})

    async def wrapped(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await live(receive, send)
        else:
            scope["state"] = {**scope.get("state", {}), **state}
            await app(scope, receive, send)

    return wrapped


async def body_chunks(receive: Receive) -> AsyncIterator[bytes]:
    """Yield the body of an ASGI request as it arrives, for `Source.spool`.

    Raises:
        ClientDisconnectedError: The sender went away before the end.
    """
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnectedError
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return


async def passed_through(
    client: EnhanceClient,
    enhancement: SpeechEnhancement,
    range: str | None = None,  # noqa: A002  the header's own name
) -> tuple[int, Mapping[str, str], AsyncGenerator[bytes]]:
    """Open a result, and return status, headers and chunks for a streaming response.

    The connection to the object store is closed with the chunks, at their end or before.

    Args:
        client: The client.
        enhancement: A finished one.
        range: The request's `Range` header, of a player for example.

    Raises:
        InvalidInputError: The range is malformed.
        AudioEnhanceError: Whatever else went wrong, before anything was answered.
    """
    opened = AsyncExitStack()
    part = await opened.enter_async_context(client.stream(enhancement, range=range))

    async def chunks() -> AsyncGenerator[bytes]:
        async with opened:
            async for chunk in part:
                yield chunk

    return part.status, part.headers, chunks()
