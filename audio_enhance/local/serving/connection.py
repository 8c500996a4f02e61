"""What the service does to a connection besides answering."""

import asyncio
import socket
import struct
import sys
from typing import Final

from aiohttp import web

# struct linger: on, for no time at all. Its two numbers are shorter on Windows.
_NO_LINGER: Final = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
# How much of a refused body is read before the connection is closed, and for how long. Closing
# at once would let the kernel throw away the answer together with what was not read.
_LINGER_BYTES: Final = 1 << 20
_LINGER_SECONDS: Final = 1.0


def reset(request: web.BaseRequest) -> None:
    """Drop the connection with a TCP reset, as a crashed server or a firewall does."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


async def close_after(request: web.BaseRequest, response: web.Response) -> None:
    """Answer, read a little of the body that nobody wants, and close.

    Whoever has sent a small body gets the answer however late it looks. Whoever goes on sending
    a large one meets a closed connection, as with the real S3.
    """
    response.force_close()
    await response.prepare(request)
    await response.write_eof()
    left = _LINGER_BYTES
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while left > 0 and not request.content.at_eof():
                left -= len(await request.content.readany())
    except (TimeoutError, ConnectionError, web.RequestPayloadError):
        pass
    if request.transport is not None:
        request.transport.close()
