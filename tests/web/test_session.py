"""What belongs to whom, and what a page that was away is told."""

import pytest

from audio_enhance.web._kept import Kept
from audio_enhance.web._recording import Recording
from audio_enhance.web._session import _REMEMBERED, Session, Sessions

from .support import Site, Visitor, new_id

pytestmark = pytest.mark.asyncio(loop_scope="module")


def recording(session: Session, identifier: str) -> Recording:
    """A recording that tells its session of changes."""
    made = Recording(identifier, "a.mp3", 93, Kept(1), session.changed)
    session.add(made)
    session.changed(made)
    return made


async def test_the_cookie_is_strict(site: Site) -> None:
    stranger = await site.stranger()
    answer = await stranger.call("GET", "events")
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    assert name == f"audio-enhance-{site.url.split(':')[2].rstrip('/')}"
    attributes = {part.strip().lower() for part in rest.split(";")[1:]}
    assert attributes == {"httponly", "path=/", "samesite=strict"}


async def test_only_events_hand_out_cookies_and_only_once(site: Site) -> None:
    stranger = await site.stranger()
    assert "Set-Cookie" not in (await stranger.call("GET", "")).headers
    answer = await stranger.announce()
    assert answer.status == 409
    assert answer.json["code"] == "session"
    assert answer.headers["Retry-After"] == "1"
    await stranger.arrive()
    async with stranger.session.get(f"{site.url}events") as response:
        assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize("value", ["", "x", "x.y", f"{'a' * 32}.{'0' * 64}", "é.é"])
async def test_made_up_cookies_are_nobody(site: Site, value: str) -> None:
    stranger = await site.stranger()
    name = f"audio-enhance-{site.url.split(':')[2].rstrip('/')}"
    cookie = f"{name}={value}".encode().decode("latin-1")
    answer = await stranger.call("PUT", f"recordings/{new_id()}", headers={"Cookie": cookie})
    assert answer.status == 409
    assert answer.json["code"] == "session"


async def test_others_find_nothing(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send()
    await visitor.until(identifier, "succeeded")
    others = [await site.visitor(), await site.stranger()]
    for method, path in (
        ("PUT", "/audio"),
        ("POST", "/cancel"),
        ("GET", "/original"),
        ("GET", "/result"),
        ("GET", "/download"),
        ("DELETE", ""),
    ):
        for other in others:
            answer = await other.call(method, f"recordings/{identifier}{path}")
            assert (answer.status, answer.json["code"]) == (404, "gone"), (method, path)
        answer = await visitor.call(method, f"recordings/{identifier}{path}")
        assert answer.status < 400, (method, path)


async def test_others_hear_nothing_and_cannot_enhance_again(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send()
    other = await site.visitor()
    assert (await other.state())["recordings"] == []
    again = {"again": identifier, "strength": 50}
    assert (await other.call("PUT", f"recordings/{new_id()}", json=again)).status == 404


async def test_the_same_id_may_be_used_by_others(site: Site, visitor: Visitor) -> None:
    identifier = await visitor.send(name="mine.mp3")
    other = await site.visitor()
    await other.send(name="yours.mp3", identifier=identifier)
    assert [each["name"] for each in (await visitor.state())["recordings"]] == ["mine.mp3"]
    assert [each["name"] for each in (await other.state())["recordings"]] == ["yours.mp3"]


async def test_a_change_has_a_number_to_go_on_from() -> None:
    session = Session()
    first, second = recording(session, "first"), recording(session, "second")
    seen = session.position(session.cursor(session.revision))
    assert seen is not None
    assert seen == session.revision
    assert list(session.since(seen)) == []
    session.changed(first)
    session.remove(second)
    assert [change for _, change in session.since(seen)] == [first, "second"]


async def test_numbers_of_elsewhere_mean_nothing() -> None:
    session = Session()
    recording(session, "first")
    far = session.cursor(10**4000)
    for cursor in (
        *(None, "", "1", far, far + "0" * 1000),
        *(Session().cursor(0), session.cursor(99), f"{session.cursor(1)}x"),
    ):
        assert session.position(cursor) is None


async def test_what_was_removed_too_long_ago_is_not_told_in_part() -> None:
    session = Session()
    start = session.cursor(session.revision)
    for number in range(_REMEMBERED + 1):
        session.remove(recording(session, str(number)))
    assert session.position(start) is None
    assert session.position(session.cursor(session.revision - 1)) is not None


async def test_sessions_without_recordings_and_pages_are_forgotten() -> None:
    sessions = Sessions()
    cookie = sessions.new_cookie()
    session = sessions.find(cookie)
    assert session is not None
    assert sessions.find(cookie) is session
    del session
    assert list(sessions) == []
