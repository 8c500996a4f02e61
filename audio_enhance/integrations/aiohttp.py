"""For aiohttp.web applications: life cycle and multipart uploads that stream in."""

from collections.abc import AsyncIterator, Callable

from aiohttp import BodyPartReader, web

from audio_enhance import EnhanceClient

from ._disconnect import ClientDisconnectedError

__all__ = ["CLIENT", "ClientDisconnectedError", "cleanup_ctx", "part_chunks"]

CLIENT = web.AppKey("audio_enhance", EnhanceClient)
"""Where `cleanup_ctx` puts the client: `request.app[CLIENT]`."""

_CHUNK_BYTES = 1 << 16


def cleanup_ctx(
    make_client: Callable[[], EnhanceClient], *, drain: float = 30.0
) -> Callable[[web.Application], AsyncIterator[None]]:
    """Return a context for `app.cleanup_ctx` that opens one client for the application.

    Args:
        make_client: Makes the client; called when the application starts.
        drain: The seconds that jobs under way are given when it stops; then they are
            cancelled, and what was submitted goes on at the server.
    """

    async def opened(app: web.Application) -> AsyncIterator[None]:
        async with make_client() as client:
            app[CLIENT] = client
            yield
            await client.drain(drain)

    return opened


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
