"""For ASGI applications (Starlette, FastAPI, Litestar): life cycle and bodies that stream in."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from audio_enhance import AudioEnhanceError, EnhanceClient

# Mapping, since the messages are mutable ones in Starlette and typed dictionaries in Litestar.
Receive = Callable[[], Awaitable[Mapping[str, Any]]]


class ClientDisconnectedError(AudioEnhanceError):
    """The browser went away before its upload was complete."""


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
            raise ClientDisconnectedError("The sender went away before the upload was complete.")
        if chunk := message.get("body", b""):
            yield chunk
        if not message.get("more_body", False):
            return
