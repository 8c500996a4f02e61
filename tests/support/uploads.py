"""Uploads to a raw server."""

from collections.abc import AsyncIterator

import pytest

from audio_enhance import Source, Timeouts
from audio_enhance._transport import Transport
from audio_enhance._upload import put

from .clock import ManualClock
from .raw_server import RawServer

SIGNED = "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost"
LATER = "X-Amz-SignedHeaders=content-length%3bcontent-type%3bhost"


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    transport = Transport(None, Timeouts(stall=5))
    yield transport
    await transport.aclose()


class Upload:
    """One PUT to a raw server."""

    def __init__(self, transport: Transport, clock: ManualClock) -> None:
        self.transport = transport
        self.clock = clock
        self.told: list[int] = []

    async def __call__(self, server: RawServer, source: Source, query: str = SIGNED) -> None:
        url = f"{server.url}/Assets/3445%2f?{query}&X-Amz-Signature=45bad"
        await put(self.transport, self.clock, source, url, self.told.append)


@pytest.fixture
def upload(transport: Transport, clock: ManualClock) -> Upload:
    return Upload(transport, clock)


def xml(code: str, message: str = "Said so.") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
