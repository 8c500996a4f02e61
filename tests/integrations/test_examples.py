"""The programs in `examples/`, started and used as their first lines say."""

import asyncio
import os
import re
import runpy
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

ROOT = Path(__file__).parent.parent.parent
RECORDING = b"ID3" + bytes(range(256)) * 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def started(
    service: LocalService, *command: str, cwd: Path = ROOT
) -> AsyncGenerator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=cwd,
        env={**os.environ, **service.environment, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def until_up(session: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                async with session.get(url):
                    return
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.05)


async def test_the_script(enhance_service: LocalService, tmp_path: Path) -> None:
    (tmp_path / "talk.mp3").write_bytes(RECORDING)
    script = str(ROOT / "examples" / "script.py")
    async with started(enhance_service, script, "talk.mp3", cwd=tmp_path) as process:
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert (tmp_path / said.decode().strip()).read_bytes() == Rehearsal.expected(RECORDING, 93)
    async with started(enhance_service, script, "nope.mp3", cwd=tmp_path) as process:
        _, complaint = await process.communicate()
    assert process.returncode == 1
    assert "There is no such file" in complaint.decode()


@pytest.mark.parametrize(
    "how",
    [
        "python examples/script.py talk.mp3",
        "python examples/nightly.py recordings enhanced",
        "uvicorn examples.fastapi_app:app",
        "uvicorn examples.litestar_app:app",
        "uvicorn examples.django_app:application",
    ],
)
def test_without_arguments_a_program_says_how_it_is_used(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = re.findall(r"examples\W(\w+)", how)[0]
    monkeypatch.setattr(sys, "argv", [name])
    with pytest.raises(SystemExit, match=f"`{re.escape(how)}`"):
        runpy.run_path(str(ROOT / "examples" / f"{name}.py"), run_name="__main__")


async def test_the_nightly_batch_does_nothing_twice(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    (tmp_path / "in" / "monday").mkdir(parents=True)
    for name in ("a.mp3", "monday/b.mp3"):
        (tmp_path / "in" / name).write_bytes(RECORDING + name.encode())
    script = str(ROOT / "examples" / "nightly.py")
    async with started(enhance_service, script, "in", "out", cwd=tmp_path) as process:
        said, complaints = await process.communicate()
    assert (process.returncode, complaints) == (0, b"")
    assert len(said.splitlines()) == 2
    requests = enhance_service.count("POST /speech_enhancements")
    async with started(enhance_service, script, "in", "out", cwd=tmp_path) as process:
        said, _ = await process.communicate()
    assert (process.returncode, said) == (0, b"")
    assert enhance_service.count("POST /speech_enhancements") == requests == 2


async def use(session: aiohttp.ClientSession, base: str, post: dict[str, Any]) -> None:
    """Send a recording, follow it, fetch it, and take the events up again."""
    async with session.post(**post) as answer:
        assert answer.status == 202
        job = (await answer.json())["id"]
    async with session.get(f"{base}/enhancements/{job}/events") as answer:
        assert answer.content_type == "text/event-stream"
        stream = (await answer.read()).decode()
    assert "event: queued" in stream
    assert stream.rstrip().split("\n\n")[-1].splitlines()[1] == "event: finished"
    # It is over by now, and memory knows no more of it: that alone is told.
    async with session.get(f"{base}/enhancements/{job}/events") as answer:
        assert (await answer.read()).decode().startswith("event: finished\n")
    async with session.get(f"{base}/enhancements/{job}") as answer:
        assert (await answer.json())["status"] == "succeeded"
    url = f"{base}/enhancements/{job}/result"
    async with session.get(url, allow_redirects=False) as answer:
        assert answer.status == 303
        location = answer.headers["Location"]
    async with aiohttp.ClientSession(requote_redirect_url=False) as browser:
        from yarl import URL

        async with browser.get(URL(location, encoded=True)) as answer:
            assert await answer.read() == Rehearsal.expected(RECORDING, 93)
    for path in ("", "/events", "/result"):
        async with session.get(f"{base}/enhancements/unknown{path}") as answer:
            assert answer.status == 404
            assert answer.content_type == "application/problem+json"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ENHANCE_JOBS", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("folder")
async def test_the_aiohttp_application(enhance_service: LocalService) -> None:
    port = free_port()
    program = (
        "from aiohttp import web; from examples.aiohttp_app import create_app;"
        f"web.run_app(create_app(), host='127.0.0.1', port={port}, print=None)"
    )
    base = f"http://127.0.0.1:{port}"
    async with started(enhance_service, "-c", program), aiohttp.ClientSession() as session:
        await until_up(session, base)
        form = aiohttp.FormData()
        form.add_field("recording", RECORDING, filename="talk.mp3", content_type="audio/mpeg")
        await use(session, base, {"url": f"{base}/enhancements", "data": form})
        wrong = aiohttp.FormData()
        wrong.add_field("recording", b"text", filename="notes.txt", content_type="text/plain")
        async with session.post(f"{base}/enhancements", data=wrong) as answer:
            assert answer.status == 415
            assert "not an audio format" in await answer.text()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "application", ["fastapi_app:app", "litestar_app:app", "django_app:application"]
)
async def test_the_asgi_applications(enhance_service: LocalService, application: str) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    command = ("-m", "uvicorn", f"examples.{application}", "--port", str(port))
    async with started(enhance_service, *command), aiohttp.ClientSession() as session:
        await until_up(session, base)
        url = f"{base}/enhancements?filename=talk.mp3"
        await use(session, base, {"url": url, "data": RECORDING})
        async with session.post(f"{base}/enhancements?filename=notes.txt", data=b"text") as answer:
            assert answer.status == 415
            assert "not an audio format" in (await answer.json())["detail"]
