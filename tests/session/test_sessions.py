"""What goes out on the wire, against a server that is nothing but bytes."""

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from yarl import URL

from audio_enhance import ConnectionFailedError, Timeouts
from audio_enhance._session.sessions import USER_AGENT, Transport, translated
from tests.support import transports
from tests.support.raw_server import RawServer, Reply, Then, reply
from tests.support.transports import KEY, PATH, QUERY, TOKEN, get, put

transport = transports.transport


class TestBytesOnTheWire:
    async def test_urls_are_sent_byte_for_byte(self, transport: Transport) -> None:
        async with RawServer([reply(), reply(), reply()]) as server:
            url = f"{server.url}{PATH}?{QUERY}"
            await put(transport, url, b"x")
            await get(transport, url)
            await transport.call("GET", url, headers={})
        assert [request.target for request in server.requests] == [f"{PATH}?{QUERY}"] * 3

    async def test_an_upload_sends_what_it_is_told_and_nothing_else(
        self, transport: Transport
    ) -> None:
        async with RawServer([reply()]) as server:
            await put(
                transport,
                f"{server.url}/k?{QUERY}",
                b"abc",
                b"def",
                **{"Content-Type": "audio/mpeg", "Content-MD5": "AWzJTRSXGy5JsL+Phh/cFA=="},
            )
        (request,) = server.requests
        assert request.line == f"PUT /k?{QUERY} HTTP/1.1"
        assert request.headers == {
            "host": f"127.0.0.1:{server.port}",
            "user-agent": USER_AGENT,
            "content-length": "6",
            "content-type": "audio/mpeg",
            "content-md5": "AWzJTRSXGy5JsL+Phh/cFA==",
        }
        assert request.body == b"abcdef"

    async def test_no_content_type_unless_it_is_signed(self, transport: Transport) -> None:
        async with RawServer([reply()]) as server:
            await put(transport, server.url, b"abc")
        assert set(server.requests[0].headers) == {"host", "user-agent", "content-length"}

    async def test_a_download_asks_for_the_bytes_as_they_are(self, transport: Transport) -> None:
        async with RawServer([reply(body=b"abc")]) as server:
            assert await get(transport, f"{server.url}/k?{QUERY}") == (200, b"abc")
        assert server.requests[0].headers == {
            "host": f"127.0.0.1:{server.port}",
            "user-agent": USER_AGENT,
            "accept": "*/*",
            "accept-encoding": "identity",
        }

    async def test_an_api_call_carries_its_credentials_and_json(self, transport: Transport) -> None:
        async with RawServer([reply(201, b"{}")]) as server:
            answer = await transport.call(
                "POST", f"{server.url}/v1", headers=KEY, authorization=TOKEN, json={"strength": 93}
            )
        (request,) = server.requests
        assert request.headers["authorization"] == "Bearer s3cr3t"
        assert request.headers["x-api-key"] == "the-id"
        assert request.headers["content-type"] == "application/json"
        assert request.body == b'{"strength": 93}'
        assert (answer.status, answer.read(dict, 0.0)) == (201, {})

    async def test_a_form(self, transport: Transport) -> None:
        async with RawServer([reply()]) as server:
            await transport.call("POST", server.url, headers={}, form={"a": "1&2", "b": "ä"})
        (request,) = server.requests
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert request.body == b"a=1%262&b=%C3%A4"

    async def test_nobody_is_asked_to_say_100_first(self, transport: Transport) -> None:
        # Where a server never does, aiohttp would wait for ever.
        async with RawServer([reply()]) as server:
            await put(transport, server.url, b"abc")
        assert "expect" not in server.requests[0].headers

    async def test_one_connection_serves_many_calls(self, transport: Transport) -> None:
        async with RawServer([reply()] * 6) as server:
            for _ in range(3):
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
                await put(transport, server.url, b"abc")
        assert server.connections == 1


