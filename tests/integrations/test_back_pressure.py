"""Where there is no room, the answer comes before the recording does."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from audio_enhance import EnhanceClient
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .serving import client_of, listening, listening_aiohttp

RECORDING = b"ID3" + bytes(range(256)) * 40
Application = Callable[[EnhanceClient, Path], AbstractAsyncContextManager[str]]


def aiohttp_application(client: EnhanceClient, folder: Path) -> AbstractAsyncContextManager[str]:
    create_app = import_module("examples.aiohttp_app").create_app
    return listening_aiohttp(create_app(lambda: client, str(folder)))


def fastapi_application(client: EnhanceClient, folder: Path) -> AbstractAsyncContextManager[str]:
    return listening(import_module("examples.fastapi_app").create_app(lambda: client, str(folder)))


def litestar_application(client: EnhanceClient, folder: Path) -> AbstractAsyncContextManager[str]:
    create_app = import_module("examples.litestar_app").create_app
    return listening(create_app(lambda: client, str(folder)))


def as_it_is(chunks: AsyncGenerator[bytes]) -> dict[str, Any]:
    return {"params": {"filename": "talk.mp3"}, "data": chunks}


def as_a_form(chunks: AsyncGenerator[bytes]) -> dict[str, Any]:
    form = aiohttp.FormData()
    form.add_field("recording", chunks, filename="talk.mp3")
    return {"data": form}


applications = pytest.mark.parametrize(
    ("application", "form"),
    [
        (aiohttp_application, as_a_form),
        (fastapi_application, as_it_is),
        (litestar_application, as_it_is),
    ],
)


@applications
async def test_a_full_lane_is_told_of_before_the_recording_is_there(
    application: Application,
    form: Callable[[AsyncGenerator[bytes]], dict[str, Any]],
    tmp_path: Path,
) -> None:
    arrived = asyncio.Event()

    async def whole() -> AsyncGenerator[bytes]:
        yield RECORDING

    async def slow() -> AsyncGenerator[bytes]:
        yield RECORDING
        await arrived.wait()
        yield RECORDING

    # Its uploads are never ready, so that nothing is ever submitted.
    behaviour = Behaviour(ready_lag=3600)
    async with LocalService(behaviour=behaviour, enhancer=Rehearsal()) as service:
        client = client_of(service, max_waiting=1)
        async with application(client, tmp_path) as url, aiohttp.ClientSession() as session:
            arriving = asyncio.create_task(session.post(url, **form(slow())))
            while not client.waiting:
                await asyncio.sleep(0.01)
            # The only place is that of a recording which is still arriving; what comes now is
            # answered although its end never comes.
            async with session.post(url, **form(slow())) as answer:
                assert answer.status == 503
                assert int(answer.headers["Retry-After"]) >= 1
            arrived.set()
            async with await arriving as answer:
                assert answer.status == 202
                job = (await answer.json())["id"]
            async with session.post(url, **form(whole())) as answer:
                assert answer.status == 503
            async with session.delete(f"{url}/{job}") as answer:
                assert await answer.json() == {"cost_nothing": True}
            while client.waiting:
                await asyncio.sleep(0.01)
            async with session.post(url, **form(whole())) as answer:
                assert answer.status == 202


@applications
async def test_a_sender_that_goes_away_gives_its_place_back(
    application: Application,
    form: Callable[[AsyncGenerator[bytes]], dict[str, Any]],
    tmp_path: Path,
    enhance_service: LocalService,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def endless() -> AsyncGenerator[bytes]:
        yield RECORDING
        await asyncio.Event().wait()

    client = client_of(enhance_service, max_waiting=1)
    async with application(client, tmp_path) as url, aiohttp.ClientSession() as session:
        leaving = asyncio.create_task(session.post(url, **form(endless())))
        while not client.waiting:
            await asyncio.sleep(0.01)
        leaving.cancel()
        await asyncio.wait([leaving])
        while client.waiting:
            await asyncio.sleep(0.01)
    assert enhance_service.count("POST /assets") == 0
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
