"""What is in the list is there after a restart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from audio_enhance import Source
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits, _serving
from audio_enhance.web._backend import open_backend

from .support import DATA, Held, Visitor, another, back, running, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")
EXPECTED = Rehearsal.expected(DATA, 93)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def service() -> AsyncIterator[LocalService]:
    async with LocalService(enhancer=Rehearsal()) as service:
        yield service


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


async def told(visitor: Visitor) -> dict[str, Any]:
    return {each["id"]: each for each in (await visitor.state())["recordings"]}


async def test_what_was_done_is_here_without_being_done_again(
    service: LocalService, tmp_path: Path
) -> None:
    async with running(service, folder=tmp_path) as site:
        visitor = await site.visitor()
        done = await visitor.send()
        await visitor.until(done, "succeeded")
        await settled(site)
    asked = len(service.record)
    async with running(service, folder=tmp_path) as site:
        visitor = await back(site, visitor)
        found = await told(visitor)
        assert found[done]["stage"] == "succeeded"
        assert found[done]["kept"]
        for what, expected in (("original", DATA), ("result", EXPECTED), ("download", EXPECTED)):
            assert (await visitor.call("GET", f"recordings/{done}/{what}")).body == expected
        assert len(service.record) == asked
        await visitor.call("DELETE", f"recordings/{done}")
    assert names(tmp_path) == {"secret", "jobs-v1.sqlite"}


async def test_what_was_not_done_is_done_then(tmp_path: Path) -> None:
    held = Held()
    async with LocalService(enhancer=held) as service:
        async with running(service, folder=tmp_path) as site:
            visitor = await site.visitor()
            ids = [await visitor.send(another(), name=f"{n}.mp3") for n in range(3)]
            await visitor.until(ids[0], "enhancing")
            await visitor.call("POST", f"recordings/{ids[2]}/cancel")
            await visitor.until(ids[2], "cancelled")
        held.go.set()
        async with running(service, folder=tmp_path) as site:
            visitor = await back(site, visitor)
            for identifier in ids[:2]:
                await visitor.until(identifier, "succeeded")
            found = await told(visitor)
            assert list(found) == ids
            assert found[ids[2]]["stage"] == "cancelled"


async def test_more_than_may_wait_are_gone_on_with() -> None:
    """What was in work when the application ended waits at its next start, with all the others."""
    async with open_backend(Limits(waiting=1), engine="afftdn", environ={}) as backend:
        source = Source.from_bytes(DATA, "talk.mp3")
        jobs = [await backend.client.submit(source, strength=strength) for strength in range(3)]
        assert backend.client.waiting == 3
        for job in jobs:
            job.cancel()
        await asyncio.wait([job.task for job in jobs])


async def test_nobody_elses_are_told(service: LocalService, tmp_path: Path) -> None:
    async with running(service, folder=tmp_path) as site:
        visitor = await site.visitor()
        done = await visitor.send()
        await visitor.until(done, "succeeded")
        await settled(site)
    async with running(service, folder=tmp_path) as site:
        assert await told(await site.visitor()) == {}


async def test_what_was_kept_long_enough_goes(service: LocalService, tmp_path: Path) -> None:
    async with running(service, folder=tmp_path) as site:
        visitor = await site.visitor()
        done = await visitor.send()
        await visitor.until(done, "succeeded")
        await settled(site)
    async with running(service, folder=tmp_path, limits=Limits(keep_seconds=0.001)) as site:
        while site.app.state.studio._owners:
            await asyncio.sleep(0.001)
    assert names(tmp_path) == {"secret", "jobs-v1.sqlite"}


async def test_what_nobody_knows_of_goes_and_what_is_cut_off_does_not_matter(
    service: LocalService, tmp_path: Path
) -> None:
    (tmp_path / "0123.original").write_bytes(b"x")
    (tmp_path / "0123.original.peaks").write_bytes(b"x")
    (tmp_path / "4567.result").write_bytes(b"x")
    (tmp_path / "entry.json").write_text('{"session": "x", "orig')
    (tmp_path / "mine.txt").write_text("not ours")
    async with running(service, folder=tmp_path):
        pass
    assert names(tmp_path) == {"secret", "jobs-v1.sqlite", "mine.txt"}


async def test_without_a_folder_nothing_is_left(service: LocalService) -> None:
    async with running(service) as site:
        visitor = await site.visitor()
        done = await visitor.send()
        await visitor.until(done, "succeeded")
        folder = site.app.state.studio.shelf.folder
        assert list(folder.glob("*.original"))
    assert not folder.exists()


async def test_who_has_the_port_has_the_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert _serving._state_folder() == tmp_path / "audio-enhance"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert _serving._state_folder().relative_to(Path.home())
