"""What bounds the application: how much arrives, waits and is kept, and for how long."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from audio_enhance.local import LocalService
from audio_enhance.web import Limits

from .support import DATA, Held, Site, Visitor, another, new_id, running

if TYPE_CHECKING:
    from audio_enhance.web._recording import Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


def originals(site: Site) -> list[Any]:
    """What the application holds of recordings."""
    return [recording.original for recording in site.app.state.studio._owners]


async def fill_server(site: Site, visitor: Visitor) -> list[str]:
    """Give the server all it takes at a time: one in work and one behind it."""
    sent: list[str] = []
    for _ in range(2):
        sent.append(await visitor.send(another()))
        while site.app.state.studio.client.waiting:
            await asyncio.sleep(0.005)
    return sent


async def test_only_so_many_arrive_at_once(site: Site) -> None:
    async with running(site.service, limits=Limits(uploads=2)) as bounded:
        one, other = await bounded.visitor(), await bounded.visitor()
        identifier = (await one.announce()).json["id"]
        await other.announce()
        answer = await other.announce()
        assert (answer.status, answer.json["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1
        assert len((await other.state())["recordings"]) == 1
        await one.call("PUT", f"recordings/{identifier}/audio", data=DATA)
        assert (await other.announce()).status == 200


async def test_only_so_many_wait(held: Held, held_service: LocalService) -> None:
    async with running(held_service, limits=Limits(waiting=2)) as site:
        visitor = await site.visitor()
        await fill_server(site, visitor)
        sent = [await visitor.send(another()) for _ in range(2)]
        again = {"again": sent[0], "strength": 1}
        for answer in (
            await visitor.announce(),
            await visitor.call("PUT", f"recordings/{new_id()}", json=again),
        ):
            assert (answer.status, answer.json["code"]) == (503, "busy")
            assert int(answer.headers["Retry-After"]) >= 1
        held.go.set()
        await visitor.until(sent[-1], "succeeded")
        assert (await visitor.announce()).status == 200


async def test_a_full_lane_keeps_nothing_and_says_when(
    held: Held, held_service: LocalService
) -> None:
    async with running(held_service, max_waiting=1) as site:
        visitor = await site.visitor()
        await fill_server(site, visitor)
        await visitor.send(another())
        identifier = (await visitor.announce()).json["id"]
        path = f"recordings/{identifier}/audio"
        answer = await visitor.call("PUT", path, data=DATA)
        assert (answer.status, answer.json["code"]) == (503, "busy")
        assert int(answer.headers["Retry-After"]) >= 1
        await visitor.until(identifier, "expected")
        held.go.set()
        while (answer := await visitor.call("PUT", path, data=DATA)).status == 503:
            await asyncio.sleep(0.01)
        assert answer.status == 200
        await visitor.until(identifier, "succeeded")


async def test_a_session_has_only_so_many(site: Site) -> None:
    async with running(site.service, limits=Limits(recordings=1)) as bounded:
        visitor = await bounded.visitor()
        identifier = await visitor.send()
        await visitor.until(identifier, "succeeded")
        for request in ({"again": identifier, "strength": 1}, None):
            answer = (
                await visitor.call("PUT", f"recordings/{new_id()}", json=request)
                if request
                else await visitor.announce()
            )
            assert (answer.status, answer.json["code"]) == (409, "many")
        assert (await (await bounded.visitor()).announce()).status == 200
        await visitor.call("DELETE", f"recordings/{identifier}")
        assert (await visitor.announce()).status == 200


async def test_only_so_much_is_kept(site: Site) -> None:
    size = len(DATA)
    async with running(site.service, limits=Limits(kept_bytes=7 * size // 2)) as bounded:
        visitor = await bounded.visitor()
        identifier = await visitor.send()
        answer = await (await bounded.visitor()).announce(3 * size)
        assert (answer.status, answer.json["code"]) == (503, "space")
        assert int(answer.headers["Retry-After"]) >= 1
        await visitor.until(identifier, "succeeded")
        # Another strength takes no more than its result.
        again = {"again": identifier, "strength": 1}
        second = await visitor.call("PUT", f"recordings/{new_id()}", json=again)
        assert second.status == 200
        await visitor.call("DELETE", f"recordings/{identifier}")
        assert (await visitor.announce(3 * size)).status == 503
        await visitor.until(second.json["id"], "succeeded")
        await visitor.call("DELETE", f"recordings/{second.json['id']}")
        assert (await visitor.announce(3 * size)).status == 200


async def test_a_recording_is_kept_for_a_while(site: Site) -> None:
    async with running(site.service, limits=Limits(keep_seconds=0.05)) as forgetful:
        visitor = await forgetful.visitor()
        async with visitor.events() as events:
            identifier = await visitor.send()
            kinds = [event.kind async for event in _until_removed(events, identifier)]
        assert kinds[-1] == "removed"
        assert originals(forgetful) == []
        assert (await visitor.call("GET", f"recordings/{identifier}/original")).status == 404


async def _until_removed(events: Any, identifier: str) -> AsyncIterator[Any]:
    async for event in events:
        yield event
        if event.kind == "removed":
            assert event.data == {"id": identifier}
            return


async def test_whoever_leaves_makes_room(held: Held, held_service: LocalService) -> None:
    async with running(held_service, limits=Limits(leave_seconds=0.05)) as site:
        visitor = await site.visitor()
        async with visitor.events():
            begun = await visitor.send(another())
            await visitor.until(begun, "enhancing")
            behind = await visitor.send(another())
            waiting = [await visitor.send(another()) for _ in range(2)]
            announced = (await visitor.announce()).json["id"]
            while site.app.state.studio.client.waiting > len(waiting):
                await asyncio.sleep(0.005)
        stages: dict[str, Stage] = {}
        while not all(stages.get(each) == "cancelled" for each in (*waiting, announced)):
            await asyncio.sleep(0.005)
            stages = {each.id: each.stage for each in site.app.state.studio._owners}
        assert not stages[begun].over
        assert not stages[behind].over
        state = (await visitor.state())["recordings"]
        assert {each["problem"]["code"] for each in state if each["id"] in waiting} == {"left"}
        assert {each["kept"] for each in state if each["id"] in waiting} == {True}
        # From here on it listens now and then, and has not left in between.
        site.app.state.studio.limits = Limits()
        held.go.set()
        await visitor.until(begun, "succeeded")
        again = {"again": waiting[0], "strength": 93}
        answer = await visitor.call("PUT", f"recordings/{new_id()}", json=again)
        await visitor.until(answer.json["id"], "succeeded")


async def test_a_page_that_is_back_in_time_loses_nothing(held_service: LocalService) -> None:
    async with running(held_service, limits=Limits(leave_seconds=30)) as site:
        visitor = await site.visitor()
        async with visitor.events():
            identifier = await visitor.send()
        studio = site.app.state.studio
        while not any(session.streams == 0 for session in studio.sessions):
            await asyncio.sleep(0.005)
        assert [key for key in studio._timers if key in list(studio.sessions)]
        await visitor.until(identifier, "waiting", "enhancing")
        async with visitor.events() as events:
            async for _ in events:
                break
            assert not [key for key in studio._timers if key in list(studio.sessions)]


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_waits_can_be_cancelled_for_free(
    held: Held, held_service: LocalService, method: str
) -> None:
    async with running(held_service) as site:
        visitor = await site.visitor()
        begun = await fill_server(site, visitor)
        identifier = await visitor.send()
        path = f"recordings/{identifier}" + ("/cancel" if method == "POST" else "")
        assert (await visitor.call(method, path)).status < 300
        if method == "POST":
            await visitor.until(identifier, "cancelled")
        held.go.set()
        for each in begun:
            await visitor.until(each, "succeeded")
        assert held_service.count("POST /speech_enhancements") == 2
