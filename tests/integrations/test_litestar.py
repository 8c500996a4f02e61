"""A Litestar application with one client, used over HTTP as a browser would."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from litestar import Litestar, Request, post
from litestar.exceptions import HTTPException
from yarl import URL

from audio_enhance import AudioEnhanceError, EnhanceClient, Journal, LaneFullError, Source
from audio_enhance.integrations.asgi import body_chunks, lifespan
from audio_enhance.integrations.sse import HEADERS
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .serving import client_of, listening

RECORDING = b"ID3" + bytes(range(256)) * 40
# Above the 10 MB that Litestar's own `request.stream()` and `request.body()` stop at by default.
LONG_RECORDING = b"ID3" + bytes(11_000_000)
MOST_BYTES = len(LONG_RECORDING)

example = import_module("examples.litestar_app")


@post("/enhancements", status_code=202)
async def create(request: Request[Any, Any, Any]) -> dict[str, str]:
    state = request.app.state
    client: EnhanceClient = state.enhance
    filename = request.query_params["filename"]
    try:
        upload = Source.spool(body_chunks(request.receive), filename, max_bytes=MOST_BYTES)
        job = await client.submit(upload, strength=93, priority=10, journal=state.get("journal"))
    except LaneFullError as error:
        retry_after = str(math.ceil(error.retry_after or 1))
        raise HTTPException(status_code=503, headers={"Retry-After": retry_after}) from None
    except AudioEnhanceError as error:
        raise HTTPException(status_code=400, detail=str(error)) from None
    state.jobs[job.id] = job
    return {"id": job.id}


Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]


def application(
    service: LocalService,
    *,
    around: tuple[Lifespan, ...] = (),
    then: tuple[Lifespan, ...] = (),
    drain: float = 30.0,
    max_waiting: int | None = None,
) -> Litestar:
    """An application whose life has further parts, around the client's and within it."""
    client = client_of(service, max_waiting)
    app = Litestar(
        [create, example.events, example.result, example.cancel],
        lifespan=[*around, lifespan(lambda: client, drain=drain), *then],
        openapi_config=None,
    )
    app.state.jobs = {}
    return app


async def send(session: aiohttp.ClientSession, url: str, data: object) -> str:
    async with session.post(url, params={"filename": "talk.mp3"}, data=data) as answer:
        assert answer.status == 202, await answer.text()
        return str((await answer.json())["id"])


async def test_a_recording_streams_in_and_its_result_is_redirected_to(
    enhance_service: LocalService,
) -> None:
    app = application(enhance_service)
    async with listening(app) as url, aiohttp.ClientSession() as session:
        job = await send(session, url, BytesIO(LONG_RECORDING))

        async with session.get(f"{url}/{job}/events") as answer:
            assert answer.headers.getall("Content-Type") == [HEADERS["Content-Type"]]
            assert answer.headers["Cache-Control"] == "no-store"
            stream = (await answer.text()).rstrip().split("\n\n")
        kinds = [piece.splitlines()[1].removeprefix("event: ") for piece in stream]
        assert kinds[0] == "queued"
        assert kinds[-1] == "finished"
        numbers = [piece.splitlines()[0].removeprefix("id: ") for piece in stream]
        headers = {"Last-Event-ID": numbers[-2]}
        async with session.get(f"{url}/{job}/events", headers=headers) as answer:
            assert (await answer.text()).rstrip().split("\n\n") == stream[-1:]

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


async def test_what_cannot_be_taken_reaches_no_server(enhance_service: LocalService) -> None:
    app = application(enhance_service)
    async with listening(app) as url, aiohttp.ClientSession() as session:
        for name, data, reason in (
            ("notes.txt", b"text", "not an audio format"),
            ("talk.mp3", LONG_RECORDING + bytes(1), "longer than"),
        ):
            async with session.post(url, params={"filename": name}, data=BytesIO(data)) as answer:
                assert answer.status == 400
                assert reason in (await answer.json())["detail"]

        async def broken() -> AsyncGenerator[bytes]:
            yield RECORDING
            raise ConnectionResetError

        with pytest.raises(aiohttp.ClientError):
            await send(session, url, broken())
    assert app.state.jobs == {}
    assert enhance_service.count("POST /assets") == 0


async def test_a_full_lane_is_answered_with_a_time_until_somebody_leaves() -> None:
    # Its uploads are never ready, so that nothing is ever submitted.
    behaviour = Behaviour(ready_lag=3600)
    async with LocalService(behaviour=behaviour, enhancer=Rehearsal()) as service:
        app = application(service, max_waiting=1, drain=0)
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

    @asynccontextmanager
    async def journal(app: Litestar) -> AsyncGenerator[None]:
        async with await Journal.open(tmp_path / "jobs.sqlite") as opened:
            app.state.journal = opened
            yield

    @asynccontextmanager
    async def taking_up(app: Litestar) -> AsyncGenerator[None]:
        client: EnhanceClient = app.state.enhance
        for job in await client.take_up(app.state.journal):
            app.state.jobs[job.id] = job
        yield

    async def until_let(_: float) -> None:
        await may_finish.wait()

    def start() -> Litestar:
        return application(service, around=(journal,), then=(taking_up,), drain=0.1)

    enhancer = Rehearsal(seconds=1, sleep=until_let)
    async with LocalService(enhancer=enhancer) as service, aiohttp.ClientSession() as session:
        # Uvicorn waits for open event streams before it ends the lifespan, without a limit
        # unless there is this one.
        app = start()
        async with listening(app, timeout_graceful_shutdown=1) as url:
            job = await send(session, url, RECORDING)
            stream = await session.get(f"{url}/{job}/events")
            while b"event: submitted\n" not in await stream.content.readline():
                pass
        with pytest.raises(aiohttp.ClientError):
            await stream.read()
        assert app.state.jobs[job].status.finished

        may_finish.set()
        app = start()
        async with listening(app) as url:
            [job] = app.state.jobs
            async with session.get(f"{url}/{job}/result", allow_redirects=False) as answer:
                location = URL(answer.headers["Location"], encoded=True)
            async with session.get(location) as answer:
                assert await answer.read() == Rehearsal.expected(RECORDING, 93)
        app = start()
        async with listening(app):
            assert app.state.jobs == {}
        assert service.count("POST /speech_enhancements") == 1
        assert service.count("PUT /object") == 1
