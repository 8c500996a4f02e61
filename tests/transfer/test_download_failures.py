"""What a download makes of stalls, refusals, a full disk and a cancellation."""

import asyncio

import pytest

from audio_enhance import (
    OutputError,
    ProtocolError,
    RetryPolicy,
    ServerError,
    StorageError,
    Timeouts,
    TransferStalledError,
)
from tests.support import downloads
from tests.support.downloads import DATA, ETAG, Fetch, Store, whole
from tests.support.raw_server import RawServer, Reply, reply
from tests.support.resources import open_files, settled_files

fetch = downloads.fetch
nothing_stays_open = downloads.nothing_stays_open


@pytest.mark.virtual_time
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
        ],
    )
    async def test_what_cannot_get_better(
        self, fetch: Fetch, status: int, code: str, kind: type[StorageError]
    ) -> None:
        async with RawServer(
            [reply(status, f"<Error><Code>{code}</Code></Error>".encode())]
        ) as server:
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
        expired = reply(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>")
        async with RawServer([expired] * 50) as server:
            with pytest.raises(StorageError, match="SignatureDoesNotMatch"):
                await fetch(server)
        assert len(server.requests) == 1 + fetch.policy.attempts

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


async def test_a_full_disk_ends_it(fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, views: list[memoryview]) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audio_enhance._transfer.part_file._writev", full)
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
