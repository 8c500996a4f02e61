"""Connections that are dropped, and those that are closed after an answer."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from audio_enhance.local.serving.connection import close_after, reset
from audio_enhance.local.serving.listener import Listener

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
HEAD = b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"


@asynccontextmanager
async def connected(
    handler: Handler,
) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Yield a connection to a server of one handler."""
    runner = web.ServerRunner(web.Server(handler), shutdown_timeout=0.1)
    listener = await Listener.open(runner, "127.0.0.1", 0)
    port = int(listener.url().rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        await listener.close()


async def refuse(request: web.BaseRequest) -> web.StreamResponse:
    response = web.Response(status=403, text="no")
    await close_after(request, response)
    return response


async def test_a_reset_is_one() -> None:
    async def drop(request: web.BaseRequest) -> web.StreamResponse:
        reset(request)
        reset(request)  # there is nothing left to drop
        return web.Response()

    async with connected(drop) as (reader, writer):
        writer.write(HEAD % 0)
        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_who_has_sent_a_small_body_has_the_answer_however_late_it_looks() -> None:
    async with connected(refuse) as (reader, writer):
        writer.write(HEAD % 50_000 + bytes(50_000))
        await writer.drain()
        await asyncio.sleep(0.05)
        answer = await reader.read()
        assert answer.startswith(b"HTTP/1.1 403")
        assert answer.endswith(b"no")


async def test_who_goes_on_sending_meets_a_closed_connection() -> None:
    async with connected(refuse) as (_, writer):
        writer.write(HEAD % (1 << 30))
        with pytest.raises(ConnectionError):
            for _ in range(1 << 10):
                writer.write(bytes(1 << 20))
                await writer.drain()
