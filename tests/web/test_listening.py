"""What a page is told, in which order, and what it is told when it comes back."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits, _listening

from .support import DATA, Event, Site, Visitor, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_new_page_is_told_everything(visitor: Visitor) -> None:
    identifier = await visitor.send(name="talk.wav", strength=40)
    await visitor.until(identifier, "succeeded")
    state = await visitor.state()
    [told] = state["recordings"]
    assert told.pop("revision") > 0
    assert told == {
        "id": identifier,
        "name": "talk.wav",
        "size": len(DATA),
        "strength": 40,
        "stage": "succeeded",
        "received": len(DATA),
        "passed_on": 1.0,
        "ahead": 0,
        "seconds_left": None,
        "share": None,
        "notes": [],
        "retrying": None,
        "problem": None,
        "video": False,
        "kept": True,
        "playable": False,
        "before": None,
        "after": None,
    }
    assert state["service"] is None
    assert state["sample"] is False
    assert state["max_bytes"] == 1_000_000_000
    assert ".mp3" in state["suffixes"]


async def test_stages_come_in_order(visitor: Visitor) -> None:
    stages: list[str] = []
    async with visitor.events() as events:
        first = await anext(events)
        assert (first.kind, first.data["recordings"]) == ("state", [])
        sending = asyncio.create_task(visitor.send())
        async for event in events:
            assert event.kind == "recording"
            if not stages or event.data["stage"] != stages[-1]:
                stages.append(event.data["stage"])
            if event.data["stage"] == "succeeded":
                break
        await sending
    # A page that is slow may be told less, but never in another order.
    order = ["expected", "receiving", "waiting", "enhancing", "succeeded"]
    assert stages == [stage for stage in order if stage in stages]
    assert stages[0] == "expected"
    assert "waiting" in stages or "enhancing" in stages


async def test_who_was_away_is_told_what_was_missed(visitor: Visitor) -> None:
    gone, kept = await visitor.send(), await visitor.send()
    await visitor.until(gone, "succeeded")
    await visitor.until(kept, "succeeded")
    async with visitor.events() as events:
        cursor = (await anext(events)).id
    await visitor.call("DELETE", f"recordings/{gone}")
    new = await visitor.send()
    await visitor.until(new, "succeeded")
    for path, header in (("events", cursor), (f"events?after={cursor}", None)):
        missed: list[Event] = []
        async with visitor.events(header, path) as events:
            async for event in events:
                # The other one may be told of once more, when its result has come to the page.
                if event.kind == "here" or event.data["id"] != kept:
                    missed.append(event)
                if event.kind == "recording" and event.data["id"] == new:
                    break
        assert [event.kind for event in missed] == ["here", "removed", "recording"]
        assert missed[1].data == {"id": gone}
        assert missed[2].data["stage"] == "succeeded"
        numbers = [int(event.id.partition("-")[2]) for event in missed if event.id]
        assert numbers == sorted(numbers)
    async with visitor.events(missed[-1].id) as events:
        assert (await anext(events)).kind == "here"
        await visitor.call("DELETE", f"recordings/{kept}")
        while (event := await anext(events)).kind != "removed":
            pass
        assert event.data == {"id": kept}


@pytest.mark.parametrize("cursor", ["00000000-1", "x", "", "1-99999"])
async def test_who_was_elsewhere_is_told_everything(visitor: Visitor, cursor: str) -> None:
    identifier = await visitor.send()
    async with visitor.events(cursor) as events:
        event = await anext(events)
    assert event.kind == "state"
    assert [each["id"] for each in event.data["recordings"]] == [identifier]


async def test_places_in_line_move_up() -> None:
    go = asyncio.Event()
    async with (
        LocalService(enhancer=Rehearsal(sleep=lambda _: go.wait())) as service,
        running(service) as site,
    ):
        one, other = await site.visitor(), await site.visitor()
        first = await one.send()
        await one.until(first, "enhancing")
        # Others than the first: what is the same has its turn but once.
        second = await other.send(DATA + b"2")
        third = await one.send(DATA + b"3")
        for visitor, identifier, ahead in ((other, second, 1), (one, third, 2)):
            async with visitor.events() as events:
                told: dict[str, Any] = {}
                while told.get("ahead") != ahead:
                    event = await anext(events)
                    recordings = event.data["recordings"] if event.kind == "state" else [event.data]
                    told = next((r for r in recordings if r["id"] == identifier), told)
        async with one.events() as events:
            go.set()
            seen = [2]
            async for event in events:
                if event.kind == "recording" and event.data["id"] == third:
                    seen.append(event.data["ahead"])
                    if event.data["stage"] == "succeeded":
                        break
        assert seen == sorted(seen, reverse=True)


async def test_nothing_new_is_told_all_the_same(
    visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_listening, "_HEARTBEAT", 0.01)
    async with visitor.session.get(f"{visitor.url}events") as response:
        async for line in response.content:
            if line.startswith(b":"):
                break
        else:
            raise AssertionError("the stream ended")


async def test_only_so_many_pages_are_listened_to(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audio_enhance.web._studio._MOST_STREAMS", 1)
    async with running(site.service) as other:
        one, another = await other.visitor(), await other.visitor()
        async with one.events() as events:
            await anext(events)
            assert (await one.announce()).status == 200
            answer = await another.call("GET", "events")
            assert (answer.status, answer.json["code"]) == (503, "busy")
            assert "Retry-After" in answer.headers


async def test_whoever_only_looks_makes_room_for_others(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that asks for one session after the other takes no page's place."""
    monkeypatch.setattr("audio_enhance.web._studio._MOST_STREAMS", 3)
    async with running(site.service) as other, AsyncExitStack() as stack:
        one = await other.visitor()
        mine = await stack.enter_async_context(one.events())
        await anext(mine)
        assert (await one.announce()).status == 200
        idle = []
        for _ in range(6):
            page = await stack.enter_async_context((await other.visitor()).events())
            await anext(page)
            idle.append(page)
        for page in idle[:4]:
            assert [event async for event in page] == []  # it was ended
        assert (await one.announce()).status == 200
        assert [(await anext(mine)).kind for _ in range(2)] == ["recording"] * 2


async def test_one_browser_does_not_take_the_place_of_others(site: Site) -> None:
    async with running(site.service, limits=Limits(pages=1)) as other:
        one, another = await other.visitor(), await other.visitor()
        async with one.events() as events:
            await anext(events)
            answer = await one.call("GET", "events")
            assert (answer.status, answer.json["code"]) == (429, "pages")
            assert "Retry-After" in answer.headers
            assert (await another.state())["recordings"] == []
        while any(session.streams for session in other.app.state.studio.sessions):
            await asyncio.sleep(0.005)
        assert (await one.state())["recordings"] == []


async def test_a_page_that_is_closed_is_noticed(site: Site, visitor: Visitor) -> None:
    async with visitor.events() as events:
        await anext(events)
        identifier = (await visitor.announce()).json["id"]
        sessions = site.app.state.studio.sessions
        [session] = [each for each in sessions if identifier in each.recordings]
        assert session.streams == 1
    while session.streams:
        await asyncio.sleep(0.005)
