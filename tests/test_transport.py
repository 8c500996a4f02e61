"""What goes out on the wire and what comes back, against a server that is nothing but bytes."""

import asyncio
import logging
import shutil
import ssl
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import aiohttp.http_exceptions
import pytest
from yarl import URL

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    CorruptTransferError,
    ProtocolError,
    RequestTimeoutError,
    Timeouts,
)
from audio_enhance._transport import USER_AGENT, Transport, Watch, translated

from .support.clock import in_virtual_time
from .support.raw_server import RawServer, Reply, Then, reply
from .support.resources import other_tasks

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
        assert (answer.status, answer.json()) == (201, {})

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

    async def test_connections_closed_in_the_meantime_are_not_used(
        self, transport: Transport
    ) -> None:
        async with RawServer([reply(then="close"), reply()]) as server:
            await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            await asyncio.sleep(0.02)
            assert (await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)).ok
            assert server.connections == 2


class TestFailures:
    async def test_no_transfer_has_to_end_within_a_total(self, transport: Transport) -> None:
        # aiohttp's default of 300 s would end every long upload.
        timeout = transport._transfer_timeout
        assert (timeout.total, timeout.sock_read) == (None, None)
        assert timeout.sock_connect == 5

    async def test_nobody_listens(self, transport: Transport) -> None:
        async with RawServer() as server:
            url = server.url
        with pytest.raises(ConnectionFailedError) as caught:
            await transport.call("GET", f"{url}/?{QUERY}", headers=KEY, authorization=TOKEN)
        assert not caught.value.outcome_unknown
        assert caught.value.retryable
        assert "45bad" not in str(caught.value)

    async def test_no_such_host(self, transport: Transport) -> None:
        with pytest.raises(ConnectionFailedError) as caught:
            await transport.call("GET", "http://no-such-host.invalid/", headers={})
        assert not caught.value.outcome_unknown

    async def test_no_tls_where_tls_should_be(self, transport: Transport) -> None:
        def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(ConnectionFailedError) as caught:
            await transport.call(
                "GET", f"https://127.0.0.1:{port}/", headers=KEY, authorization=TOKEN
            )
        assert not caught.value.outcome_unknown
        server.close()
        await server.wait_closed()

    @pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate")
    async def test_a_certificate_that_nobody_vouches_for(
        self, transport: Transport, tmp_path: Path
    ) -> None:
        certificate, key = tmp_path / "certificate", tmp_path / "key"
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1"
        making = await asyncio.create_subprocess_exec(
            *command.split(),
            *("-subj", "/CN=127.0.0.1", "-out", certificate, "-keyout", key),
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert await making.wait() == 0
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)
        async with RawServer([reply()], ssl=context) as server:
            with pytest.raises(ConnectionFailedError, match="certificate") as caught:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            assert server.requests == []
        assert not caught.value.retryable
        assert not caught.value.outcome_unknown

    async def test_never_an_answer(self) -> None:
        transport = Transport(None, Timeouts(request=0.05))
        async with RawServer([Reply(then="hang")]) as server:
            with pytest.raises(RequestTimeoutError, match=r"0\.05 s") as caught:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            assert len(server.requests) == 1
        await transport.aclose()
        assert caught.value.outcome_unknown

    async def test_half_an_answer(self) -> None:
        transport = Transport(None, Timeouts(request=0.05))
        async with RawServer([reply(body=b"{", length=100, then="hang")]) as server:
            with pytest.raises(RequestTimeoutError):
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        await transport.aclose()

    @pytest.mark.parametrize(
        "garbage",
        [
            b"garbage\r\n\r\n",
            b"\x16\x03\x01\x02\x00",
            b"HTTP/1.1 two hundred\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            b"HTTP/1.1 200 OK\r\n",
            b"",
        ],
    )
    async def test_garbage_for_an_answer(self, transport: Transport, garbage: bytes) -> None:
        async with RawServer([Reply((garbage,), then="close")]) as server:
            with pytest.raises(AudioEnhanceError) as caught:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        assert isinstance(
            caught.value, ProtocolError | CorruptTransferError | ConnectionFailedError
        )
        assert caught.value.__context__ is None
        assert not other_tasks() or all("serve" in repr(task) for task in other_tasks())

    async def test_garbage_after_an_answer_that_was_cut_says_the_server_acted(
        self, transport: Transport
    ) -> None:
        async with RawServer([reply(202, b"{", length=50, then="close")]) as server:
            with pytest.raises(CorruptTransferError) as caught:
                await transport.call("POST", server.url, headers=KEY, authorization=TOKEN, json={})
        assert caught.value.outcome_unknown
        assert caught.value.retryable

    async def test_an_answer_in_many_pieces(self, transport: Transport) -> None:
        body = b'{"a": "' + b"x" * 500 + b'"}'
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        pieces = (head[:10], head[10:], body[:3], body[3:200], body[200:])
        async with RawServer([Reply(pieces)]) as server:
            answer = await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        assert answer.body == body

    async def test_an_endless_answer_is_not_read_into_memory(self, transport: Transport) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
        async with RawServer([Reply((head, *[bytes(1 << 16)] * 40), then="hang")]) as server:
            answer = await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        assert 1 << 20 <= len(answer.body) < 1 << 21

    async def test_compressed_answers_of_the_api(self, transport: Transport) -> None:
        squeezed = zlib.compressobj(wbits=31)
        body = squeezed.compress(b'{"a": 1}') + squeezed.flush()
        async with RawServer([reply(body=body, content_encoding="gzip")]) as server:
            answer = await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
        assert answer.json() == {"a": 1}
        assert server.requests[0].headers["accept-encoding"]

    @pytest.mark.skipif(
        not hasattr(aiohttp.http_exceptions, "DecompressSizeError"),
        reason="older versions of aiohttp inflate without bounds",
    )
    async def test_a_bomb_does_not_go_off(self, transport: Transport) -> None:
        squeezed = zlib.compressobj(9, wbits=31)
        body = squeezed.compress(bytes(64 << 20)) + squeezed.flush()
        async with RawServer([reply(body=body, content_encoding="gzip")]) as server:
            try:
                answer = await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            except AudioEnhanceError:
                pass
            else:
                assert len(answer.body) < 4 << 20

    async def test_a_cancelled_call_leaves_nothing(self, transport: Transport) -> None:
        async with RawServer([Reply(then="hang")]) as server:
            before = other_tasks()
            call = asyncio.create_task(
                transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            )
            await server.arrived.wait()
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert {task for task in other_tasks() - before if "serve" not in repr(task)} == set()

    async def test_a_closed_session_is_a_mistake_of_the_programs(self) -> None:
        session = aiohttp.ClientSession()
        await session.close()
        transport = Transport(session, Timeouts())
        with pytest.raises(RuntimeError, match="closed"):
            await transport.call("GET", "http://127.0.0.1:1/", headers=KEY, authorization=TOKEN)
        await transport.aclose()


