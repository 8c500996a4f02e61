"""Requests that are answered before their body is here."""

import asyncio
from urllib.parse import urlsplit

import pytest

from audio_enhance.web._unread import Unread

from .support import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE = 60  # seconds until a test gives up
# More than the buffers of both sides hold.
SIZE = 16 << 20


def head(site: Site, path: str, *lines: str) -> bytes:
    """The beginning of an upload by a client, or a proxy, that wants no second answer."""
    first = f"PUT /{path} HTTP/1.1", f"Host: {urlsplit(site.url).netloc}", "Connection: close"
    return "\r\n".join([*first, f"Content-Length: {SIZE}", *lines, "", ""]).encode()


async def connect(site: Site) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of which nothing is read before everything was sent."""
    parts = urlsplit(site.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


@pytest.mark.parametrize(
    ("path", "lines", "status"),
    [
        ("recordings/none/audio", ("X-Audio-Enhance: 1",), b"404"),  # from the application
        ("recordings/none/audio", (), b"403"),  # from its guard
        ("nowhere", ("X-Audio-Enhance: 1",), b"404"),  # from its router
    ],
)
async def test_whoever_goes_on_sending_gets_the_answer(
    path: str, lines: tuple[str, ...], status: bytes, site: Site
) -> None:
    reader, writer = await connect(site)
    async with asyncio.timeout(PATIENCE):
        writer.write(head(site, path, *lines))
        for _ in range(SIZE >> 20):
            writer.write(bytes(1 << 20))
            await writer.drain()
        answer = await reader.read()
    assert answer.split()[1] == status
    writer.close()


async def test_the_answer_comes_before_the_rest_does(site: Site) -> None:
    reader, writer = await connect(site)
    async with asyncio.timeout(PATIENCE):
        writer.write(head(site, "recordings/none/audio", "X-Audio-Enhance: 1"))
        assert b'"code":"gone"' in await reader.readuntil(b"}")
    writer.close()


async def test_a_rest_that_never_comes_is_not_waited_for_for_ever(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Unread, "LINGER_SECONDS", 0.0)
    reader, writer = await connect(site)
    async with asyncio.timeout(PATIENCE):
        writer.write(head(site, "recordings/none/audio", "X-Audio-Enhance: 1") + b"a little")
        assert b'"code":"gone"' in await reader.read()
    writer.close()
