"""Downloads from a raw server that holds one object."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import AudioEnhanceError, RetryPolicy, Timeouts
from audio_enhance._session.addresses import Reach
from audio_enhance._session.retry import Retrier
from audio_enhance._session.sessions import Transport
from audio_enhance._transfer.download import Download
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance._transfer.storage import Storage

from .clock import ManualClock
from .raw_server import RawServer, Reply, Request, reply
from .resources import open_files, settled_files

DATA = bytes(range(256)) * 1500
ETAG = '"9b2cf535f27731c974343645a3985328"'
QUERY = "X-Amz-SignedHeaders=host&response-content-disposition=attachment%3B%20filename%3D%22a%2Fb"


def etag_and(headers: dict[str, Any]) -> dict[str, Any]:
    return {"ETag": ETAG} | headers


def part(data: bytes, start: int, *, total: int | None = None, **headers: Any) -> Reply:
    total = len(data) if total is None else total
    span = f"bytes {start}-{len(data) - 1}/{total}"
    return reply(206, data[start:], content_range=span, **etag_and(headers))


def whole(data: bytes = DATA, **headers: Any) -> Reply:
    return reply(200, data, **etag_and(headers))


def cut(data: bytes, at: int, **headers: Any) -> Reply:
    """The beginning of an answer that announced more."""
    return reply(200, data[:at], length=len(data), then="close", **etag_and(headers))


class Store:
    """An object store that holds one object, honours ranges, and cuts every answer short."""

    def __init__(self, data: bytes, piece: int) -> None:
        self.data = data
        self.piece = piece
        self.etag = ETAG

    def __call__(self, request: Request) -> Reply:
        found = re.fullmatch(r"bytes=(\d+)-", request.headers.get("range", ""))
        if found and request.headers.get("if-range") == self.etag:
            start = int(found[1])
            answer = part(self.data, start, ETag=self.etag)
        else:
            start = 0
            answer = whole(self.data, ETag=self.etag)
        head, _, body = answer.pieces[0].partition(b"\r\n\r\n")
        last = len(body) <= self.piece
        return Reply((head + b"\r\n\r\n" + body[: self.piece],), then="keep" if last else "close")


class Fetch:
    """Downloads from a raw server into a folder."""

    def __init__(self, directory: Path, clock: ManualClock) -> None:
        self.directory = directory
        self.clock = clock
        self.timeouts = Timeouts(stall=5)
        self.policy = RetryPolicy(attempts=4)
        self.told: list[tuple[int, int | None]] = []
        self.retries: list[AudioEnhanceError] = []
        self.located = 0
        self.name: str | None = None
        self.source_bytes: int | None = None
        self.most: int | None = None
        self.reach = Reach.of("http://127.0.0.1")

    async def __call__(self, server: RawServer, path: str = f"/b877%2f?{QUERY}") -> bytes:
        async def locate() -> str:
            self.located += 1
            return server.url + path

        return await self.at(locate)

    async def at(self, locate: Callable[[], Awaitable[str]]) -> bytes:
        transport = Transport(None, self.timeouts)
        file = PartialFile(self.directory)
        download = Download(
            Storage(transport, Pacing(), self.clock, self.reach, self.most),
            file,
            on_bytes=lambda received, total: self.told.append((received, total)),
            source_bytes=self.source_bytes,
        )
        try:
            await download.run(
                Retrier(self.policy, self.clock),
                locate,
                lambda error, wait: self.retries.append(error),
            )
            self.name = download.name
            await file.write()
            assert file.size == file.path.stat().st_size
            return file.path.read_bytes()
        finally:
            await file.discard()
            await transport.aclose()


@pytest.fixture
def fetch(tmp_path: Path, clock: ManualClock) -> Fetch:
    return Fetch(tmp_path, clock)


@pytest.fixture(autouse=True)
async def nothing_stays_open() -> AsyncIterator[None]:
    before = open_files()
    yield
    assert await settled_files(before) == {}
