"""The application in other people's applications, and its beginning and end."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.types import Message

from audio_enhance import ConfigurationError, EnhanceClient
from audio_enhance._settings import ACCESS_TOKEN, CLIENT_ID, CLIENT_SECRET
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import _serving, create_app, serve
from audio_enhance.web._serving import listening
from tests.support.resources import open_files, other_tasks, settled_files

from .support import DATA, Visitor, running


@pytest.fixture
async def service() -> AsyncGenerator[LocalService]:
    async with LocalService(enhancer=Rehearsal()) as service:
        yield service


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (CLIENT_ID, CLIENT_SECRET, ACCESS_TOKEN):
        monkeypatch.delenv(name, raising=False)


@asynccontextmanager
async def browser(url: str) -> AsyncGenerator[Visitor]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield Visitor(url, session)


@asynccontextmanager
async def served() -> AsyncGenerator[tuple[str, str | None]]:
    """`serve`, from its being ready until it is cancelled."""
    ready = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(port=0, on_ready=lambda url, service: ready.set_result((url, service)))
    )
    await asyncio.wait([ready, task], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield ready.result()
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_it_works_below_any_path(service: LocalService) -> None:
    async with EnhanceClient(service.credentials, base_url=service.base_url) as client:
        inner = create_app(client)

        @asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncGenerator[None]:
            async with inner.router.lifespan_context(inner):
                yield

        outer = Starlette(routes=[Mount("/tools/enhance", inner)], lifespan=lifespan)
        outer.state.studio = inner.state.studio
        with socket.create_server(("127.0.0.1", 0)) as listener:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/tools/enhance"
            async with listening(outer, listener), browser(f"{url}/") as visitor:
                # Without its slash, the page's relative addresses would miss.
                answer = await Visitor(url, visitor.session).call("GET", "")
                assert answer.headers["Location"] == f"{url}/"
                answer = await visitor.call("GET", "events")
                assert "path=/tools/enhance/;" in answer.headers["Set-Cookie"].lower()
                assert (await visitor.call("GET", "static/main.js")).status == 200
                identifier = await visitor.send()
                await visitor.until(identifier, "succeeded")


async def test_it_says_what_is_missing_when_it_was_not_started() -> None:
    app = create_app()
    with pytest.raises(RuntimeError, match="lifespan"):
        _ = app.state.studio.client


async def test_serving_without_credentials_is_local(
    no_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper: list[LocalService] = []

    class Noted(LocalService):
        def __init__(self, **arguments: Any) -> None:
            super().__init__(**arguments)
            keeper.append(self)

    monkeypatch.setattr("audio_enhance.local.LocalService", Noted)
    before = open_files()
    async with served() as (url, service), browser(url) as visitor:
        assert service == "local"
        await visitor.arrive()
        state = await visitor.state()
        assert state["service"] == "local"
        sample = await visitor.call("GET", "sample")
        assert sample.headers["Content-Type"] == "audio/mpeg"
        assert state["sample"] is True
        # What is removed from the list takes no disk at the service.
        identifier = await visitor.send(sample.body, strength=0)
        await visitor.until(identifier, "succeeded")
        assert keeper[0].stored_bytes == 2 * len(sample.body)
        await visitor.call("DELETE", f"recordings/{identifier}")
        while keeper[0].stored_bytes:
            await asyncio.sleep(0.005)
        # Ends at once although a page listens.
        async with visitor.events() as events:
            await anext(events)
            tasks = other_tasks()
    assert len(other_tasks()) < len(tasks)
    assert await settled_files(before) == {}


async def test_serving_with_credentials_is_the_api_they_are_for(
    service: LocalService, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in service.environment.items():
        monkeypatch.setenv(name, value)
    async with served() as (url, told), browser(url) as visitor:
        assert told == "127.0.0.1"
        await visitor.arrive()
        assert (await visitor.state())["service"] == "127.0.0.1"
        assert (await visitor.call("GET", "sample")).status == 404
        identifier = await visitor.send()
        await visitor.until(identifier, "succeeded")
    assert service.count("POST /assets") == 1


async def test_half_the_credentials_are_a_mistake(
    no_credentials: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CLIENT_ID, "id")
    with pytest.raises(ConfigurationError, match=CLIENT_SECRET):
        await serve(port=0)


async def test_a_port_that_is_taken_is_said() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(OSError, match="in use"),
    ):
        await serve(port=listener.getsockname()[1])


async def test_its_end_waits_for_what_is_under_way() -> None:
    go = asyncio.Event()
    async with LocalService(enhancer=Rehearsal(sleep=lambda _: go.wait())) as service:
        async with running(service, drain_seconds=30) as site:
            visitor = await site.visitor()
            identifier = await visitor.send()
            await visitor.until(identifier, "enhancing")
            [recording] = site.app.state.studio._owners
            asyncio.get_running_loop().call_later(0.05, go.set)
        assert recording.stage == "succeeded"


async def test_its_end_does_not_wait_for_ever() -> None:
    never = asyncio.Event()
    before = open_files()
    async with LocalService(enhancer=Rehearsal(sleep=lambda _: never.wait())) as service:
        async with running(service) as site:
            visitor = await site.visitor()
            sent = [await visitor.send(DATA + bytes([number])) for number in range(4)]
            await visitor.until(sent[-1], "waiting")
            recordings = list(site.app.state.studio._owners)
        assert {recording.stage for recording in recordings} == {"cancelled"}
        assert {recording.original for recording in recordings} == {None}
    assert await settled_files(before) == {}


async def test_its_end_does_not_wait_for_who_stands_still(
    service: LocalService, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_serving, "_GRACE_SECONDS", 0.05)
    async with running(service) as site:
        visitor = await site.visitor()
        identifier = await visitor.send(b"ID3" + bytes(20_000_000))
        listening = await visitor.session.get(f"{site.url}recordings/{identifier}/original")
        announced = (await visitor.announce()).json["id"]
        go = asyncio.Event()

        async def stalled() -> AsyncGenerator[bytes]:
            yield b"ID3"
            await go.wait()

        upload = asyncio.create_task(
            visitor.call("PUT", f"recordings/{announced}/audio", data=stalled())
        )
        await visitor.until(announced, "receiving")
        recordings = list(site.app.state.studio._owners)
    # Older versions of aiohttp send it again, and find their session closed.
    with pytest.raises((aiohttp.ClientError, AssertionError)):
        await upload
    listening.close()
    assert {recording.original for recording in recordings} == {None}
    assert [record.getMessage() for record in caplog.records if "uvicorn" in record.name] == []


async def test_nothing_is_taken_any_more_at_the_end(service: LocalService) -> None:
    async with running(service) as site:
        visitor = await site.visitor()
        site.app.state.studio.hang_up()
        for answer in (await visitor.announce(), await visitor.call("GET", "events")):
            assert answer.status == 503
            assert "Retry-After" in answer.headers


async def test_over_https_the_cookie_is_for_https_only(service: LocalService) -> None:
    async with EnhanceClient(service.credentials, base_url=service.base_url) as client:
        app = create_app(client, allowed_hosts=["enhance.example"])
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/events",
            "scheme": "https",
            "query_string": b"",
            "headers": [(b"host", b"enhance.example")],
            "server": ("enhance.example", 443),
        }
        await app(scope, receive, send)
        [cookie] = [value for name, value in sent[0]["headers"] if name == b"set-cookie"]
        assert b"secure" in cookie.lower()
