"""Connections on which nothing more comes, or not the whole of it."""

import asyncio
import socket
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web._guard import HEADERS
from audio_enhance.web._protocol import PatientProtocol

from .support import Site, Visitor, running

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 60  # seconds until a test gives up
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Connection:
    """A connection to the application, byte by byte."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def to(cls, site: Site) -> "Connection":
        parts = urlsplit(site.url)
        return cls(*await asyncio.open_connection(parts.hostname, parts.port))

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def some(self) -> bytes:
        """What comes next."""
        async with asyncio.timeout(PATIENCE):
            return await self._reader.read(65536)

    async def to_its_end(self) -> bytes:
        """What comes until the application closes it."""
        async with asyncio.timeout(PATIENCE):
            try:
                data = await self._reader.read()
            except ConnectionResetError:
                data = b""
            self._writer.close()
            return data


@pytest.mark.parametrize("data", [b"", b"GET", HALF])
async def test_a_head_that_does_not_come_is_not_waited_for(
    data: bytes, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "HEAD_SECONDS", 0.01)
    connection = await Connection.to(site)
    await connection.send(data)
    assert await connection.to_its_end() == b""


async def test_a_head_in_drops_is_not_waited_for_either(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "HEAD_SECONDS", 0.05)
    connection = await Connection.to(site)
    end = asyncio.ensure_future(connection.to_its_end())
    with pytest.raises(ConnectionError):
        for _ in range(10_000):  # every one in time, if it was the latest that counted
            await connection.send(b"GET"[:1] if _ == 0 else b"X")
            await asyncio.sleep(0.005)
    assert not (await end).startswith(b"HTTP/1.1 200")


async def test_a_head_after_an_answer_is_waited_for_anew(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await Connection.to(site)
    await connection.send(b"GET /static/none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert (await connection.some()).startswith(b"HTTP/1.1 404")
    monkeypatch.setattr(PatientProtocol, "HEAD_SECONDS", 0.01)
    await connection.send(HALF)
    assert b"HTTP/1.1" not in await connection.to_its_end()


async def test_a_body_that_stops_coming_is_not_waited_for(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "BODY_SECONDS", 0.01)
    connection = await Connection.to(site)
    await connection.send(
        b"POST /recordings/x/cancel HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        b"X-Audio-Enhance: 1\r\nContent-Length: 10\r\n\r\nhalf"
    )
    answer = await connection.to_its_end()
    assert answer.startswith(b"HTTP/1.1 404")  # which needed no body
    assert all(f"{name.lower()}: {value}".encode() in answer for name, value in HEADERS.items())


async def test_of_those_that_owe_a_head_the_oldest_goes(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "MOST_HEADS", 2)
    first, second, third = [await Connection.to(site) for _ in range(3)]
    assert await first.to_its_end() == b""
    for connection in (second, third):
        await connection.send(HALF + b"Connection: close\r\n\r\n")
        assert (await connection.to_its_end()).startswith(b"HTTP/1.1 200")


async def test_those_whose_heads_are_here_already_all_get_their_answer(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PatientProtocol, "MOST_HEADS", 2)
    parts = urlsplit(site.url)
    with ExitStack() as stack:
        # Every browser has sent its request before the application looks for the first time.
        browsers = [
            stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
            for _ in range(8)
        ]
        for browser in browsers:
            browser.sendall(HALF + b"Connection: close\r\n\r\n")
        answers = []
        for browser in browsers:
            browser.setblocking(False)
            connection = Connection(*await asyncio.open_connection(sock=browser))
            answers.append(await connection.to_its_end())
    assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 8


@pytest.mark.virtual_time
@pytest.mark.asyncio(loop_scope="function")
async def test_event_streams_owe_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatientProtocol, "HEAD_SECONDS", 5.0)
    monkeypatch.setattr(PatientProtocol, "BODY_SECONDS", 5.0)
    async with LocalService(enhancer=Rehearsal()) as service, running(service) as site:
        # Until uvicorn has taken over the port, connections to it would lead out of the loop.
        await asyncio.sleep(1.0)
        visitor, beats = await site.visitor(), 0
        async with visitor.session.get(f"{site.url}events") as stream:
            async for line in stream.content:
                beats += line == b": still here\n"  # one in 15 seconds
                if beats == 2:
                    break
    assert beats == 2
