"""The client when a network or a service fails it."""

import os
from pathlib import Path

import pytest

from audio_enhance import ConnectionFailedError, RateLimits, RetryPolicy
from audio_enhance.local import Behaviour, Fault
from tests.conftest import Connect
from tests.support.results import expected

pytestmark = pytest.mark.virtual_time


class TestFaults:
    @pytest.mark.parametrize(
        "route",
        [
            "POST /assets",
            "GET /assets/:id",
            "POST /speech_enhancements",
            "GET /speech_enhancements/:id",
            "GET /speech_enhancements/:id/download",
            "PUT /object",
            "GET /object",
        ],
    )
    @pytest.mark.parametrize("fault", [Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SERVER_ERROR])
    async def test_each_step_survives_what_passes(
        self, connect: Connect, recording: Path, tmp_path: Path, route: str, fault: Fault
    ) -> None:
        world = await connect()
        world.service.faults.script(fault, route=route, times=2)
        result = await world.client.enhance(recording, strength=93, output_dir=tmp_path)
        assert result.path.read_bytes() == expected(recording)
        assert world.service.faults.injected[fault] == (
            1 if (route, fault) == ("PUT /object", Fault.RESET_AFTER) else 2
        )
        # The server made more than one if it acted before its answer was lost, and we know it.
        made = world.service.count("POST /speech_enhancements", 202)
        if route == "POST /speech_enhancements":
            assert result.extra_enhancements == 2
        else:
            assert (made, result.extra_enhancements) == (1, 0)

    async def test_an_enhancement_that_fails_once(
        self, connect: Connect, recording: Path, tmp_path: Path
    ) -> None:
        world = await connect()
        world.service.faults.script(Fault.FAILED_ENHANCEMENT)
        result = await world.client.enhance(recording, strength=93, output_dir=tmp_path)
        assert result.path.read_bytes() == expected(recording)
        assert world.service.count("POST /speech_enhancements", 202) == 2

    async def test_too_many_requests(
        self, connect: Connect, recording: Path, tmp_path: Path
    ) -> None:
        world = await connect()
        world.service.faults.retry_after = 40
        world.service.faults.retry_after_as_date = False
        world.service.faults.script(Fault.TOO_MANY_REQUESTS, route="POST /assets")
        begin = world.clock.monotonic()
        await world.client.enhance(recording, strength=93, output_dir=tmp_path)
        assert world.clock.monotonic() - begin >= 40

    async def test_nobody_there(self, recording: Path, tmp_path: Path, connect: Connect) -> None:
        world = await connect(retry=RetryPolicy(attempts=3))
        await world.service.stop()
        with pytest.raises(ConnectionFailedError) as caught:
            await world.client.enhance(recording, strength=93, output_dir=tmp_path)
        assert caught.value.source == str(recording)
        assert list(tmp_path.iterdir()) == [recording]

    async def test_the_limits_of_the_server_are_never_reached(
        self, connect: Connect, tmp_path: Path
    ) -> None:
        behaviour = Behaviour(creations_per_minute=5, others_per_minute=9)
        limits = RateLimits(creations_per_minute=5, others_per_minute=9)
        world = await connect(behaviour=behaviour, limits=limits)
        limits.creations._clock = limits.others._clock = world.clock
        paths = [tmp_path / f"{number}.mp3" for number in range(6)]
        for path in paths:
            path.write_bytes(os.urandom(100))
        for path in paths:
            await world.client.enhance(path, strength=93, output_dir=tmp_path)
        assert world.service.count(status=429) == 0