async def test_calls_are_logged_without_their_queries(
    transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with RawServer([reply(x_request_id="r-7")]) as server:
        await transport.call("GET", f"{server.url}/k?{QUERY}", headers=KEY, authorization=TOKEN)
    assert f"GET {server.url}/k?…: 200, request r-7" in caplog.text
    assert "s3cr3t" not in caplog.text
    assert "45bad" not in caplog.text


@pytest.mark.parametrize(
    "wrong", [{"connect": 0}, {"request": -1}, {"stall": 0}, {"ready": 0}, {"processing": 0}]
)
def test_timeouts_that_make_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        Timeouts(**wrong)


class TestWatch:
    def test_signs_of_life_keep_it_going(self) -> None:
        async def scene() -> str:
            watch = Watch(60)

            async def lively() -> str:
                for _ in range(100):
                    await asyncio.sleep(59)
                    watch.alive()
                return "done"

            return await watch.run(lively())

        assert in_virtual_time(scene()) == "done"

    def test_standing_still_ends_it_in_time(self) -> None:
        async def scene() -> float:
            loop = asyncio.get_running_loop()
            watch = Watch(60)

            async def falls_asleep() -> None:
                await asyncio.sleep(40)
                watch.alive()
                await asyncio.sleep(1000)

            with pytest.raises(TimeoutError):
                await watch.run(falls_asleep())
            return loop.time()

        assert in_virtual_time(scene()) == 100

    def test_it_can_watch_one_thing_after_the_other(self) -> None:
        async def scene() -> None:
            watch = Watch(60)
            for _ in range(3):
                await watch.run(asyncio.sleep(50))
            with pytest.raises(TimeoutError):
                await watch.run(asyncio.sleep(70))
            watch.alive()  # somebody late

        in_virtual_time(scene())

    def test_a_cancellation_stays_one(self) -> None:
        async def scene() -> None:
            task = asyncio.create_task(Watch(60).run(asyncio.sleep(1000)))
            await asyncio.sleep(10)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        in_virtual_time(scene())

    def test_it_leaves_no_timer(self) -> None:
        async def scene() -> float:
            await Watch(60).run(asyncio.sleep(1))
            await asyncio.sleep(1000)
            return asyncio.get_running_loop().time()

        assert in_virtual_time(scene()) == 1001
