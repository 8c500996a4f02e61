"""What the page is told of a recording's sound, and the pictures of it."""

import asyncio
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Enhancer, Rehearsal
from audio_enhance.local.measuring import measurer
from audio_enhance.web import _measuring

from .sound import LATER, RATE, Halver, Unpacker, speech, variable_mp3
from .support import Site, Visitor, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def measured(visitor: Visitor, identifier: str) -> dict[str, Any]:
    """Wait until both are measured."""
    async with visitor.events() as events:
        async for event in events:
            told = event.data["recordings"] if event.kind == "state" else [event.data]
            for each in told:
                if each["id"] == identifier and "lag" in (each["after"] or {}):
                    return dict(each)
    raise AssertionError


@asynccontextmanager
async def measuring(enhancer: Enhancer | None = None) -> AsyncGenerator[Site]:
    """Run a page that measures what its own service enhances."""
    async with (
        LocalService(enhancer=enhancer or Halver()) as service,
        running(service, measure=True) as site,
    ):
        yield site


async def test_both_are_measured_drawn_and_forgotten(tmp_path: Path) -> None:
    async with LocalService(enhancer=Halver()) as service:
        async with running(service, measure=True, folder=tmp_path) as site:
            visitor = await site.visitor()
            assert (await visitor.state())["measures"] is True
            identifier = await visitor.send(speech(2), name="talk.wav")
            told = await measured(visitor, identifier)
            before, after = told["before"], told["after"]
            assert after["lag"] == pytest.approx(LATER / RATE)
            assert before["loudness"] - after["loudness"] == pytest.approx(6.02, abs=0.15)
            assert before["duration"] == pytest.approx(2)
            path = f"recordings/{identifier}/after"
            peaks = await visitor.call("GET", f"{path}/peaks/0/0")
            assert len(peaks.body) == 4 * -(-round(2 * RATE + LATER) // 128)
            spectrum = await visitor.call("GET", f"{path}/spectrum/0/0")
            assert len(spectrum.body) % 96 == 0
            assert (await visitor.call("GET", f"{path}/peaks/0/1")).body == b""
            for wrong in ("peaks/9/0", "colours/0/0"):
                assert (await visitor.call("GET", f"{path}/{wrong}")).status == 404
            stranger = await site.visitor()
            assert (await stranger.call("GET", f"{path}/peaks/0/0")).status == 404
        async with running(service, measure=True, folder=tmp_path) as site:
            studio = site.app.state.studio
            assert not studio.measuring._under_way  # it is known from before
            [recording] = studio._owners
            assert studio.snapshot(recording)["after"] == after
            studio.discard(recording)
        assert {each.name for each in tmp_path.iterdir()} == {"secret", "jobs-v1.sqlite"}


async def test_what_cannot_be_measured_is_tried_once() -> None:
    async with measuring(Rehearsal()) as site:
        visitor = await site.visitor()
        identifier = await visitor.send()
        await visitor.until(identifier, "succeeded")
        studio = site.app.state.studio
        [recording] = studio._owners
        while recording.result is None or not recording.result.unmeasurable:
            await asyncio.sleep(0.01)
        assert studio.snapshot(recording)["before"] == {"unmeasurable": True}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    """The processes that have been started to measure."""
    processes: list[Process] = []
    start = measurer._started

    async def noted() -> Process:
        processes.append(await start())
        return processes[-1]

    monkeypatch.setattr(measurer, "_started", noted)
    return processes


async def test_one_recording_after_the_other_is_measured_by_the_same_processes(
    monkeypatch: pytest.MonkeyPatch, started: list[Process]
) -> None:
    monkeypatch.setattr(_measuring, "_PATIENCE", 600.0)
    async with measuring() as site:
        visitor = await site.visitor()
        for number in range(4):
            await measured(visitor, await visitor.send(speech(1 + number / 10), name="talk.wav"))
        assert 1 <= len(started) <= 2  # two at a time
    assert all(process.returncode is not None for process in started)


async def test_a_process_that_nobody_needs_any_more_ends(
    monkeypatch: pytest.MonkeyPatch, started: list[Process]
) -> None:
    monkeypatch.setattr(_measuring, "_PATIENCE", 0.0)
    async with measuring() as site:
        visitor = await site.visitor()
        for number in range(2):
            await measured(visitor, await visitor.send(speech(1 + number / 10), name="talk.wav"))
            assert started
            async with asyncio.timeout(60):
                await asyncio.gather(*[process.wait() for process in started])


async def test_what_is_removed_is_measured_no_more() -> None:
    async with measuring() as site:
        visitor = await site.visitor()
        identifier = await visitor.send(speech(1), name="talk.wav")
        studio = site.app.state.studio
        tasks = list(studio.measuring._under_way.values())
        assert tasks
        [recording] = studio._owners
        await visitor.call("DELETE", f"recordings/{identifier}")
        await asyncio.wait([*tasks, recording.job.task])  # which needs the recording, too
        assert all(task.cancelled() for task in tasks)
        await studio.shelf.written()
        assert not list(studio.shelf.folder.glob("*original*"))


async def test_players_get_what_browsers_jump_in_exactly(tmp_path: Path) -> None:
    mp3 = variable_mp3(1, tmp_path)
    folder = tmp_path / "kept"
    async with LocalService(enhancer=Unpacker()) as service:
        async with running(service, measure=True, folder=folder) as site:
            visitor = await site.visitor()
            identifier = await visitor.send(mp3, name="talk.mp3")
            told = await measured(visitor, identifier)
            assert told["playable"]
            path = f"recordings/{identifier}"
            before = await visitor.call("GET", f"{path}/before/sound")
            assert (before.headers["Content-Type"], before.body[4:8]) == ("audio/mp4", b"ftyp")
            part = {"Range": "bytes=4-7"}
            assert (await visitor.call("GET", f"{path}/before/sound", headers=part)).body == b"ftyp"
            # What needs no copy is played as it is, and the recording is saved as it was sent.
            after = await visitor.call("GET", f"{path}/after/sound")
            assert after.body == (await visitor.call("GET", f"{path}/download")).body
            assert (await visitor.call("GET", f"{path}/original")).body == mp3
            assert (await visitor.call("GET", f"{path}/middle/sound")).status == 404
            # The silence that the encoder put in front is in the copy, and so in its figures.
            studio = site.app.state.studio
            [recording] = studio._owners
            assert told["after"]["lag"] < 0 < told["before"]["duration"] - 1
            assert recording.original.bytes_on_disk > len(mp3) + len(before.body)
        async with running(service, measure=True, folder=folder) as site:
            studio = site.app.state.studio
            [recording] = studio._owners
            copy = await studio.measuring.copies.of(recording.original)
            assert copy.read_bytes() == before.body
            studio.discard(recording)
        assert {each.name for each in folder.iterdir()} == {"secret", "jobs-v1.sqlite"}


async def test_without_measuring_players_get_what_was_sent() -> None:
    async with LocalService(enhancer=Halver()) as service, running(service) as site:
        visitor = await site.visitor()
        identifier = await visitor.send(speech(0.1), name="talk.wav")
        sound = await visitor.call("GET", f"recordings/{identifier}/before/sound")
        assert sound.body == speech(0.1)