class TestTwoSessions:
    @pytest.fixture
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A session of a careless caller's."""
        async with aiohttp.ClientSession(
            headers={
                "Authorization": "Bearer callers",
                "x-api-key": "callers",
                "X-Custom": "callers",
                "Cookie": "a=callers",
                "Content-Type": "text/callers",
                "User-Agent": "callers",
                "Transfer-Encoding": "chunked",
            },
            cookies={"session": "callers"},
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            raise_for_status=True,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=0.001),
        ) as session:
            yield session

    async def test_nothing_of_a_callers_session_reaches_the_object_store(
        self, session: aiohttp.ClientSession
    ) -> None:
        transport = Transport(session, Timeouts())
        async with RawServer(
            [reply(), reply(), reply(set_cookie="b=1; Path=/"), reply()]
        ) as server:
            session.cookie_jar.update_cookies({"for": "callers"}, URL(server.url))
            await put(transport, server.url, b"abc")
            await get(transport, server.url)
            await get(transport, server.url)
            await get(transport, server.url)
            assert list(session.cookie_jar)
        await transport.aclose()
        assert not session.closed
        for request in server.requests:
            assert b"callers" not in request.head.lower()
            assert b"cookie" not in request.head.lower()

    async def test_a_callers_session_is_used_for_the_api(
        self, session: aiohttp.ClientSession
    ) -> None:
        del session.headers["Transfer-Encoding"]
        transport = Transport(session, Timeouts())
        async with RawServer([reply(404, b"{}", content_encoding="identity")]) as server:
            answer = await transport.call(
                "POST", server.url, headers=KEY, authorization=TOKEN, json={}
            )
        await transport.aclose()
        headers = server.requests[0].headers
        # Not even `raise_for_status` and the tiny timeout of the session's get in the way.
        assert answer.status == 404
        assert headers["x-custom"] == "callers"
        assert headers["authorization"] == "Bearer s3cr3t"
        assert headers["x-api-key"] == "the-id"
        assert headers["content-type"] == "application/json"

    async def test_a_callers_session_survives(self) -> None:
        async with aiohttp.ClientSession() as session:
            transport = Transport(session, Timeouts())
            async with RawServer([reply(), reply(), reply()]) as server:
                await get(transport, server.url)
                await transport.aclose()
                assert not session.closed
                async with session.get(server.url) as response:
                    assert response.status == 200

    async def test_cookies_of_the_api_are_not_kept(self, transport: Transport) -> None:
        async with RawServer([reply(set_cookie="a=1; Path=/"), reply()]) as server:
            await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        assert "cookie" not in server.requests[1].headers

    async def test_passwords_in_a_netrc_file_do_not_go_to_the_object_store(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        netrc = tmp_path / "netrc"
        netrc.write_text("machine 127.0.0.1 login me password s3cr3t\n")
        netrc.chmod(0o600)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with aiohttp.ClientSession(trust_env=True) as session:
            transport = Transport(session, Timeouts())
            async with RawServer([reply()] * 4) as server:
                await put(transport, server.url, b"abc")
                await get(transport, server.url)
                await transport.call("POST", server.url, headers={}, form={"a": "b"})
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            await transport.aclose()
        sent = [request.headers.get("authorization") for request in server.requests]
        assert sent == [None, None, None, TOKEN]

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    async def test_a_password_of_the_sessions_own(self) -> None:
        auth = aiohttp.BasicAuth("me", "password")
        async with aiohttp.ClientSession(auth=auth) as session:
            transport = Transport(session, Timeouts())
            async with RawServer([reply()] * 2) as server:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
                await get(transport, server.url)
            await transport.aclose()
        sent = [request.headers.get("authorization") for request in server.requests]
        assert sent == [TOKEN, None]

    async def test_the_token_endpoint_gets_no_header_of_the_apis(self) -> None:
        async with aiohttp.ClientSession(headers=KEY | {"Authorization": TOKEN}) as session:
            transport = Transport(session, Timeouts())
            async with RawServer([reply()]) as server:
                await transport.call("POST", server.url, headers={}, form={"a": "b"})
            await transport.aclose()
        assert "x-api-key" not in server.requests[0].headers
        assert "authorization" not in server.requests[0].headers


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_none_is_followed_by_itself(self, transport: Transport, status: int) -> None:
        async with RawServer() as other:
            location = f"{other.url}{PATH}?{QUERY}"
            async with RawServer([reply(status, location=location)] * 4) as server:
                answer = await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
                assert (answer.status, answer.headers["Location"]) == (status, location)
                posted = await transport.call(
                    "POST", server.url, headers=KEY, authorization=TOKEN, json={}
                )
                assert posted.status == status
                assert await put(transport, server.url, b"abc") == status
                assert (await get(transport, server.url))[0] == status
            assert other.connections == 0


class TestNothingIsSentTwice:
    """aiohttp tries GET and PUT once more by itself; the server may have acted already."""

    @pytest.mark.parametrize("then", ["close", "reset"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    async def test_calls(self, transport: Transport, method: str, then: Then) -> None:
        async with RawServer([Reply(then=then), reply()]) as server:
            with pytest.raises(ConnectionFailedError) as caught:
                await transport.call(method, server.url, headers=KEY, authorization=TOKEN)
            assert len(server.requests) == 1
        assert caught.value.outcome_unknown
        assert caught.value.retryable

    @pytest.mark.parametrize("then", ["close", "reset"])
    async def test_uploads(self, transport: Transport, then: Then) -> None:
        async with RawServer([Reply(then=then), reply()]) as server:
            with pytest.raises(ConnectionFailedError):
                await translated(put(transport, server.url, b"abc"), transport.timeouts)
            assert len(server.requests) == 1

    @pytest.mark.parametrize("then", ["close", "reset"])
    async def test_downloads(self, transport: Transport, then: Then) -> None:
        async with RawServer([Reply(then=then), reply()]) as server:
            with pytest.raises(ConnectionFailedError):
                await translated(get(transport, server.url), transport.timeouts)
            assert len(server.requests) == 1

    @pytest.mark.parametrize("then", ["close", "reset"])
    async def test_on_a_connection_that_was_used_before(
        self, transport: Transport, then: Then
    ) -> None:
        async with RawServer([reply(), Reply(then=then), reply()]) as server:
            await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            with pytest.raises(ConnectionFailedError):
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            assert len(server.requests) == 2

    @pytest.mark.virtual_time
    async def test_connections_closed_in_the_meantime_are_not_used(
        self, transport: Transport
    ) -> None:
        async with RawServer([reply(then="close"), reply()]) as server:
            await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            await asyncio.sleep(0.02)
            assert (await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)).ok
            assert server.connections == 2


async def test_calls_are_logged_without_their_queries(
    transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer([reply(x_request_id="r-7")]) as server:
        await transport.call("GET", f"{server.url}/k?{QUERY}", headers=KEY, authorization=TOKEN)
    assert f"GET {server.url}/k?…: 200, request r-7" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert "45bad" not in caplog.text
