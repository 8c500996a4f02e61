"""A transport, and the requests that are made of it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from audio_enhance import Timeouts
from audio_enhance._session.sessions import Transport

# Everything that yarl rewrites in a URL given as text, lower-case hex included.
QUERY = (
    "X-Amz-Credential=ASIA%2F20240409%2fus-east-1%2Fs3&X-Amz-Security-Token=Fwo%2B%2f%3d%7E~%3A%40"
    "%2C%24%3F%2A%21%27%28%29+%20&X-Amz-SignedHeaders=content-length%3Bhost&X-Amz-Signature=45bad"
)
PATH = "/Assets/./a%2Fb/..//c%7e"
KEY = {"x-api-key": "the-id"}
TOKEN = "Bearer s3cr3t"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(None, Timeouts(connect=5, request=5, stall=5))
    yield transport
    await transport.aclose()


class Pieces:
    """A body in pieces, as an upload's."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = [memoryview(piece) for piece in pieces]

    def __aiter__(self) -> "Pieces":
        return self

    async def __anext__(self) -> memoryview:
        if not self.pieces:
            raise StopAsyncIteration
        await asyncio.sleep(0)
        return self.pieces.pop(0)


async def put(transport: Transport, url: str, *pieces: bytes, **headers: str) -> int:
    length = sum(map(len, pieces))
    sent = {"Content-Length": str(length), **headers}
    async with transport.put(url, sent, Pieces(*pieces)) as response:
        return response.status


async def get(transport: Transport, url: str, **headers: str) -> tuple[int, bytes]:
    async with transport.get(url, headers) as response:
        return response.status, await response.read()
