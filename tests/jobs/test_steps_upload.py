"""The step that uploads, against the local service, with faults."""

import os
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    AssetStatus,
    Phase,
    ProtocolError,
    RetryPolicy,
    Source,
    SourceChangedError,
    StorageError,
)
from audio_enhance._session.addresses import Reach
from audio_enhance.local import Behaviour, Fault
from tests.conftest import Connect
from tests.support.steps import revisions, steps_of, uploaded


class TestUpload:
    @revisions
    async def test_a_url_that_ended_is_renewed(
        self, connect: Connect, recording: Path, revision: Any
    ) -> None:
        world = await connect(behaviour=Behaviour(revision=revision, upload_url_seconds=60))
        steps, source = steps_of(world), Source.from_path(recording)
        asset = await steps.create_asset(source)
        world.clock.pass_by(61)
        await steps.upload(asset, source)
        assert world.service.count("PUT /object", 403) == 1
        assert world.service.count("PUT /object", 200) == 1
        assert world.service.count("GET /assets/:id") == 1

    async def test_urls_that_are_refused_again_and_again(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        world.service.faults.script(Fault.EXPIRED_URL, route="PUT /object", times=100)
        steps, source = steps_of(world), Source.from_path(recording)
        asset = await steps.create_asset(source)
        with pytest.raises(StorageError, match="AccessDenied: Request has expired") as caught:
            await steps.upload(asset, source)
        error = caught.value
        assert (error.phase, error.asset_id) == (Phase.UPLOAD, asset.id)
        assert error.source == str(recording)
        assert error.request_id
        assert world.service.count("PUT /object") == 1 + RetryPolicy().attempts

    @pytest.mark.parametrize("fault", [Fault.CUT_UPLOAD, Fault.RESET_BEFORE, Fault.SERVER_ERROR])
    async def test_failures_that_pass(
        self, connect: Connect, recording: Path, fault: Fault
    ) -> None:
        world = await connect()
        world.service.faults.script(fault, route="PUT /object", times=2)
        asset = await uploaded(world, recording)
        assert asset.status is AssetStatus.READY_FOR_PROCESSING
        assert world.service.count("PUT /object", 200) == 1
        assert world.service.count("PUT /object") == 3

    async def test_one_that_landed_although_its_answer_was_lost(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        world.service.faults.script(Fault.RESET_AFTER, route="PUT /object")
        await uploaded(world, recording)
        # The API was asked, and said that the bytes are there.
        assert world.service.count("PUT /object") == 1

    async def test_a_file_that_changed_since(self, connect: Connect, recording: Path) -> None:
        world = await connect()
        steps, source = steps_of(world), Source.from_path(recording)
        asset = await steps.create_asset(source)
        os.utime(recording, ns=(1, 1))
        with pytest.raises(SourceChangedError) as caught:
            await steps.upload(asset, source)
        assert (caught.value.phase, caught.value.asset_id) == (Phase.UPLOAD, asset.id)
        assert world.service.count("PUT /object") == 0

    @revisions
    async def test_an_asset_of_other_content(
        self, connect: Connect, recording: Path, revision: Any
    ) -> None:
        world = await connect(behaviour=Behaviour(revision=revision))
        steps = steps_of(world)
        asset = await steps.create_asset(Source.from_path(recording))
        for other in (b"x", recording.read_bytes()[::-1]):
            if revision == "later" and len(other) > 1:
                continue  # no checksum to compare with: S3 would take it
            with pytest.raises(SourceChangedError, match="other content"):
                await steps.upload(asset, Source.from_bytes(other, "a.mp3"))
        assert world.service.count("PUT /object") == 0

    async def test_an_asset_that_has_its_bytes_already(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        asset = await uploaded(world, recording)
        await steps_of(world).upload(asset, Source.from_path(recording))
        assert world.service.count("PUT /object") == 1

    async def test_progress(self, connect: Connect, recording: Path) -> None:
        world = await connect()
        steps, source = steps_of(world), Source.from_path(recording)
        told: list[int] = []
        await steps.upload(await steps.create_asset(source), source, on_bytes=told.append)
        assert told == sorted(told)
        assert (told[0], told[-1]) == (0, recording.stat().st_size)

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/k",
            "ftp://127.0.0.1/k",
            "https://127.0.0.1/a b",
            "https://[::1/k",
            "https://host:port/k",
        ],
    )
    async def test_an_upload_url_that_is_none(
        self, connect: Connect, recording: Path, url: str
    ) -> None:
        world = await connect()
        steps, source = steps_of(world), Source.from_path(recording)
        asset = attrs.evolve(await steps.create_asset(source), upload_url=url)
        steps.api.reach = Reach.of("https://api.example")
        with pytest.raises(ProtocolError) as caught:
            await steps.upload(asset, source)
        assert (caught.value.phase, caught.value.asset_id) == (Phase.UPLOAD, asset.id)

    async def test_an_upload_url_that_is_not_there_yet_is_asked_for(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        steps, source = steps_of(world), Source.from_path(recording)
        asset = attrs.evolve(await steps.create_asset(source), upload_url=None)
        await steps.upload(asset, source)
        assert (await steps.wait_until_ready(asset.id, source=source)).checksum
