"""Uploads to a raw server."""

from collections.abc import AsyncIterator

import pytest

from audio_enhance import Source, Timeouts
from audio_enhance._session.addresses import Reach
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.storage import Storage
from audio_enhance._transfer.upload import put

from .clock import ManualClock
from .raw_server import RawServer

SIGNED = "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost"
LATER = "X-Amz-SignedHeaders=content-length%3bcontent-type%3bhost"


def storage_of(transport: Transport, clock: ManualClock) -> Storage:
    return Storage(transport, Pacing(), clock, Reach.of("http://127.0.0.1"))


@pytest.fixture
async def storage(clock: ManualClock) -> AsyncIterator[Storage]:
    transport = Transport(None, Timeouts(stall=5))
    yield storage_of(transport, clock)
    await transport.aclose()


class Upload:
    """One PUT to a raw server."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.told: list[int] = []

    async def __call__(self, server: RawServer, source: Source, query: str = SIGNED) -> None:
        url = f"{server.url}/Assets/3445%2f?{query}&X-Amz-Signature=45bad"
        await put(self.storage, source, url, self.told.append)


@pytest.fixture
def upload(storage: Storage) -> Upload:
    return Upload(storage)


def xml(code: str, message: str = "Said so.") -> bytes:
    return f"<Error><Code>{code}</Code><Message>{message}</Message></Error>".encode()
