"""An application that listens, and a browser's worth of requests to it."""

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Self

import aiohttp
from attrs import define
from multidict import CIMultiDictProxy
from starlette.applications import Starlette
from yarl import URL

from audio_enhance import ApiVersion, EnhanceClient
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits, create_app
from audio_enhance.web._serving import listening
from tests.conftest import QUICK_POLLING, QUICK_RETRY

OWN = {"X-Audio-Enhance": "1"}
DATA = b"ID3" + bytes(range(256)) * 40


def new_id() -> str:
    """An id as the page makes them."""
    return secrets.token_urlsafe(18)


def another() -> bytes:
    """A recording that no other is the same as: what is the same has its turn but once."""
    return DATA + new_id().encode()


class Held(Rehearsal):
    """Enhances nothing until it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        super().__init__(sleep=self._wait)

    async def _wait(self, _: float) -> None:
        self.begun.set()
        await self.go.wait()


@define
class Event:
    """One Server-Sent Event."""

    kind: str
    id: str | None
    data: Any


@define
class Answer:
    """A response, read whole."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Visitor:
    """A browser: its cookies, and the requests that the page makes."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self.session = session

    async def call(self, method: str, path: str, **arguments: Any) -> Answer:
        """Make a request as the page does; follows nothing."""
        headers = OWN | arguments.pop("headers", {})
        async with self.session.request(
            method,
            URL(self.url + path, encoded=True),
            headers=headers,
            allow_redirects=False,
            **arguments,
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def arrive(self) -> Self:
        """Get the cookie."""
        answer = await self.call("GET", "events")
        assert answer.body == b"retry: 50\n\n"
        return self

    async def announce(
        self,
        size: int = len(DATA),
        *,
        name: str = "talk.mp3",
        strength: Any = 93,
        identifier: str | None = None,
    ) -> Answer:
        """Say what will come."""
        body = {"name": name, "size": size, "strength": strength}
        return await self.call("PUT", f"recordings/{identifier or new_id()}", json=body)

    async def send(self, data: bytes = DATA, **announcement: Any) -> str:
        """Send a recording; returns its id."""
        answer = await self.announce(len(data), **announcement)
        assert answer.status == 200, answer.body
        identifier: str = answer.json["id"]
        answer = await self.call("PUT", f"recordings/{identifier}/audio", data=BytesIO(data))
        assert answer.status == 200, answer.body
        return identifier

    @asynccontextmanager
    async def events(
        self, cursor: str | None = None, path: str = "events"
    ) -> AsyncGenerator[AsyncIterator[Event]]:
        """Listen; the connection is closed at the end of the block."""
        headers = {} if cursor is None else {"Last-Event-ID": cursor}
        async with self.session.get(self.url + path, headers=headers) as response:
            assert response.status == 200, await response.read()
            assert response.content_type == "text/event-stream"
            yield _parsed(response)

    async def until(self, identifier: str, *stages: str) -> dict[str, Any]:
        """Listen until a recording is at one of the stages; returns what is told of it."""
        async with self.events() as events:
            async for event in events:
                recordings = event.data["recordings"] if event.kind == "state" else [event.data]
                for recording in recordings:
                    if recording["id"] == identifier and recording["stage"] in stages:
                        return dict(recording)
        raise AssertionError("the stream ended")

    async def state(self) -> dict[str, Any]:
        """What a page is told that is opened now."""
        async with self.events() as events:
            async for event in events:
                assert event.kind == "state"
                return dict(event.data)
        raise AssertionError("the stream ended")


async def _parsed(response: aiohttp.ClientResponse) -> AsyncIterator[Event]:
    fields: dict[str, str] = {}
    async for line in response.content:
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield Event(fields["event"], fields.get("id"), json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}


class Site:
    """A running application, the service behind it, and its visitors."""

    def __init__(
        self, app: Starlette, url: str, service: LocalService, stack: AsyncExitStack
    ) -> None:
        self.app = app
        self.url = url
        self.service = service
        self._stack = stack

    async def visitor(self) -> Visitor:
        """Somebody new, with a session."""
        return await (await self.stranger()).arrive()

    async def stranger(self) -> Visitor:
        """Somebody new, without one."""
        session = aiohttp.ClientSession(
            cookie_jar=aiohttp.CookieJar(unsafe=True), timeout=aiohttp.ClientTimeout(total=60)
        )
        await self._stack.enter_async_context(session)
        return Visitor(self.url, session)


@asynccontextmanager
async def running(
    service: LocalService,
    *,
    limits: Limits | None = None,
    max_waiting: int | None = None,
    drain_seconds: float = 0.0,
    port: int = 0,
    api_version: ApiVersion = "v1",
    folder: Path | None = None,
    measure: bool = False,
) -> AsyncGenerator[Site]:
    """Run the application, on a free port unless one is given."""
    async with (
        EnhanceClient(
            service.credentials,
            base_url=service.base_url,
            api_version=api_version,
            polling=QUICK_POLLING,
            retry=QUICK_RETRY,
            max_waiting=max_waiting,
        ) as client,
        AsyncExitStack() as stack,
    ):
        app = create_app(
            client, limits=limits, drain_seconds=drain_seconds, folder=folder, measure=measure
        )
        with socket.create_server(("127.0.0.1", port), backlog=1024) as listener:
            port = listener.getsockname()[1]
            async with listening(app, listener):
                yield Site(app, f"http://127.0.0.1:{port}/", service, stack)
                await stack.aclose()


async def back(site: Site, before: Visitor) -> Visitor:
    """Return the same browser, at the application that was started anew."""
    visitor = await site.stranger()
    visitor.session.cookie_jar.update_cookies(
        {
            f"audio-enhance-{site.url.split(':')[2].rstrip('/')}": cookie.value
            for cookie in before.session.cookie_jar
        }
    )
    return visitor


async def settled(site: Site) -> None:
    """Wait until every result is here."""
    archive = site.app.state.studio.archive
    while archive._results._under_way:
        await asyncio.wait(archive._results._under_way.values())
