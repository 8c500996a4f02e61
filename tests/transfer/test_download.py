"""One object comes down whole, from wherever it is."""

import os

import pytest

from audio_enhance import ProtocolError, RetryPolicy
from audio_enhance._session.addresses import Reach
from tests.support import downloads
from tests.support.downloads import DATA, QUERY, Fetch, cut, part, whole
from tests.support.raw_server import RawServer, Reply, Script, reply

fetch = downloads.fetch
nothing_stays_open = downloads.nothing_stays_open


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

    @pytest.mark.parametrize("length", [1, (1 << 20) - 1, 1 << 20, (5 << 20) + 17])
    async def test_all_lengths(self, fetch: Fetch, length: int) -> None:
        data = b"\xff" + os.urandom(length - 1)  # random bytes may begin as a page does
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
        fetch.policy = RetryPolicy(attempts=2)
        async with RawServer([reply(302)] * 2) as server:
            with pytest.raises(ProtocolError, match="without saying where"):
                await fetch(server)
        assert server.script == []

    async def test_out_of_the_machine_without_encryption(self, fetch: Fetch) -> None:
        fetch.reach = Reach.of("https://127.0.0.1")
        async with RawServer([reply(302, location="http://example.com/k")]) as server:
            with pytest.raises(ProtocolError, match="unencrypted"):
                await fetch(server)

    async def test_a_cut_after_a_redirect_goes_on(self, fetch: Fetch) -> None:
        async with RawServer([cut(DATA, 777), part(DATA, 777)]) as other:
            hops = [reply(302, location=f"{other.url}/k")] * 2
            async with RawServer(hops) as server:
                assert await fetch(server) == DATA
        assert other.requests[1].headers["range"] == "bytes=777-"
