"""Recordings on their way in: what is refused, what is cut off, and what bounds them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from attrs import evolve

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import Limits, _handlers
from audio_enhance.web._guard import HEADERS
from audio_enhance.web._recording import Stage

from .support import DATA, Site, Visitor, new_id, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


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
    # From here, or from the object store while it is not here yet.
    saved = answer.headers.get("Location") or answer.headers["Content-Disposition"]
    assert "passwdX_%20y-enhanced-93p.mp3" in saved


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
