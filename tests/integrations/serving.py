"""Applications that are served as they would be, their starts and ends included."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import uvicorn
from aiohttp import web

from audio_enhance import EnhanceClient
from audio_enhance.local import LocalService
from tests.conftest import QUICK_POLLING, QUICK_RETRY


def client_of(service: LocalService, max_waiting: int | None = None) -> EnhanceClient:
    """A client that does not wait longer than it has to."""
    return EnhanceClient(
        service.credentials,
        base_url=service.base_url,
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
        max_waiting=max_waiting,
    )


class Server(uvicorn.Server):
    """Uvicorn, which leaves the signals to pytest."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def listening(app: Any, **settings: Any) -> AsyncGenerator[str]:
    """Serve an ASGI application, and tell the address of its enhancements."""
    server = Server(uvicorn.Config(app, lifespan="on", log_config=None, ws="none", **settings))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        try:
            while not server.started:
                assert not serving.done()
                await asyncio.sleep(0.01)
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/enhancements"
        finally:
            server.should_exit = True
            await serving


@asynccontextmanager
async def listening_aiohttp(app: web.Application) -> AsyncGenerator[str]:
    """Serve an aiohttp application, and tell the address of its enhancements."""
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/enhancements"
    finally:
        await runner.cleanup()
