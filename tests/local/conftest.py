"""A running local service and a plain client of it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any, Protocol

import aiohttp
import pytest

from audio_enhance.local import LocalService

from .support import Caller, FakeClock, StandIn


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def enhancer() -> StandIn:
    """An enhancer that copies."""
    return StandIn()


class Serve(Protocol):
    """Starts a service."""

    async def __call__(self, **arguments: Any) -> Caller: ...


@pytest.fixture
async def serve(enhancer: StandIn) -> AsyncIterator[Serve]:
    """A function that starts a service for the test, and gives a client of it."""
    async with AsyncExitStack() as stack:

        async def start(**arguments: Any) -> Caller:
            chosen: dict[str, Any] = {"enhancer": enhancer} | arguments
            service = LocalService(**chosen)
            await stack.enter_async_context(service)
            session = await stack.enter_async_context(aiohttp.ClientSession())
            token = service.issue_token(service.client_id)
            return Caller(service, session, service.client_id, token)

        yield start


@pytest.fixture
async def caller(serve: Serve) -> Caller:
    """A client of a service that behaves like the real one."""
    return await serve()
