"""A port, who listens there, and under which address it is reached."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from audio_enhance.local.serving.listener import Listener
from tests.support.resources import open_files, settled_files


async def hello(_: web.BaseRequest) -> web.Response:
    return web.Response(text="hello")


def runner() -> web.ServerRunner:
    return web.ServerRunner(web.Server(hello), shutdown_timeout=0.1)


async def test_any_free_port_will_do_and_the_address_names_it() -> None:
    listener = await Listener.open(runner(), "127.0.0.1", 0)
    async with aiohttp.ClientSession() as session, session.get(listener.url()) as answer:
        assert await answer.text() == "hello"
    await listener.close()


async def test_a_port_that_is_taken_leaves_nothing_open() -> None:
    listener = await Listener.open(runner(), "127.0.0.1", 0)
    port = int(listener.url().rpartition(":")[2])
    before = open_files()
    with pytest.raises(OSError, match="in use"):
        await Listener.open(runner(), "127.0.0.1", port)
    assert await settled_files(before) == {}
    await listener.close()


async def test_the_first_port_that_is_free_is_taken() -> None:
    before = open_files()
    first = await Listener.open(runner(), "127.0.0.1", 0)
    second = await Listener.open(runner(), "127.0.0.1", first.port, 0)
    assert second.port != first.port
    await first.close()
    third = await Listener.open(runner(), "127.0.0.1", first.port, 0)
    assert third.url().endswith(f":{first.port}")
    for listener in (second, third):
        async with aiohttp.ClientSession() as session, session.get(listener.url()) as answer:
            assert answer.status == 200
        await listener.close()
    assert await settled_files(before) == {}


async def test_closed_it_has_dropped_every_connection() -> None:
    before, tasks = open_files(), asyncio.all_tasks()
    listener = await Listener.open(runner(), "127.0.0.1", 0)
    port = int(listener.url().rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(0.01)
    await listener.close()
    assert await reader.read() == b""
    writer.close()
    assert asyncio.all_tasks() == tasks
    assert await settled_files(before) == {}


@pytest.mark.parametrize(
    ("host", "called", "origin"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:80"),
        ("127.0.0.1", "studio.example", "http://127.0.0.1:80"),
        ("0.0.0.0", None, "http://127.0.0.1:80"),
        ("0.0.0.0", "studio.example", "http://studio.example:80"),
        ("::", None, "http://[::1]:80"),
        ("::1", None, "http://[::1]:80"),
        ("localhost", "studio.example", "http://localhost:80"),
    ],
)
async def test_every_address_is_named_as_the_caller_did(
    host: str, called: str | None, origin: str
) -> None:
    found = Listener(runner(), host, 80).url(called)
    assert found.removesuffix(":80") == origin.removesuffix(":80")
