"""The five steps and the waiting between them; nothing here waits for real."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    AssetStatus,
    CorruptTransferError,
    EnhancementFailedError,
    EnhancementStatus,
    InvalidInputError,
    NotFoundError,
    Phase,
    Source,
    SpeechEnhancement,
    Timeouts,
    WaitTimeoutError,
)
from audio_enhance._jobs.steps import check_succeeded
from audio_enhance._session.wire import FirstGeneration
from audio_enhance.local import Behaviour, Fault
from audio_enhance.local.enhancer import Rehearsal
from tests.conftest import Connect
from tests.support.answers import answer, enhancement_json
from tests.support.raw_server import RawServer
from tests.support.steps import download, revisions, steps_of, succeeded, uploaded


@revisions
async def test_all_five(connect: Connect, recording: Path, tmp_path: Path, revision: Any) -> None:
    world = await connect(behaviour=Behaviour(revision=revision))
    enhancement = await succeeded(world, recording)
    path = await download(world, enhancement, tmp_path / "out")
    assert path == tmp_path / "out" / "earhart-aviation-enhanced-93p.mp3"
    assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
    assert world.service.count(status=403) == world.service.count(status=400) == 0


class TestReady:
    async def test_it_is_waited_for(self, connect: Connect, recording: Path) -> None:
        world = await connect(behaviour=Behaviour(ready_lag=30))
        begin = world.clock.monotonic()
        asset = await uploaded(world, recording)
        assert asset.status is AssetStatus.READY_FOR_PROCESSING
        assert asset.upload_url is None
        assert 30 <= world.clock.monotonic() - begin < 45
        assert world.service.count("GET /assets/:id") < 30

    @pytest.mark.parametrize("timeout", [0, 10, None])
    async def test_but_not_for_ever(
        self, connect: Connect, recording: Path, timeout: float | None
    ) -> None:
        world = await connect(behaviour=Behaviour(ready_lag=1000), timeouts=Timeouts(ready=20))
        steps, source = steps_of(world), Source.from_path(recording)
        asset = await steps.create_asset(source)
        await steps.upload(asset, source)
        begin = world.clock.monotonic()
        with pytest.raises(WaitTimeoutError) as caught:
            await steps.wait_until_ready(asset.id, timeout=timeout, source=source)
        limit = 20 if timeout is None else timeout
        assert world.clock.monotonic() - begin == pytest.approx(limit)
        error = caught.value
        assert (error.phase, error.asset_id) == (Phase.CONFIRM, asset.id)
        assert f"within {limit} s" in str(error)
        # … and it can be taken up again.
        world.clock.pass_by(2000)
        assert error.asset_id
        assert (await steps.wait_until_ready(error.asset_id)).status == "ready_for_processing"

    async def test_an_asset_that_nobody_knows(self, connect: Connect) -> None:
        world = await connect()
        with pytest.raises(NotFoundError) as caught:
            await steps_of(world).wait_until_ready("3445d7a0-2513-4606-b37b-bff0034c0214")
        assert caught.value.phase is Phase.CONFIRM

    async def test_other_bytes_than_were_sent(self, connect: Connect, recording: Path) -> None:
        world = await connect(behaviour=Behaviour(revision="later"))
        asset = await uploaded(world, recording)
        # The later revision's URL signs no MD5; its checksum is what S3 has seen.
        assert asset.checksum
        other = Source.from_bytes(b"what was really sent", "a.mp3")
        with pytest.raises(CorruptTransferError, match="other bytes") as caught:
            await steps_of(world).wait_until_ready(asset.id, source=other)
        assert caught.value.retryable


class TestFinished:
    async def test_it_asks_less_and_less_often(self, connect: Connect, recording: Path) -> None:
        world = await connect()
        steps = steps_of(world)
        asset = await uploaded(world, recording)
        enhancement = await steps.api.create_speech_enhancement(asset.id, 93)
        seen: list[str] = []
        done = await steps.wait_until_finished(
            enhancement, on_status=lambda found: seen.append(found.status.value)
        )
        assert done.status is EnhancementStatus.SUCCEEDED
        assert done.download_url
        assert seen[-1] == "succeeded"

    async def test_one_that_is_finished_costs_nothing(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        done = await succeeded(world, recording)
        before = world.service.count()
        assert await steps_of(world).wait_until_finished(done) is done
        assert world.service.count() == before

    @pytest.mark.parametrize("timeout", [0, 100, None])
    async def test_not_for_ever(self, connect: Connect, timeout: float | None) -> None:
        enhancement = SpeechEnhancement.from_json(enhancement_json(status="processing"))
        world = await connect(timeouts=Timeouts(processing=50))
        async with RawServer([answer(200, enhancement_json(status="processing"))] * 500) as server:
            steps = steps_of(world)
            steps.api._wire = FirstGeneration(server.url)
            begin = world.clock.monotonic()
            with pytest.raises(WaitTimeoutError) as caught:
                await steps.wait_until_finished(enhancement, timeout=timeout)
            assert server.requests
        error = caught.value
        limit = 50 if timeout is None else timeout
        assert world.clock.monotonic() - begin == pytest.approx(limit)
        assert (error.phase, error.asset_id, error.enhancement_id) == (
            Phase.PROCESS,
            enhancement.asset_id,
            enhancement.id,
        )
        assert "get_speech_enhancement" in str(error)

    async def test_a_time_that_is_too_short_finds_what_is_done_already(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        done = await succeeded(world, recording)
        stale = attrs.evolve(done, status=EnhancementStatus.QUEUED, download_url=None)
        assert (await steps_of(world).wait_until_finished(stale, timeout=0)).status == "succeeded"

    async def test_one_that_failed(self, connect: Connect, tmp_path: Path) -> None:
        world = await connect()
        path = tmp_path / "a.mp3"
        path.write_bytes(b"not audio at all")
        with pytest.raises(EnhancementFailedError) as caught:
            await succeeded(world, path)
        error = caught.value
        assert error.phase is Phase.PROCESS
        assert error.asset_id
        assert error.enhancement_id
        assert error.retryable  # as another enhancement

    async def test_a_failed_question_does_not_end_the_waiting(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        for fault in (Fault.RESET_BEFORE, Fault.SERVER_ERROR, Fault.TOO_MANY_REQUESTS):
            world.service.faults.script(fault, route="GET /speech_enhancements/:id")
        assert (await succeeded(world, recording)).status == "succeeded"

    def test_statuses_that_are_no_success(self) -> None:
        check_succeeded(SpeechEnhancement.from_json(enhancement_json(status="succeeded")))
        for status in ("queued", "processing", "paused"):
            with pytest.raises(InvalidInputError, match=status):
                check_succeeded(SpeechEnhancement.from_json(enhancement_json(status=status)))


async def test_every_request_is_logged_and_no_signature(
    connect: Connect, recording: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "audio_enhance")
    world = await connect()
    enhancement = await succeeded(world, recording)
    await download(world, enhancement, tmp_path)
    async with world.client.stream(enhancement) as stream:
        assert stream.status == 200
    lines = [record.getMessage() for record in caplog.records if record.levelname == "DEBUG"]
    stored = [line for line in lines if world.service.s3_url in line]
    assert [line.split()[0] for line in stored] == ["PUT", "GET", "GET"]
    assert all("?…: 200, request " in line for line in stored)
    assert len(lines) == len(world.service.record)
