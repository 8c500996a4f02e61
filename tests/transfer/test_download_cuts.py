"""A download that was cut short goes on where it was, or starts again."""

import zlib

import pytest

from audio_enhance import ConnectionFailedError, CorruptTransferError, Timeouts
from tests.support import downloads
from tests.support.downloads import DATA, ETAG, Fetch, Store, cut, part, whole
from tests.support.raw_server import RawServer, Reply, reply

fetch = downloads.fetch
nothing_stays_open = downloads.nothing_stays_open


def part_of_nothing() -> Reply:
    span = f"bytes 1000-{len(DATA) - 1}/{len(DATA)}"
    return reply(206, length=len(DATA) - 1000, then="close", ETag=ETAG, content_range=span)


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

    @pytest.mark.virtual_time
    async def test_chunked_garbage(self, fetch: Fetch) -> None:
        # aiohttp closes the connection then and tells nobody: for us it stands still.
        fetch.timeouts = Timeouts(stall=0.1)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        broken = Reply((head + b"3\r\nabc\r\n", b"zz\r\n"), then="close")
        async with RawServer([broken, whole()]) as server:
            assert await fetch(server) == DATA

    async def test_without_a_length_nobody_knows_whether_it_is_whole(self, fetch: Fetch) -> None:
        endless = reply(200, DATA, length=-1, then="close")
        async with RawServer([endless] * fetch.policy.attempts) as server:
            with pytest.raises(CorruptTransferError, match="without its length"):
                await fetch(server)

    async def test_what_came_compressed_cannot_be_counted(self, fetch: Fetch) -> None:
        packed = reply(200, zlib.compress(DATA), content_encoding="gzip")
        async with RawServer([packed] * fetch.policy.attempts) as server:
            with pytest.raises(CorruptTransferError, match="encoded: gzip"):
                await fetch(server)

    async def test_the_name_may_come_with_any_part(self, fetch: Fetch) -> None:
        named = part(DATA, 9999, content_disposition="attachment; filename=b.mp3")
        async with RawServer([cut(DATA, 9999), named]) as server:
            assert await fetch(server) == DATA
        assert fetch.name == "b.mp3"
