import asyncio
import re
import signal
import webbrowser
from collections.abc import Callable

import aiohttp
import pytest
from click.testing import CliRunner

from audio_enhance._core.installation import install_command
from audio_enhance.cli.main import cli
from tests.cli.support import SIGINT, SIGTERM, Command, Running, blocking, ended

pytest.importorskip("starlette", reason="needs starlette")


async def _address(process: Running) -> tuple[str, str]:
    """Where the page is, and what is said of the service."""
    assert process.stderr is not None
    said = ""
    while "Ctrl-C" not in said:
        line = await process.stderr.readline()
        assert line, said
        said += line.decode()
    [url] = re.findall(r"http://127\.0\.0\.1:\d+/", said)
    return url, said


async def test_the_page_is_there_until_ctrl_c(alone: Command) -> None:
    process = await alone.start("web", "--port", "0")
    url, said = await _address(process)
    assert "the local service on this computer does the work" in said
    async with aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert "Audio Enhance" in await answer.text()
        # A page that listens does not keep it from ending.
        async with session.get(f"{url}events") as events:
            await events.read()
        cookies = {name: each.value for name, each in events.cookies.items()}
        async with session.get(f"{url}events", cookies=cookies) as events:
            await events.content.readuntil(b"event: state")
            run = await ended(process, SIGINT)
    assert (run.status, run.out) == (0, "")


async def test_it_says_who_enhances(command: Command) -> None:
    process = await command.start("web", "--port", "0")
    _, said = await _address(process)
    assert "127.0.0.1 enhances the recordings." in said
    assert (await ended(process, SIGTERM)).status == 0


async def test_a_port_that_is_taken(alone: Command, unused_tcp_port: int) -> None:
    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    taken = await asyncio.start_server(answer, "127.0.0.1", unused_tcp_port)
    async with taken:
        run = await alone("web", "--port", str(unused_tcp_port))
    assert run.status == 2
    assert "The page cannot be served" in run.err
    assert "--port" in run.err


async def test_without_its_extra_it_says_what_to_install(alone: Command) -> None:
    run = await alone("web", **blocking(alone.folder / "blocked", ["starlette"]))
    assert run.status == 2
    assert install_command("web") in run.err


async def test_what_a_test_that_failed_leaves_running_is_ended(alone: Command) -> None:
    process = await alone.start("web", "--port", "0")
    await _address(process)
    await alone.end_all()
    assert process.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("options", "how", "shown"),
    [
        ("", (8377, None, None, "v1"), []),
        (
            "--port 1 --engine rnnoise --cluster tcp://a:1 --api-version v2 --open",
            (1, "rnnoise", "tcp://a:1", "v2"),
            ["http://page/"],
        ),
    ],
)
def test_it_serves_and_shows_what_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, options: str, how: tuple[object, ...], shown: list[str]
) -> None:
    told: list[tuple[object, ...]] = []
    opened: list[str] = []

    async def served(*, on_ready: Callable[[str, str], None], **given: object) -> None:
        told.append(tuple(given[name] for name in ("port", "engine", "cluster", "api_version")))
        on_ready("http://page/", "local")

    monkeypatch.setattr("audio_enhance.web.serve", served)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    assert CliRunner().invoke(cli, ["web", *options.split()], standalone_mode=False).exit_code == 0
    assert (told, opened) == ([how], shown)
