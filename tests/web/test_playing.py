"""Listening to originals and results, in whole and in part, and taking results away."""

import asyncio

import aiohttp
import pytest
from yarl import URL

from audio_enhance import EnhanceClient
from audio_enhance.local import Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web._recording import Recording
from audio_enhance.web._results import Results
from tests.conftest import QUICK_RETRY

from .support import DATA, Site, Visitor, new_id, running

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def passed_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave results where they are, as they are until they have been fetched."""

    def left(self: Results, client: EnhanceClient, recording: Recording) -> None:
        del self, client, recording

    monkeypatch.setattr(Results, "fetch", left)


EXPECTED = Rehearsal.expected(DATA, 93)


async def done(visitor: Visitor) -> str:
    """The address of a recording that is enhanced."""
    identifier = await visitor.send()
    await visitor.until(identifier, "succeeded")
    return f"recordings/{identifier}"


@pytest.mark.parametrize(("what", "data"), [("original", DATA), ("result", EXPECTED)])
async def test_both_are_served_in_whole_and_in_part(
    visitor: Visitor, what: str, data: bytes
) -> None:
    address = f"{await done(visitor)}/{what}"
    size = len(data)
    answer = await visitor.call("GET", address)
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["Content-Type"] == "audio/mpeg"
    assert answer.headers["Content-Length"] == str(size)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "no-store"
    for asked, start, stop in (
        ("0-0", 0, 1),
        ("10-99", 10, 100),
        ("100-", 100, size),
        ("-7", size - 7, size),
        (f"5-{size + 5}", 5, size),
        (f"-{size + 5}", 0, size),
    ):
        answer = await visitor.call("GET", address, headers={"Range": f"bytes={asked}"})
        assert (answer.status, answer.body) == (206, data[start:stop]), asked
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
    answer = await visitor.call("GET", address, headers={"Range": f"bytes={size}-"})
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    answer = await visitor.call("HEAD", address)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(size)


async def test_the_second_generation_of_the_api_does_as_well() -> None:
    async with (
        LocalService(enhancer=Rehearsal()) as service,
        running(service, api_version="v2") as site,
    ):
        visitor = await site.visitor()
        address = await done(visitor)
        # It does not take 0: that is said before anything is sent.
        again = {"again": address.removeprefix("recordings/"), "strength": 0}
        for refused in (
            await visitor.announce(strength=0),
            await visitor.call("PUT", f"recordings/{new_id()}", json=again),
        ):
            assert (refused.status, refused.json["code"]) == (422, "invalid")
            assert "from 1 to 100" in refused.json["detail"]
        assert (await visitor.call("GET", f"{address}/result")).body == EXPECTED
        part = await visitor.call("GET", f"{address}/result", headers={"Range": "bytes=10-19"})
        assert (part.status, part.body) == (206, EXPECTED[10:20])
        away = await visitor.call("GET", f"{address}/download")
        async with visitor.session.get(URL(away.headers["Location"], encoded=True)) as result:
            assert await result.read() == EXPECTED
        assert {record.api_version for record in service.record} - {None} == {"v2"}


@pytest.mark.parametrize(
    "header", ["bytes=-", "bytes=x", "lines=0-1", "bytes=5-2", "bytes=0-1,3-4"]
)
async def test_odd_ranges_of_the_original(visitor: Visitor, header: str) -> None:
    """RFC 9110 §14.2: what is malformed is as if it were not there."""
    answer = await visitor.call("GET", f"{await done(visitor)}/original", headers={"Range": header})
    assert answer.status == (416 if header == "bytes=5-2" else 200)


async def test_an_odd_range_of_the_result_is_refused(visitor: Visitor) -> None:
    address = f"{await done(visitor)}/result"
    answer = await visitor.call("GET", address, headers={"Range": "bytes=x"})
    assert (answer.status, answer.json["code"]) == (422, "invalid")


async def test_a_download_goes_past_the_application(site: Site, visitor: Visitor) -> None:
    answer = await visitor.call("GET", f"{await done(visitor)}/download")
    assert answer.status == 303
    assert answer.body == b""
    location = answer.headers["Location"]
    assert location.startswith(site.service.s3_url)
    # Without a cookie or anything else: the URL is all that is needed, byte for byte.
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(location, encoded=True)) as response,
    ):
        assert await response.read() == EXPECTED
        assert "talk-enhanced-93p.mp3" in response.headers["Content-Disposition"]


async def test_there_is_nothing_before_the_end() -> None:
    go = asyncio.Event()
    async with (
        LocalService(enhancer=Rehearsal(sleep=lambda _: go.wait())) as service,
        running(service) as site,
    ):
        visitor = await site.visitor()
        identifier = await visitor.send()
        for what in ("result", "download"):
            answer = await visitor.call("GET", f"recordings/{identifier}/{what}")
            assert (answer.status, answer.json["code"]) == (409, "unfinished")
        assert (await visitor.call("GET", f"recordings/{identifier}/original")).body == DATA
        await visitor.announce(identifier="a" * 20)
        answer = await visitor.call("GET", f"recordings/{'a' * 20}/original")
        assert answer.status == 404


async def test_a_service_that_is_away_is_said_so(site: Site, visitor: Visitor) -> None:
    address = f"{await done(visitor)}/result"
    faults = site.service.faults
    tries = QUICK_RETRY.attempts
    faults.script(Fault.SERVER_ERROR, route="GET /object", status=503, times=tries)
    answer = await visitor.call("GET", address)
    assert answer.status in (502, 503)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "X-Amz" not in answer.body.decode()
    assert (await visitor.call("GET", address)).body == EXPECTED


async def test_a_result_that_is_cut_off_is_not_passed_on_as_whole(
    site: Site, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    address = f"{await done(visitor)}/result"
    site.service.faults.script(Fault.TRUNCATED_DOWNLOAD, route="GET /object")
    with pytest.raises(aiohttp.ClientPayloadError):
        await visitor.call("GET", address)
    assert "X-Amz" not in caplog.text


async def test_what_is_played_may_be_removed(site: Site, visitor: Visitor) -> None:
    data = b"ID3" + bytes(10_000_000)
    identifier = await visitor.send(data)
    async with visitor.session.get(f"{site.url}recordings/{identifier}/original") as response:
        received = await response.content.readexactly(1000)
        await visitor.call("DELETE", f"recordings/{identifier}")
        received += await response.content.read()
    assert received == data


async def test_who_hangs_up_is_not_fetched_for(site: Site, visitor: Visitor) -> None:
    data = b"ID3" + bytes(30_000_000)
    identifier = await visitor.send(data)
    await visitor.until(identifier, "succeeded")
    async with visitor.session.get(f"{site.url}recordings/{identifier}/result") as response:
        await response.content.readexactly(1000)
    [fetched] = [each for each in site.service.record if each.route == "GET /object"][-1:]
    while site.app.state.studio.client._connections.open.transport._storage.connector._acquired:
        await asyncio.sleep(0.005)
    assert fetched.bytes_out < len(data)
