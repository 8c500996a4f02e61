"""All results of a session, as one file."""

import io
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import Message

from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web._problems import Problem
from audio_enhance.web._zip import ZipAnswer, ZipEntry, unique

from .support import DATA, Visitor, another

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_all_results_are_in_it(visitor: Visitor) -> None:
    assert (await visitor.call("GET", "archive")).status == 409
    other = another()
    for data, name in ((DATA, "talk.mp3"), (other, "Talk.mp3")):
        await visitor.until(await visitor.send(data, name=name), "succeeded")
    answer = await visitor.call("GET", "archive")
    assert "enhanced.zip" in answer.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["talk-enhanced-93p.mp3", "Talk-enhanced-93p (2).mp3"]
        assert archive.read("talk-enhanced-93p.mp3") == Rehearsal.expected(DATA, 93)


async def sent(answer: ZipAnswer) -> list[bytes]:
    """Return what an answer sends, piece by piece."""
    pieces: list[bytes] = []

    async def send(message: Message) -> None:
        pieces.append(message.get("body", b""))

    await answer._answer({"method": "GET"}, send)
    return pieces


def entry(name: str, *chunks: bytes, problem: Problem | None = None) -> ZipEntry:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[AsyncIterator[bytes]]:
        async def data() -> AsyncIterator[bytes]:
            for chunk in chunks:
                yield chunk

        if problem is not None:
            raise problem
        yield data()

    return ZipEntry(name, opened)


async def test_it_is_sent_as_it_is_made_and_names_what_is_not_in_it() -> None:
    gone = entry("gone.mp3", problem=Problem(503, "away", "The service is away."))
    pieces = await sent(ZipAnswer([entry("a.mp3", *[bytes(1000)] * 50), gone]))
    assert max(map(len, pieces)) < 2000
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.read("a.mp3") == bytes(50_000)
        assert archive.read("left-out.txt") == b"gone.mp3: The service is away.\n"


async def test_names_stay_in_the_folder_and_apart() -> None:
    names = unique(["a.mp3", "A.mp3", "../b.mp3", "left-out.txt", "c:d.mp3"])
    assert names == ["a.mp3", "A (2).mp3", ".._b.mp3", "left-out (2).txt", "c_d.mp3"]


async def test_whoever_watches_over_it_is_told_that_it_works(visitor: Visitor) -> None:
    answer = await visitor.call("GET", "health")
    assert (answer.status, answer.json["status"]) == (200, "ok")
