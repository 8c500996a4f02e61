"""Two hundred browsers at once against one small application."""

import asyncio
import hashlib
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import psutil
import pytest

from audio_enhance.web import Limits

from .support import Visitor, new_id

pytestmark = pytest.mark.slow
BROWSERS = 200
# Seen at once to be no audio: to look for some in all of this would take most of the time.
CHUNK = b"ID3 talk" * 8192
CHUNKS = 48
SIZE = CHUNKS * len(CHUNK)
# What spooling, hashing, passing on and 200 connections may take; all recordings together are
# more than ten times as much.
MOST_GROWTH = 60_000_000


async def recording() -> AsyncIterator[bytes]:
    """The bytes of a recording, without having them all."""
    for _ in range(CHUNKS):
        yield CHUNK


async def insist(
    visitor: Visitor, answers: "Counter[int]", method: str, path: str, **how: object
) -> None:
    """Make a request again for as long as the application asks to come later."""
    while True:
        arguments = {"data": recording()} if path.endswith("audio") else how
        answer = await visitor.call(method, path, **arguments)
        answers[answer.status] += 1
        if answer.status == 200:
            return
        assert answer.status == 503, answer.body
        await asyncio.sleep(int(answer.headers["Retry-After"]))


async def one(url: str, answers: "Counter[int]") -> bytes:
    """What one browser does; returns the beginning of its result."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        visitor = await Visitor(url, session).arrive()
        path = f"recordings/{new_id()}"
        body = {"name": "talk.mp3", "size": SIZE, "strength": 93}
        await insist(visitor, answers, "PUT", path, json=body)
        await insist(visitor, answers, "PUT", f"{path}/audio")
        told = await visitor.until(path.removeprefix("recordings/"), "succeeded", "failed")
        assert told["stage"] == "succeeded"
        answer = await visitor.call("GET", f"{path}/result", headers={"Range": "bytes=0-57"})
        assert answer.status == 206
        return answer.body


async def watch(process: psutil.Process, peak: "Counter[str]") -> None:
    """Note the most memory and descriptors that the process has."""
    while True:
        peak["rss"] = max(peak["rss"], process.memory_info().rss)
        peak["files"] = max(peak["files"], process.num_fds())
        await asyncio.sleep(0.05)


async def test_everybody_gets_an_answer_and_memory_is_bounded() -> None:
    asyncio.get_running_loop().set_debug(False)  # 200 clients are work enough
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.web.load_server",
        cwd=Path(__file__).parents[2],
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.wait)
        stack.callback(server.stdin.close)
        url = (await server.stdout.readline()).decode().strip()
        process = psutil.Process(server.pid)
        answers: Counter[int] = Counter()
        # One recording to its end first: what is imported on the way is no growth.
        expected = await one(url, answers)
        before = process.memory_info().rss
        peak: Counter[str] = Counter()
        watcher = asyncio.create_task(watch(process, peak))
        stack.callback(watcher.cancel)
        async with asyncio.TaskGroup() as browsers:
            results = [browsers.create_task(one(url, answers)) for _ in range(BROWSERS)]
    assert {result.result() for result in results} == {expected}
    digest = hashlib.md5(CHUNK * CHUNKS).hexdigest()
    assert expected == f"enhanced strength=93 md5={digest}\n".encode()
    # More came at once than there are places for: some were told to come later.
    assert answers[503] > BROWSERS - Limits().uploads
    assert answers[200] == 2 * (BROWSERS + 1)
    assert set(answers) == {200, 503}
    assert peak["rss"] - before < MOST_GROWTH
    assert MOST_GROWTH * 10 < BROWSERS * SIZE
