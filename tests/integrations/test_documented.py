"""The programs of `docs/web-backends.md` and `docs/web-app.md`, put together and used over HTTP."""

import asyncio
import re
import sys
import textwrap
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import aiohttp
import pytest
from yarl import URL

import audio_enhance
from audio_enhance import EnhanceClient, Job, Source
from audio_enhance._jobs.intake import Intake
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

from .serving import listening, listening_aiohttp

DOCS = Path(__file__).parent.parent.parent / "docs"
BLOCKS = re.findall(r"```python\n(.*?)```", (DOCS / "web-backends.md").read_text(), re.DOTALL)
FRAMEWORKS = {"aiohttp", "FastAPI", "Starlette", "Litestar"}
RECORDING = b"ID3" + bytes(range(256)) * 40
EXPECTED = Rehearsal.expected(RECORDING, 93)


class Client(EnhanceClient):
    """A client that remembers its jobs."""

    jobs: ClassVar[dict[str, Job]] = {}

    async def submit(self, *arguments: Any, **named: Any) -> Job:
        job = await super().submit(*arguments, **named)
        self.jobs[job.id] = job
        return job


def block(mark: str) -> str:
    [found] = [text for text in BLOCKS if mark in text]
    return str(found)


def names(comment: str) -> set[str]:
    return FRAMEWORKS & set(re.findall(r"\w+", comment))


def said(mark: str, framework: str, *, start: str = "", but: str = "\n") -> str:
    """What a block says to those who use a framework: its paragraphs, and its lines, for them.

    Args:
        mark: Something that only this block has.
        framework: One of them.
        start: With what the lines begin that are wanted.
        but: With what those begin that are not.
    """
    kept: list[str] = []
    for paragraph in block(mark).strip().split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0].startswith("# ") and framework not in (names(lines[0]) or framework):
            continue
        for line in lines:
            code, _, comment = line.partition("  #")
            # What is for all has no comment that names some.
            if code.startswith("# ") or framework not in (names(comment) or framework):
                continue
            if code.startswith(start) and not code.startswith(but):
                kept.append(code)
    return "\n".join(kept)


def application_of(text: str) -> Any:
    """Run a program in a module of its own: frameworks look up there what annotations mean."""
    module = ModuleType("documented")
    vars(module)["jobs"] = Client.jobs
    sys.modules["documented"] = module
    try:
        exec(text, vars(module))
    finally:
        del sys.modules["documented"]
    return module.app


def program(template: str, framework: str, **parts: str) -> str:
    """Put what is documented into an application, for the names in capitals."""
    parts |= {
        "imports": said("integrations.sse import", framework),
        "setup": said("cleanup_ctx.append", framework, but="client"),
        "client": said("cleanup_ctx.append", framework, start="client"),
        "upload": said("part_chunks(part", framework),
        "refuse": said("Retry-After", framework),
        "redirect": said("Location", framework),
        "events": said("pieces", framework),
        "through": said("client.stream", framework),
    }
    lines: list[str] = []
    for line in template.splitlines():
        indent, name = line[: -len(line.lstrip()) or None], line.strip().lower()
        lines.append(textwrap.indent(parts[name], indent) if line.isupper() else line)
    return "\n".join(lines)


def fastapi_application() -> AbstractAsyncContextManager[str]:
    template = """
IMPORTS
SETUP

@app.post("/enhancements", status_code=202)
async def create(request: Request, filename: str):
    CLIENT
    try:
        UPLOAD
    REFUSE
    return {"id": job.id}

@app.get("/enhancements/{id}/events")
async def events(request: Request, id: str):
    job = jobs[id]
    EVENTS

@app.get("/enhancements/{id}/result")
async def result(request: Request, id: str):
    CLIENT
    url = await client.presigned_download_url((await jobs[id]).enhancement)
    REDIRECT

@app.get("/enhancements/{id}/through")
async def through(request: Request, id: str):
    CLIENT
    enhancement = (await jobs[id]).enhancement
    THROUGH
"""
    return listening(application_of(program(template, "FastAPI")))


def litestar_application() -> AbstractAsyncContextManager[str]:
    template = """
IMPORTS
from litestar import get

HANDLER

@post("/enhancements/again", status_code=202)
async def again(request: Request[Any, Any, Any]) -> dict[str, str]:
    CLIENT
    filename = request.query_params["filename"]
    try:
        UPLOAD
    REFUSE
    return {"id": job.id}

@get("/enhancements/{id:str}/events")
async def events(request: Request[Any, Any, Any]) -> Stream:
    job = jobs[request.path_params["id"]]
    EVENTS

@get("/enhancements/{id:str}/result")
async def result(request: Request[Any, Any, Any]) -> Response[None]:
    CLIENT
    url = await client.presigned_download_url((await jobs[request.path_params["id"]]).enhancement)
    REDIRECT

@get("/enhancements/{id:str}/through")
async def through(request: Request[Any, Any, Any]) -> Stream:
    CLIENT
    enhancement = (await jobs[request.path_params["id"]]).enhancement
    THROUGH

handlers = [create, again, events, result, through]
SETUP
"""
    handler = block('@post("/enhancements"')
    return listening(application_of(program(template, "Litestar", handler=handler)))


