"""Servers that are stopped in the middle, and started again."""

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.support.tools import path_of

from .test_examples import free_port, started, until_up

UPLOADS = 100


def recording(number: int) -> bytes:
    return b"ID3" + bytes(range(256)) * 4 + number.to_bytes(2, "big")


def held() -> tuple[asyncio.Event, Rehearsal]:
    """An enhancer that finishes nothing until it is let."""
    let = asyncio.Event()

    async def until_let(_: float) -> None:
        await let.wait()

    return let, Rehearsal(seconds=1, sleep=until_let)


async def stop(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGTERM)
    await process.communicate()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENHANCE_JOBS", str(tmp_path))


@pytest.fixture
def redis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A Redis that the workers share their rate limits through."""
    socket = tmp_path / "redis"
    command = [path_of("redis-server"), "--port", "0", "--unixsocket", str(socket), "--save", ""]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd=tmp_path) as process:
        while not socket.exists():
            assert process.poll() is None
            time.sleep(0.01)
        url = f"unix://{socket}"
        monkeypatch.setenv("LIMITS_REDIS", url)
        yield url
        process.terminate()


async def result_of(session: aiohttp.ClientSession, url: str) -> bytes:
    while True:
        async with session.get(f"{url}/result", allow_redirects=False) as answer:
            if answer.status == 303:
                break
            assert answer.status == 202, await answer.text()
        await asyncio.sleep(0.05)
    async with session.get(URL(answer.headers["Location"], encoded=True)) as answer:
        return await answer.read()


@pytest.mark.slow
async def test_a_hundred_accepted_uploads_outlive_a_stop() -> None:
    """Accepted by one process, resumed by the next, and all there under the same ids."""
    behaviour = Behaviour.unlimited()
    let, enhancer = held()
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = ("-m", "uvicorn", "tests.integrations.quick_app:app", "--port", str(port))
    async with (
        LocalService(behaviour=behaviour, enhancer=enhancer) as service,
        aiohttp.ClientSession() as session,
    ):

        async def send(number: int) -> str:
            url = f"{base}/enhancements?filename=talk.mp3"
            async with session.post(url, data=recording(number)) as answer:
                assert answer.status == 202
                return str((await answer.json())["id"])

        async with started(service, *command) as process:
            await until_up(session, base)
            ids = await asyncio.gather(*map(send, range(UPLOADS)))
            await stop(process)
        let.set()
        async with started(service, *command) as process:
            await until_up(session, base)
            for number, job in enumerate(ids):
                result = await result_of(session, f"{base}/enhancements/{job}")
                assert result == Rehearsal.expected(recording(number), 93)
            await stop(process)
        # What was cut off between asking and being answered may be asked for again.
        assert service.count("POST /speech_enhancements") <= UPLOADS + 2


@pytest.mark.slow
async def test_one_worker_finishes_what_several_accepted(redis: str) -> None:
    """Three processes with one folder and one Redis are stopped, and one is started."""
    ports = [free_port() for _ in range(3)]
    bases = [f"http://127.0.0.1:{port}/enhancements" for port in ports]

    def command(port: int) -> tuple[str, ...]:
        return ("-m", "uvicorn", "tests.integrations.quick_app:app", "--port", str(port))

    let, enhancer = held()
    async with (
        LocalService(behaviour=Behaviour.unlimited(), enhancer=enhancer) as service,
        aiohttp.ClientSession() as session,
        AsyncExitStack() as stack,
    ):
        workers = [
            await stack.enter_async_context(started(service, *command(port))) for port in ports
        ]
        for base in bases:
            await until_up(session, base)
        jobs: list[str] = []
        for number in range(30):
            url = f"{bases[number % 3]}?filename=talk.mp3"
            async with session.post(url, data=recording(number)) as answer:
                assert answer.status == 202
                jobs.append((await answer.json())["id"])
        # Any of them can be asked.
        for number, job in enumerate(jobs):
            async with session.get(f"{bases[(number + 1) % 3]}/{job}") as answer:
                assert answer.status == 200
        for worker in workers:
            await stop(worker)
        let.set()
        async with started(service, *command(ports[0])) as process:
            await until_up(session, bases[0])
            for number, job in enumerate(jobs):
                result = await result_of(session, f"{bases[0]}/{job}")
                assert result == Rehearsal.expected(recording(number), 93)
            await stop(process)


async def test_aiohttp_stops_while_an_event_stream_is_open() -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    program = (
        "from aiohttp import web; from examples.aiohttp_app import create_app;"
        f"web.run_app(create_app(), host='127.0.0.1', port={port}, print=None)"
    )
    form: Any = aiohttp.FormData()
    form.add_field("recording", recording(0), filename="talk.mp3")
    async with (
        LocalService(enhancer=held()[1]) as service,
        started(service, "-c", program) as process,
        aiohttp.ClientSession() as session,
    ):
        await until_up(session, base)
        async with session.post(f"{base}/enhancements", data=form) as answer:
            job = (await answer.json())["id"]
        async with session.get(f"{base}/enhancements/{job}/events") as stream:
            while b"event: submitted\n" not in await stream.content.readline():
                pass
            # aiohttp itself would wait a minute for the answer that is open.
            async with asyncio.timeout(30):
                await stop(process)
            await stream.read()
        assert process.returncode in (0, -signal.SIGTERM)
