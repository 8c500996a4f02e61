"""For ASGI applications (Starlette, FastAPI, Litestar): life cycle, uploads in and results out."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

from audio_enhance import EnhanceClient, SpeechEnhancement

from ._disconnect import ClientDisconnectedError

__all__ = ["ClientDisconnectedError", "Receive", "body_chunks", "lifespan", "passed_through"]

# Mapping, since the messages are mutable ones in Starlette and typed dictionaries in Litestar.
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


def lifespan(
    make_client: Callable[[], EnhanceClient], *, drain: float = 30.0
) -> Callable[[Any], AbstractAsyncContextManager[None]]:
    """Return a `lifespan` that opens one client for the application, as `app.state.enhance`.

    Args:
        make_client: Makes the client; called when the application starts.
        drain: The seconds that jobs under way are given when it stops; then they are
            cancelled, and what was submitted goes on at the server.
    """

    @asynccontextmanager
    async def opened(app: Any) -> AsyncGenerator[None]:
        async with make_client() as client:
            app.state.enhance = client
            yield
            await client.drain(drain)

    return opened


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
