import asyncio
import os
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    CorruptTransferError,
    OutputError,
    ProtocolError,
    RetryPolicy,
    ServerError,
    StorageError,
    Timeouts,
    TransferStalledError,
)
from audio_enhance._download import _MOST_REFUSALS, Download
from audio_enhance._partial_file import PartialFile
from audio_enhance._retry import Retrier
from audio_enhance._transport import Transport

from .support.clock import ManualClock
from .support.raw_server import RawServer, Reply, Request, Script, reply
from .support.resources import open_files, settled_files

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
        self.plain_http = True

    async def __call__(self, server: RawServer, path: str = f"/b877%2f?{QUERY}") -> bytes:
        async def locate() -> str:
            self.located += 1
            return server.url + path

        return await self.at(locate)

    async def at(self, locate: Callable[[], Awaitable[str]]) -> bytes:
        transport = Transport(None, self.timeouts)
        file = PartialFile(self.directory)
        download = Download(
            transport,
            self.clock,
            file,
            plain_http=self.plain_http,
            on_bytes=lambda received, total: self.told.append((received, total)),
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


class TestWhole:
    async def test_what_is_there_arrives(self, fetch: Fetch) -> None:
        async with RawServer([whole(content_disposition='attachment; filename="a.mp3"')]) as server:
            assert await fetch(server) == DATA
        (request,) = server.requests
        assert request.line == f"GET /b877%2f?{QUERY} HTTP/1.1"
        assert "range" not in request.headers
        assert "if-range" not in request.headers
        assert fetch.name == "a.mp3"
        assert fetch.told[-1] == (len(DATA), len(DATA))

    @pytest.mark.parametrize("length", [0, 1, (1 << 20) - 1, 1 << 20, (5 << 20) + 17])
    async def test_all_lengths(self, fetch: Fetch, length: int) -> None:
        data = os.urandom(length)
        async with RawServer([whole(data)]) as server:
            assert await fetch(server) == data

    async def test_in_chunks(self, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        async with RawServer(
            [Reply((head, b"3\r\nabc\r\n", b"4;x=y\r\ndefg\r\n0\r\n\r\n"))]
        ) as server:
            assert await fetch(server) == b"abcdefg"
        assert fetch.told[-1] == (7, None)

    async def test_without_a_name(self, fetch: Fetch) -> None:
        async with RawServer([whole()]) as server:
            await fetch(server)
        assert fetch.name is None

    async def test_a_name_from_a_hostile_server(self, fetch: Fetch) -> None:
        header = 'attachment; filename="../../../etc/cron.d/evil.mp3"'
        async with RawServer([whole(content_disposition=header)]) as server:
            await fetch(server)
        assert fetch.name == "evil.mp3"


class TestCutShort:
    async def test_it_goes_on_where_it_was_cut(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 100_000), part(DATA, 100_000)]) as server:
            assert await fetch(server) == DATA
        assert server.requests[1].headers["range"] == "bytes=100000-"
        assert server.requests[1].headers["if-range"] == ETAG
        assert fetch.located == 2
        assert isinstance(fetch.retries[0], CorruptTransferError)
        assert fetch.told[-1] == (len(DATA), len(DATA))

    async def test_a_reset_instead_of_an_end(self, fetch: Fetch) -> None:
        broken = reply(200, DATA[:50_000], length=len(DATA), then="reset", ETag=ETAG)
        async with RawServer([broken, Store(DATA, len(DATA))]) as server:
            assert await fetch(server) == DATA

    async def test_as_long_as_bytes_come_it_goes_on(self, fetch: Fetch) -> None:
        pieces = 40  # ten times the attempts that one request is given
        store = Store(DATA, len(DATA) // pieces + 1)
        async with RawServer([store] * (pieces + 1)) as server:
            assert await fetch(server) == DATA
        assert len(server.requests) == pieces
        starts = [request.headers.get("range", "bytes=0-") for request in server.requests]
        assert starts == [f"bytes={n * store.piece}-" for n in range(pieces)]

    async def test_when_no_byte_comes_it_stops(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 1000)] + [part_of_nothing()] * 20) as server:
            with pytest.raises((CorruptTransferError, ConnectionFailedError)):
                await fetch(server)
        # Four attempts that brought some, and four more that brought none.
        assert len(server.requests) <= 8

    async def test_without_an_etag_it_starts_again(self, fetch: Fetch) -> None:
        first = reply(200, DATA[:9999], length=len(DATA), then="close")
        async with RawServer([first, reply(200, DATA)]) as server:
            assert await fetch(server) == DATA
        assert "range" not in server.requests[1].headers

    async def test_a_weak_etag_says_nothing_of_bytes(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 9999, ETag='W/"1"'), whole()]) as server:
            assert await fetch(server) == DATA
        assert "range" not in server.requests[1].headers

    async def test_another_version_starts_again(self, fetch: Fetch) -> None:
        other = DATA[::-1]
        async with RawServer([cut(DATA, 9999), whole(other, ETag='"2"')]) as server:
            assert await fetch(server) == other

    async def test_the_rest_of_another_version_is_not_taken(self, fetch: Fetch) -> None:
        # From a store that does not honour If-Range, as Swift's does not.
        other = DATA[::-1]
        script = [cut(DATA, 9999), part(other, 9999, ETag='"2"'), whole(other, ETag='"2"')]
        async with RawServer(script) as server:
            assert await fetch(server) == other
        assert isinstance(fetch.retries[-1], CorruptTransferError)

    @pytest.mark.parametrize(
        "answer",
        [
            part(DATA, 5000),
            part(DATA, 9999, total=len(DATA) + 1),
            reply(206, DATA[9999:], ETag=ETAG),
            reply(206, DATA[9999:], ETag=ETAG, content_range="bytes 9999-*/*"),
            reply(206, DATA[9999:], ETag=ETAG, content_range="items 1-2/3"),
        ],
    )
    async def test_a_rest_that_does_not_fit_is_not_taken(self, fetch: Fetch, answer: Reply) -> None:
        async with RawServer([cut(DATA, 9999), answer, whole()]) as server:
            assert await fetch(server) == DATA

    async def test_a_rest_that_is_too_long_is_not_taken(self, fetch: Fetch) -> None:
        span = f"bytes 9999-{len(DATA) - 1}/{len(DATA)}"
        longer = reply(206, DATA[9999:] + b"xx", ETag=ETAG, content_range=span)
        async with RawServer([cut(DATA, 9999), longer, whole()]) as server:
            assert await fetch(server) == DATA

    async def test_a_part_nobody_asked_for(self, fetch: Fetch) -> None:
        async with RawServer([part(DATA, 0), whole()]) as server:
            assert await fetch(server) == DATA

    async def test_a_range_that_is_not_there(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 9999), reply(416), whole(b"short")]) as server:
            assert await fetch(server) == b"short"

    async def test_chunked_and_cut(self, fetch: Fetch) -> None:
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: " + ETAG.encode()
        broken = Reply((head + b"\r\n\r\n3\r\nabc\r\n",), then="close")
        async with RawServer([broken, broken, whole(b"abcdefg"), whole(b"abcdefg")]) as server:
            assert await fetch(server) == b"abcdefg"

    async def test_chunked_garbage(self, fetch: Fetch) -> None:
        # aiohttp closes the connection then and tells nobody: for us it stands still.
        fetch.timeouts = Timeouts(stall=0.1)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        broken = Reply((head + b"3\r\nabc\r\n", b"zz\r\n"), then="close")
        async with RawServer([broken, whole()]) as server:
            assert await fetch(server) == DATA

    async def test_without_a_length_nobody_knows_whether_it_is_whole(self, fetch: Fetch) -> None:
        async with RawServer([reply(200, DATA, length=-1, then="close")]) as server:
            with pytest.raises(ProtocolError, match="without its length"):
                await fetch(server)
        assert len(server.requests) == 1

    async def test_what_came_compressed_cannot_be_counted(self, fetch: Fetch) -> None:
        body = zlib.compress(DATA)
        async with RawServer([reply(200, body, content_encoding="gzip")]) as server:
            with pytest.raises(ProtocolError, match="encoded: gzip"):
                await fetch(server)

    async def test_the_name_may_come_with_any_part(self, fetch: Fetch) -> None:
        named = part(DATA, 9999, content_disposition="attachment; filename=b.mp3")
        async with RawServer([cut(DATA, 9999), named]) as server:
            assert await fetch(server) == DATA
        assert fetch.name == "b.mp3"


