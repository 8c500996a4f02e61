"""A Litestar application with one client, used over HTTP as a browser would."""

import asyncio
from collections.abc import AsyncGenerator
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from audio_enhance.integrations.sse import HEADERS
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .serving import client_of, listening

RECORDING = b"ID3" + bytes(range(256)) * 40
# Above the 10 MB that Litestar's own `request.stream()` and `request.body()` stop at by default.
LONG_RECORDING = b"ID3" + bytes(11_000_000)
MOST_BYTES = len(LONG_RECORDING)

example = import_module("examples.litestar_app")


@pytest.fixture(autouse=True)
def most_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "MOST_BYTES", MOST_BYTES)


def application(service: LocalService, folder: Path, max_waiting: int | None = None) -> Any:
    return example.create_app(lambda: client_of(service, max_waiting), str(folder))


async def send(session: aiohttp.ClientSession, url: str, data: object) -> str:
    async with session.post(url, params={"filename": "talk.mp3"}, data=data) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"])


async def test_a_recording_streams_in_and_its_result_is_redirected_to(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    app = application(enhance_service, tmp_path)
    async with listening(app) as url, aiohttp.ClientSession() as session:
        job = await send(session, url, BytesIO(LONG_RECORDING))

        async with session.get(f"{url}/{job}/events") as answer:
            assert answer.headers.getall("Content-Type") == [HEADERS["Content-Type"]]
            assert answer.headers["Cache-Control"] == "no-store"
            stream = (await answer.text()).rstrip().split("\n\n")
        kinds = [piece.splitlines()[1].removeprefix("event: ") for piece in stream]
        assert kinds[0] == "queued"
        assert kinds[-1] == "finished"
        # It is over, and memory knows it no more: whoever comes back hears its end.
        headers = {"Last-Event-ID": stream[-2].splitlines()[0].removeprefix("id: ")}
        async with session.get(f"{url}/{job}/events", headers=headers) as answer:
            assert (await answer.text()).startswith("event: finished\n")

        async with session.get(f"{url}/{job}/result", allow_redirects=False) as answer:
            assert answer.status == 303
            location = URL(answer.headers["Location"], encoded=True)
        async with aiohttp.ClientSession(requote_redirect_url=False) as browser:
            async with browser.get(location) as answer:
                assert await answer.read() == Rehearsal.expected(LONG_RECORDING, 93)
            async with browser.get(location, headers={"Range": "bytes=10-19"}) as answer:
                assert answer.status == 206
                assert await answer.read() == Rehearsal.expected(LONG_RECORDING, 93)[10:20]

        async with session.get(f"{url}/unknown/events") as answer:
            assert answer.status == 404


async def test_what_cannot_be_taken_reaches_no_server(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    app = application(enhance_service, tmp_path)
    async with listening(app) as url, aiohttp.ClientSession() as session:
        for name, data, status, reason in (
            ("notes.txt", b"text", 415, "not an audio format"),
            ("talk.mp3", LONG_RECORDING + bytes(1), 413, "longer than"),
        ):
            async with session.post(url, params={"filename": name}, data=BytesIO(data)) as answer:
                assert answer.status == status
                assert answer.content_type == "application/problem+json"
                assert reason in (await answer.json())["detail"]

        async def broken() -> AsyncGenerator[bytes]:
            yield RECORDING
            raise ConnectionResetError

        with pytest.raises(aiohttp.ClientError):
            await send(session, url, broken())
    assert list((tmp_path / "uploads").iterdir()) == []
    assert enhance_service.count("POST /assets") == 0


async def test_a_full_lane_is_answered_with_a_time_until_somebody_leaves(tmp_path: Path) -> None:
    # Its uploads are never ready, so that nothing is ever submitted.
    behaviour = Behaviour(ready_lag=3600)
    async with LocalService(behaviour=behaviour, enhancer=Rehearsal()) as service:
        app = application(service, tmp_path, max_waiting=1)
        async with listening(app) as url, aiohttp.ClientSession() as session:
            job = await send(session, url, RECORDING)
            async with session.get(f"{url}/{job}/events") as answer:
                await answer.content.readline()
            # That a stream of events was closed makes no room: it may be taken up again.
            async with session.post(f"{url}?filename=talk.mp3", data=RECORDING) as answer:
                assert answer.status == 503
                assert int(answer.headers["Retry-After"]) >= 1
            async with session.delete(f"{url}/{job}") as answer:
                assert await answer.json() == {"cost_nothing": True}
            async with session.get(f"{url}/{job}/events") as answer:
                assert "event: finished" in await answer.text()
            await send(session, url, RECORDING)
        assert service.count("POST /speech_enhancements") == 0


async def test_the_next_start_goes_on_with_what_a_stop_has_left(tmp_path: Path) -> None:
    may_finish = asyncio.Event()

    async def until_let(_: float) -> None:
        await may_finish.wait()

    enhancer = Rehearsal(seconds=1, sleep=until_let)
    async with LocalService(enhancer=enhancer) as service, aiohttp.ClientSession() as session:
        # Uvicorn waits for open event streams before it ends the lifespan, without a limit
        # unless there is this one.
        app = application(service, tmp_path)
        async with listening(app, timeout_graceful_shutdown=1) as url:
            job = await send(session, url, RECORDING)
            stream = await session.get(f"{url}/{job}/events")
            while b"event: submitted\n" not in await stream.content.readline():
                pass
            async with session.get(f"{url}/{job}/result") as answer:
                assert answer.status == 202
        with pytest.raises(aiohttp.ClientError):
            await stream.read()

        may_finish.set()
        app = application(service, tmp_path)
        async with listening(app) as url:
            async with session.get(f"{url}/{job}/events") as answer:
                assert "event: finished" in await answer.text()
            async with session.get(f"{url}/{job}/result", allow_redirects=False) as answer:
                location = URL(answer.headers["Location"], encoded=True)
            async with session.get(location) as answer:
                assert await answer.read() == Rehearsal.expected(RECORDING, 93)
        assert service.count("POST /speech_enhancements") == 1
        assert service.count("PUT /object") == 1
