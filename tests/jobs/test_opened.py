"""What is open: a lane for each API client, and connections that are closed whatever happens."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance import AccessToken, ApiVersion, ClientCredentials, Source
from audio_enhance._jobs.lane import Lane
from audio_enhance._jobs.opened import opened
from audio_enhance._settings import Settings

from .support import bench

TWO = [AccessToken("one", client_id="first"), AccessToken("two", client_id="second")]


async def test_there_is_a_lane_for_each_client_in_the_order_given() -> None:
    there = opened(Settings(TWO))
    assert [lane.client_id for lane in there.lanes] == ["first", "second"]
    assert there.loop is asyncio.get_running_loop()
    assert there.lanes[0].uses is there.lanes[1].uses  # what one has uploaded serves the other
    await there.aclose()
    assert all(lane.closed for lane in there.lanes)
    assert there.room_changed.is_set()  # who waits for room hears that there is none to come


async def test_an_asset_belongs_to_the_lane_that_made_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.service.add_client("second", "secret")
        second = ClientCredentials("second", "secret", token_url=b.service.token_url)
        async with b.another([b.service.credentials, second]) as client:
            there = client._connections.open
            one, other = (lane.steps for lane in there.lanes)
            asset = await other.create_asset(Source.from_bytes(b"ID3", "a.mp3"))
            assert there.steps_of(asset.id) is other
            assert there.steps_of(None) is there.steps_of("unknown") is one


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_what_jobs_left_at_the_server_is_remembered_where_it_can_be_deleted(
    tmp_path: Path, version: ApiVersion
) -> None:
    async with bench(tmp_path, api_version=version) as b:
        result = await (await b.client.submit(b.source("a.mp3")))
        uses = b.client._connections.open.lanes[0].uses
        assert uses.has(result.asset.id) is (version == "v2")


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_connections_are_closed_even_if_a_lane_fails_to(
    monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    there = opened(Settings(TWO))
    closed: list[object] = []

    async def fails(self: Lane) -> None:
        raise error

    whole = there.transport.aclose

    async def aclose() -> None:
        closed.append(there.transport)
        await whole()

    monkeypatch.setattr(Lane, "aclose", fails)
    monkeypatch.setattr(there.transport, "aclose", aclose)
    with pytest.raises(error):
        await there.aclose()
    assert closed == [there.transport]


async def test_closing_is_finished_although_it_is_cancelled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    there = opened(Settings(TWO))

    async def slow(self: Lane) -> None:
        await asyncio.sleep(10)
        self.closed = True

    monkeypatch.setattr(Lane, "aclose", slow)
    closing = asyncio.create_task(there.aclose())
    for _ in range(3):
        await asyncio.sleep(1)
        closing.cancel()
    await asyncio.wait([closing])
    assert closing.cancelled()
    assert [lane.closed for lane in there.lanes] == [True, True]
