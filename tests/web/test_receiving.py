"""Recordings on their way in: what is refused, what is cut off, and what bounds them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from attrs import evolve

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits, _handlers
from audio_enhance.web._guard import HEADERS
from audio_enhance.web._recording import Stage

from .support import DATA, Site, Visitor, new_id, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Held(Rehearsal):
    """Enhances nothing until it is let."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        super().__init__(sleep=lambda _: self.go.wait())


@pytest.fixture
def held() -> Held:
    return Held()


@pytest_asyncio.fixture(loop_scope="module")
async def held_service(held: Held) -> AsyncIterator[LocalService]:
    async with LocalService(enhancer=held) as service:
        yield service


def originals(site: Site) -> list[Any]:
    """What the application holds of recordings."""
    return [recording.original for recording in site.app.state.studio._owners]


def another() -> bytes:
    """A recording that no other is the same as: what is the same has its turn but once."""
    return DATA + new_id().encode()


async def fill_server(site: Site, visitor: Visitor) -> list[str]:
    """Give the server all it takes at a time: one in work and one behind it."""
    sent: list[str] = []
    for _ in range(2):
        sent.append(await visitor.send(another()))
        while site.app.state.studio.client.waiting:
            await asyncio.sleep(0.005)
    return sent


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"name": "talk.txt"}, 415, "type"),
    ({"name": "talk"}, 415, "type"),
    ({"name": ""}, 415, "type"),
    ({"name": "../"}, 415, "type"),
    ({"size": 0}, 422, "invalid"),
    ({"size": -1}, 422, "invalid"),
    ({"size": "1"}, 400, "invalid"),
    ({"size": True}, 400, "invalid"),
    ({"size": 1.5}, 400, "invalid"),
    ({"size": 10**4000}, 413, "size"),
    ({"size": 1_000_000_001}, 413, "size"),
    ({"strength": 101}, 422, "invalid"),
    ({"strength": -1}, 422, "invalid"),
    ({"strength": "93"}, 400, "invalid"),
    ({"strength": True}, 400, "invalid"),
    ({"identifier": "short"}, 422, "invalid"),
    ({"identifier": "%2e%2e%2f" * 4}, 404, "http"),
    ({"identifier": "a" * 65}, 422, "invalid"),
    ({"name": "x" * 5000 + ".mp3"}, 413, "invalid"),
]


async def test_what_cannot_be_taken_is_refused_before_it_is_sent(visitor: Visitor) -> None:
    for announcement, status, code in REFUSED:
        answer = await visitor.announce(**announcement)
        assert (answer.status, answer.json["code"]) == (status, code), announcement
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["title"]
        assert "Retry-After" not in answer.headers
    assert (await visitor.state())["recordings"] == []


async def test_what_is_no_request_is_refused(visitor: Visitor) -> None:
    for body in (
        *(b"", b"{", b"[]", b"null", b'{"name": "a.mp3"}', b"\xff", b"[" * 4000),
        b'{"name": ["a.mp3"], "size": 1, "strength": 93}',
        b'{"name": "a.mp3", "size": 1e999, "strength": 93}',
        b'{"name": "a.mp3", "size": NaN, "strength": 93}',
        b'{"again": "a", "strength": false}',
    ):
        answer = await visitor.call("PUT", f"recordings/{new_id()}", data=body)
        assert (answer.status, answer.json["code"]) == (400, "invalid"), body
        assert HEADERS.items() <= answer.headers.items()


async def test_half_a_name_is_none(visitor: Visitor) -> None:
    answer = await visitor.call(
        "PUT",
        f"recordings/{new_id()}",
        data=b'{"name": "\\ud800 talk.mp3", "size": 1, "strength": 93}',
    )
    assert (answer.status, answer.json["name"]) == (200, "talk.mp3")
    await visitor.call("DELETE", f"recordings/{answer.json['id']}")


async def test_a_request_that_does_not_arrive_is_not_waited_for(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_handlers, "_JSON_SECONDS", 0.01)
    never = asyncio.Event()

    async def half() -> AsyncIterator[bytes]:
        yield b'{"name": '
        await never.wait()

    answer = await visitor.call("PUT", f"recordings/{new_id()}", data=half())
    assert (answer.status, answer.json["code"]) == (408, "slow")
    assert HEADERS.items() <= answer.headers.items()


