"""Calls of the API keep to its rate limits, and pause when it says so."""

import asyncio

import pytest

from audio_enhance import AudioEnhanceError, RateLimitError, RateLimits
from tests.support import api_calls
from tests.support.answers import ASSET_ID, answer, asset_json, enhancement_json
from tests.support.api_calls import Setting, create_asset
from tests.support.raw_server import RawServer

api = api_calls.api


class TestLimits:
    async def test_creations_and_others_are_counted_apart(self, api: Setting) -> None:
        api.limits = RateLimits(creations_per_minute=2, others_per_minute=3, clock=api.clock)
        script = [answer(200, asset_json())] * 9
        async with RawServer(script) as server:
            one, other = api(server), api(server)  # two API clients of one organization
            for caller in (one, other):
                await create_asset(caller)
            for caller in (one, other, one):
                await caller.get_asset(ASSET_ID)
            assert api.clock.sleeps == []
            await create_asset(other)
            assert api.clock.sleeps == [60]
            await one.get_asset(ASSET_ID)
            assert api.clock.sleeps == [60]

    async def test_a_429_pauses_everybody(self, api: Setting) -> None:
        script = [answer(429, {}, retry_after="17"), answer(200, asset_json())]
        async with RawServer([*script, answer(200, asset_json())]) as server:
            one = api(server)
            begin = api.clock.monotonic()
            await one.get_asset(ASSET_ID)
            await api(server).get_asset(ASSET_ID)
        assert api.clock.monotonic() - begin == 17

    async def test_a_429_pauses_creations_only_if_it_was_for_one(self, api: Setting) -> None:
        async with RawServer([answer(429, {}, retry_after="17")] * 3) as server:
            with pytest.raises(RateLimitError):
                await api(server).create_speech_enhancement(ASSET_ID, 93)
        assert api.limits.creations.free_in(1) > 0
        assert api.limits.others.free_in(1) == 0

    async def test_a_429_without_a_time_pauses_a_while(self, api: Setting) -> None:
        script = [answer(429, {}), answer(200, asset_json())]
        async with RawServer(script) as server:
            await api(server).get_asset(ASSET_ID)
        assert sum(api.clock.sleeps) == pytest.approx(6)

    @pytest.mark.parametrize("asked", [17, 3600])
    async def test_whoever_waits_is_told_of_a_pause_and_makes_no_request(
        self, api: Setting, asked: int
    ) -> None:
        told: list[tuple[bool, float]] = []

        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            assert isinstance(error, RateLimitError)
            told.append((error.held_back, wait))

        api.limits.others.pause(asked, RateLimitError("Busy.", status=429, retry_after=asked))
        async with RawServer([answer(200, asset_json())]) as server:
            await api(server).get_asset(ASSET_ID, on_retry=on_retry)
        ((held_back, wait),) = told
        assert held_back
        assert wait == pytest.approx(asked)
        assert len(server.requests) == 1

    @pytest.mark.parametrize("asked", ["3601", "999999999"])
    async def test_beyond_a_bound_everybody_is_told_at_once(self, api: Setting, asked: str) -> None:
        api.limits = RateLimits(others_per_minute=1, clock=api.clock)
        async with RawServer([answer(429, {}, retry_after=asked)]) as server:
            one = api(server)
            told = await asyncio.gather(
                *(one.get_asset(ASSET_ID) for _ in range(3)), return_exceptions=True
            )
        assert len(server.requests) == 1
        assert api.clock.sleeps == [] or max(api.clock.sleeps) <= 60
        for error in told:
            assert isinstance(error, RateLimitError)
            assert error.retry_after == pytest.approx(float(asked), abs=61)
            assert error.hint
        api.clock.pass_by(3600)
        async with RawServer([answer(200, asset_json())]) as server:
            await api(server).get_asset(ASSET_ID)

    async def test_a_date_in_retry_after(self, api: Setting) -> None:
        from email.utils import formatdate

        date = formatdate(api.clock.time() + 30, usegmt=True)
        script = [answer(503, {}, retry_after=date), answer(200, asset_json())]
        async with RawServer(script) as server:
            await api(server).get_asset(ASSET_ID)
        assert api.clock.sleeps == [pytest.approx(30, abs=1)]

    async def test_a_call_that_was_retried_counts_twice(self, api: Setting) -> None:
        async with RawServer([answer(503, {}), answer(200, asset_json())]) as server:
            await api(server).get_asset(ASSET_ID)
        assert "2 of 500" in repr(api.limits.others)

    async def test_just_before_each_try_somebody_is_told(self, api: Setting) -> None:
        told: list[int] = []
        async with RawServer([answer(503, {}), answer(202, enhancement_json())]) as server:

            async def on_send() -> None:
                told.append(len(server.requests))

            await api(server).create_speech_enhancement(ASSET_ID, 93, on_send=on_send)
        assert told == [0, 1]
