"""What a transport makes of servers that fail, and of answers that are none."""

import asyncio
import zlib
from pathlib import Path

import aiohttp
import aiohttp.http_exceptions
import pytest

from audio_enhance import (
    AudioEnhanceError,
    ConnectionFailedError,
    CorruptTransferError,
    ProtocolError,
    RequestTimeoutError,
    Timeouts,
)
from audio_enhance._session.sessions import Transport
from tests.support import transports
from tests.support.raw_server import RawServer, Reply, reply
from tests.support.resources import other_tasks
from tests.support.tls import Certificate
from tests.support.tools import needs
from tests.support.transports import KEY, QUERY, TOKEN

transport = transports.transport


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

    @needs("openssl")
    async def test_a_certificate_that_nobody_vouches_for(
        self, transport: Transport, tmp_path: Path
    ) -> None:
        context = Certificate.make(tmp_path, "127.0.0.1").server_context()
        async with RawServer([reply()], ssl=context) as server:
            with pytest.raises(ConnectionFailedError, match="certificate") as caught:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            assert server.requests == []
        assert not caught.value.retryable
        assert not caught.value.outcome_unknown

    @pytest.mark.virtual_time
    async def test_never_an_answer(self) -> None:
        transport = Transport(None, Timeouts(request=0.05))
        async with RawServer([Reply(then="hang")]) as server:
            with pytest.raises(RequestTimeoutError, match=r"0\.05 s") as caught:
                await transport.call("GET", server.url, headers=KEY, authorization=TOKEN)
            assert len(server.requests) == 1
        await transport.aclose()
        assert caught.value.outcome_unknown

    @pytest.mark.virtual_time
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
        assert answer.read(dict, 0.0) == {"a": 1}
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
        transport = Transport(session, Timeouts())
        await session.close()
        with pytest.raises(RuntimeError, match="closed"):
            await transport.call("GET", "http://127.0.0.1:1/", headers=KEY, authorization=TOKEN)
        await transport.aclose()