async def test_a_name_is_only_a_name(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send(name="../../etc/passwd\x00\r\nX: y.mp3")
    told = await visitor.until(identifier, "succeeded")
    assert told["name"] == "passwdX_ y.mp3"
    answer = await visitor.call("GET", f"recordings/{identifier}/download")
    assert "passwdX_%20y-enhanced-93p.mp3" in answer.headers["Location"]


async def test_announcing_twice_changes_nothing(visitor: Visitor) -> None:
    identifier = new_id()
    first = await visitor.announce(identifier=identifier)
    second = await visitor.announce(identifier=identifier, name="other.mp3")
    assert first.json == second.json
    assert (await visitor.call("DELETE", f"recordings/{identifier}")).status == 204


async def test_sending_twice_changes_nothing(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send()
    await visitor.until(identifier, "succeeded")
    before = site.service.count("POST /speech_enhancements")
    answer = await visitor.call("PUT", f"recordings/{identifier}/audio", data=DATA)
    assert (answer.status, answer.json["stage"]) == (200, "succeeded")
    assert site.service.count("POST /speech_enhancements") == before


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", b"", DATA * 100])
async def test_another_length_is_refused(site: Site, visitor: Visitor, data: bytes) -> None:
    identifier = (await visitor.announce()).json["id"]
    answer = await visitor.call("PUT", f"recordings/{identifier}/audio", data=data)
    assert (answer.status, answer.json["code"]) == (400, "length")
    told = await visitor.until(identifier, "failed")
    assert told["problem"]["code"] == "length"
    assert told["kept"] is False


class _CutError(Exception):
    pass


async def _cut(announced: asyncio.Event) -> AsyncIterator[bytes]:
    yield DATA[:1000]
    await announced.wait()
    raise _CutError


async def _begin(visitor: Visitor, go: asyncio.Event) -> tuple[str, "asyncio.Task[Any]"]:
    """Send the first bytes of a recording, and hang up when told to."""
    identifier: str = (await visitor.announce()).json["id"]

    async def send() -> Any:
        with suppress(_CutError, aiohttp.ClientError):
            return await visitor.call("PUT", f"recordings/{identifier}/audio", data=_cut(go))

    task = asyncio.create_task(send())
    await visitor.until(identifier, "receiving")
    return identifier, task


async def test_what_was_cut_off_may_be_sent_again(site: Site, visitor: Visitor) -> None:
    go = asyncio.Event()
    identifier, sending = await _begin(visitor, go)
    answer = await visitor.call("PUT", f"recordings/{identifier}/audio", data=DATA)
    assert (answer.status, answer.json["code"]) == (409, "arriving")
    assert answer.headers["Retry-After"] == "1"
    go.set()
    assert await sending is None
    await visitor.until(identifier, "expected")
    answer = await visitor.call("PUT", f"recordings/{identifier}/audio", data=DATA)
    assert answer.status == 200
    await visitor.until(identifier, "succeeded")
    answer = await visitor.call("GET", f"recordings/{identifier}/result")
    assert answer.body == Rehearsal.expected(DATA, 93)


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_is_being_sent_can_be_cancelled(visitor: Visitor, method: str) -> None:
    go = asyncio.Event()
    identifier, sending = await _begin(visitor, go)
    path = f"recordings/{identifier}" + ("/cancel" if method == "POST" else "")
    assert (await visitor.call(method, path)).status < 300
    if method == "POST":
        assert (await visitor.until(identifier, "cancelled"))["problem"] is None
    else:
        assert (await visitor.state())["recordings"] == []
    answer = await sending
    assert (answer.status, answer.json["code"]) == (409, "cancelled")
    go.set()


async def test_what_does_not_go_on_gives_its_place_back(held_service: LocalService) -> None:
    limits = Limits(uploads=1)
    async with running(held_service, limits=limits) as site:
        visitor = await site.visitor()
        identifier = (await visitor.announce()).json["id"]
        go = asyncio.Event()
        site.app.state.studio.limits = evolve(limits, arrival_seconds=0.05)

        async def stalled() -> AsyncIterator[bytes]:
            yield DATA[:1000]
            await go.wait()
            yield DATA[1000:]

        answer = await visitor.call("PUT", f"recordings/{identifier}/audio", data=stalled())
        assert (answer.status, answer.json["code"]) == (503, "slow")
        go.set()
        told = await visitor.until(identifier, "failed")
        assert told["problem"]["title"] == "It did not arrive."
        site.app.state.studio.limits = limits
        await visitor.send()


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
        answer = await visitor.announce()
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
    limits = Limits(kept_bytes=2 * len(DATA) - 1)
    async with running(site.service, limits=limits) as bounded:
        visitor = await bounded.visitor()
        identifier = await visitor.send()
        answer = await (await bounded.visitor()).announce()
        assert (answer.status, answer.json["code"]) == (503, "space")
        assert int(answer.headers["Retry-After"]) >= 1
        await visitor.until(identifier, "succeeded")
        # Another strength takes no more of it.
        again = {"again": identifier, "strength": 1}
        second = await visitor.call("PUT", f"recordings/{new_id()}", json=again)
        assert second.status == 200
        await visitor.call("DELETE", f"recordings/{identifier}")
        assert (await visitor.announce()).status == 503
        await visitor.until(second.json["id"], "succeeded")
        await visitor.call("DELETE", f"recordings/{second.json['id']}")
        assert (await visitor.announce()).status == 200


async def test_again_at_another_strength(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send()
    await visitor.until(identifier, "succeeded")
    request = {"again": identifier, "strength": 40}
    other = new_id()
    for _ in range(2):  # the second time its answer was lost
        answer = await visitor.call("PUT", f"recordings/{other}", json=request)
        assert answer.status == 200
    await visitor.until(other, "succeeded")
    assert len((await visitor.state())["recordings"]) == 2
    answer = await visitor.call("GET", f"recordings/{other}/result")
    assert answer.body == Rehearsal.expected(DATA, 40)
    bad = await visitor.call("PUT", f"recordings/{new_id()}", json=request | {"strength": 101})
    assert bad.status == 422
    missing = await visitor.call("PUT", f"recordings/{new_id()}", json=request | {"again": "x"})
    assert missing.status == 404


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


async def test_what_was_removed_is_not_held(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send()
    [session] = [each for each in site.app.state.studio.sessions if identifier in each.recordings]
    original = session.recordings[identifier].original
    assert original.source is not None
    await visitor.call("DELETE", f"recordings/{identifier}")
    while original.source is not None:  # the job looks at it until it has ended
        await asyncio.sleep(0.005)


async def test_a_recording_that_is_no_audio_fails_with_words(visitor: Visitor) -> None:
    identifier = await visitor.send(b"not audio at all")
    told = await visitor.until(identifier, "failed")
    assert told["problem"]["title"] == "The service could not enhance it."
    assert "plays as audio" in told["problem"]["detail"]
    assert told["kept"] is True


async def test_stages_know_their_ends() -> None:
    assert [stage for stage in Stage if stage.over] == ["succeeded", "failed", "cancelled"]
    assert [stage for stage in Stage if stage.arriving] == ["expected", "receiving"]