def part_of_nothing() -> Reply:
    span = f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"
    return reply(206, length=len(DATA) - 1000, then="close", ETag=ETAG, content_range=span)


class TestStalls:
    async def test_a_server_that_says_nothing(self, fetch: Fetch) -> None:
        fetch.timeouts = Timeouts(stall=0.05)
        fetch.policy = RetryPolicy(attempts=2)
        async with RawServer() as server:
            with pytest.raises(TransferStalledError, match=r"0\.05 s"):
                await fetch(server)
        assert len(server.requests) == 2

    async def test_a_server_that_stops_in_the_middle(self, fetch: Fetch) -> None:
        fetch.timeouts = Timeouts(stall=0.05)
        stuck = reply(200, DATA[:3000], length=len(DATA), then="hang", ETag=ETAG)
        async with RawServer([stuck, Store(DATA, len(DATA))]) as server:
            assert await fetch(server) == DATA
        assert isinstance(fetch.retries[0], TransferStalledError)

    async def test_slow_but_steady_is_no_stall(self, fetch: Fetch) -> None:
        fetch.timeouts = Timeouts(stall=0.3)
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"
        async with RawServer([Reply((head, *[bytes(10)] * 60))]) as server:
            assert await fetch(server) == bytes(600)
        assert fetch.retries == []


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (404, "NoSuchKey", StorageError),
            (400, "InvalidArgument", StorageError),
            (204, "", StorageError),
        ],
    )
    async def test_what_cannot_get_better(
        self, fetch: Fetch, status: int, code: str, kind: type[StorageError]
    ) -> None:
        body = b"" if status == 204 else f"<Error><Code>{code}</Code></Error>".encode()
        async with RawServer([reply(status, body, length=len(body) or -1)]) as server:
            with pytest.raises(kind) as caught:
                await fetch(server)
        assert len(server.requests) == 1
        assert caught.value.status == status

    async def test_an_expired_url_is_renewed(self, fetch: Fetch) -> None:
        expired = reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        async with RawServer([expired, expired, whole()]) as server:
            assert await fetch(server) == DATA
        assert fetch.located == 3

    async def test_but_not_for_ever(self, fetch: Fetch) -> None:
        fetch.policy = RetryPolicy(attempts=50)
        expired = reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        async with RawServer([expired] * 50) as server:
            with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
                await fetch(server)
        assert len(server.requests) == 1 + _MOST_REFUSALS

    async def test_slow_down(self, fetch: Fetch) -> None:
        busy = reply(503, b"<Error><Code>SlowDown</Code></Error>", retry_after="7")
        async with RawServer([busy, whole()]) as server:
            assert await fetch(server) == DATA
        assert fetch.clock.sleeps == [7]
        assert isinstance(fetch.retries[0], ServerError)

    async def test_a_refusal_in_pieces(self, fetch: Fetch) -> None:
        body = b"<Error><Code>NoSuchKey</Code><Message>Gone</Message></Error>"
        head = f"HTTP/1.1 404 Not Found\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        async with RawServer([Reply((head, body[:15], body[15:]))]) as server:
            with pytest.raises(StorageError, match="NoSuchKey: Gone"):
                await fetch(server)

    async def test_a_url_that_cannot_be_had(self, fetch: Fetch) -> None:
        async def locate() -> str:
            raise ProtocolError("None.")

        with pytest.raises(ProtocolError):
            await fetch.at(locate)


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_to_another_origin_byte_for_byte(self, fetch: Fetch, status: int) -> None:
        target = f"/x%2Fy?{QUERY}%2b%7e"
        async with RawServer([whole()]) as other:
            hop = reply(status, b"moved", location=other.url + target)
            async with RawServer([hop]) as server:
                assert await fetch(server) == DATA
            assert other.requests[0].target == target

    async def test_to_a_relative_place(self, fetch: Fetch) -> None:
        async with RawServer([reply(302, location="../k?a=%2F"), whole()]) as server:
            assert await fetch(server, "/a/b/c") == DATA
        assert server.requests[1].target == "/a/k?a=%2F"

    async def test_five_times(self, fetch: Fetch) -> None:
        hops: list[Script] = [reply(302, location=f"/{n}") for n in range(5)]
        async with RawServer([*hops, whole()]) as server:
            assert await fetch(server) == DATA

    async def test_not_for_ever(self, fetch: Fetch) -> None:
        async with RawServer([reply(302, location="/again")] * 20) as server:
            with pytest.raises(ProtocolError, match="more than 5 times"):
                await fetch(server)
        assert len(server.requests) == 6

    async def test_to_nowhere(self, fetch: Fetch) -> None:
        async with RawServer([reply(302)]) as server:
            with pytest.raises(ProtocolError, match="without saying where"):
                await fetch(server)

    async def test_out_of_the_machine_without_encryption(self, fetch: Fetch) -> None:
        fetch.plain_http = False
        async with RawServer([reply(302, location="http://example.com/k")]) as server:
            with pytest.raises(ProtocolError, match="unencrypted"):
                await fetch(server)

    async def test_a_cut_after_a_redirect_goes_on(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 777), part(DATA, 777)]) as other:
            hops = [reply(302, location=f"{other.url}/k")] * 2
            async with RawServer(hops) as server:
                assert await fetch(server) == DATA
        assert other.requests[1].headers["range"] == "bytes=777-"


async def test_a_full_disk_ends_it(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, views: list[memoryview]) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audio_enhance._partial_file._writev", full)
    async with RawServer([whole()]) as server:
        with pytest.raises(OutputError, match="No space left"):
            await fetch(server)
    assert len(server.requests) == 1
    assert list(fetch.directory.iterdir()) == []


@pytest.mark.parametrize("turns", range(0, 60, 4))
async def test_cancelled_anywhere_it_leaves_nothing(fetch: Fetch, turns: int) -> None:
    before = open_files()
    stuck = reply(200, bytes(3 << 20), length=4 << 20, then="hang")
    async with RawServer([stuck]) as server:
        task = asyncio.create_task(fetch(server))
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert list(fetch.directory.iterdir()) == []
    assert await settled_files(before) == {}


@pytest.fixture(autouse=True)
async def nothing_stays_open() -> AsyncIterator[None]:
    before = open_files()
    yield
    assert await settled_files(before) == {}