def aiohttp_application() -> AbstractAsyncContextManager[str]:
    template = """
IMPORTS
app = web.Application()
SETUP

async def create(request):
    CLIENT
    try:
        UPLOAD
    REFUSE
    return web.json_response({"id": job.id}, status=202)

async def events(request):
    job = jobs[request.match_info["id"]]
    EVENTS

async def result(request):
    CLIENT
    url = await client.presigned_download_url((await jobs[request.match_info["id"]]).enhancement)
    REDIRECT

async def through(request):
    CLIENT
    enhancement = (await jobs[request.match_info["id"]]).enhancement
    THROUGH

app.router.add_post("/enhancements", create)
for handler in (events, result, through):
    app.router.add_get("/enhancements/{id}/" + handler.__name__, handler)
"""
    return listening_aiohttp(application_of(program(template, "aiohttp")))


@pytest.fixture
def environment(enhance_service: LocalService, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in enhance_service.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(audio_enhance, "EnhanceClient", Client)


def upload(framework: str) -> dict[str, Any]:
    if framework != "aiohttp":
        return {"params": {"filename": "talk.mp3"}, "data": RECORDING}
    form = aiohttp.FormData()
    form.add_field("recording", RECORDING, filename="talk.mp3")
    return {"data": form}


@pytest.mark.parametrize(
    ("framework", "application", "paths"),
    [
        ("aiohttp", aiohttp_application, [""]),
        ("FastAPI", fastapi_application, [""]),
        ("Litestar", litestar_application, ["", "/again"]),
    ],
)
async def test_an_application_of_what_is_documented(
    framework: str,
    application: Callable[[], AbstractAsyncContextManager[str]],
    paths: list[str],
    environment: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with application() as url, aiohttp.ClientSession() as session:
        job = ""
        for path in paths:
            async with session.post(url + path, **upload(framework)) as answer:
                assert answer.status == 202, await answer.text()
                job = f"{url}/{(await answer.json())['id']}"
        async with session.get(f"{job}/events") as answer:
            assert answer.content_type == "text/event-stream"
            stream = (await answer.text()).rstrip().split("\n\n")
        assert "event: finished" in stream[-1]
        last = stream[-2].splitlines()[0].removeprefix("id: ")
        async with session.get(f"{job}/events", headers={"Last-Event-ID": last}) as answer:
            assert (await answer.text()).rstrip() == stream[-1]
        async with session.get(f"{job}/result", allow_redirects=False) as answer:
            assert answer.status == 303
            location = URL(answer.headers["Location"], encoded=True)
        async with session.get(location) as answer:
            assert await answer.read() == EXPECTED
        async with session.get(f"{job}/through") as answer:
            assert (answer.status, await answer.read()) == (200, EXPECTED)
        async with session.get(f"{job}/through", headers={"Range": "bytes=9-"}) as answer:
            assert (answer.status, await answer.read()) == (206, EXPECTED[9:])
            assert answer.headers["Content-Range"].startswith("bytes 9-")
            assert answer.headers.getall("Content-Type") == ["audio/mpeg"]
        monkeypatch.setattr(Intake, "waiting", 1000)
        async with session.post(url + paths[-1], **upload(framework)) as answer:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) >= 1


async def test_the_next_start_as_it_is_documented(
    environment: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = textwrap.indent(block("take_up") + "    await job\n    return jobs, job", "    ")
    imports = said("integrations.sse import", "aiohttp")
    source = Source.from_bytes(RECORDING, "talk.mp3")
    for _ in range(2):
        async with EnhanceClient.from_env() as client:
            known: dict[str, Any] = {"client": client, "source": source}
            exec(f"{imports}\nasync def run():\n{text}", known)
            taken_up, job = await known["run"]()
            assert taken_up == []
            assert job.status.finished


async def test_the_page_in_an_application_of_ones_own(environment: None) -> None:
    [text] = re.findall(r"```python\n(.*?)```", (DOCS / "web-app.md").read_text(), re.DOTALL)
    async with (
        listening(application_of(text)) as url,
        aiohttp.ClientSession() as session,
        session.get(URL(url).with_path("/enhance/")) as answer,
    ):
        assert answer.status == 200
        assert "Drop recordings or folders here" in await answer.text()
    assert asyncio.all_tasks() == {asyncio.current_task()}
