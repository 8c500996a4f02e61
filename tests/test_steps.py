"""The five steps against the local service, with faults; nothing here waits for real."""

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    Asset,
    AssetStatus,
    CorruptTransferError,
    EnhancementFailedError,
    EnhancementStatus,
    InvalidInputError,
    NotFoundError,
    OutputExistsError,
    Phase,
    ProtocolError,
    Source,
    SourceChangedError,
    SpeechEnhancement,
    StorageError,
    Timeouts,
    WaitTimeoutError,
)
from audio_enhance._partial_file import PartialFile
from audio_enhance._steps import _MOST_REFUSALS, Steps, check_succeeded
from audio_enhance.local import Behaviour, Fault
from audio_enhance.local.enhancer import Rehearsal

from .conftest import Connect, World
from .support.answers import answer, asset_json, enhancement_json
from .support.raw_server import RawServer, reply

revisions = pytest.mark.parametrize("revision", ["2024-04", "later"])


def steps_of(world: World) -> Steps:
    return world.client._steps()


async def uploaded(world: World, recording: Path) -> Asset:
    source = Source.from_path(recording)
    steps = steps_of(world)
    asset = await steps.create_asset(source)
    await steps.upload(asset, source)
    return await steps.wait_until_ready(asset.id, source=source)


async def succeeded(world: World, recording: Path) -> SpeechEnhancement:
    asset = await uploaded(world, recording)
    steps = steps_of(world)
    return await steps.wait_until_finished(await steps.api.create_speech_enhancement(asset.id, 93))


def into(directory: Path, overwrite: bool = False) -> Callable[[str], Awaitable[tuple[Path, bool]]]:
    async def place(name: str) -> tuple[Path, bool]:
        return directory / name, overwrite

    return place


async def download(world: World, enhancement: SpeechEnhancement, directory: Path) -> Path:
    return await steps_of(world).download(
        enhancement, PartialFile(directory), place=into(directory)
    )


@revisions
async def test_all_five(connect: Connect, recording: Path, tmp_path: Path, revision: Any) -> None:
    world = await connect(behaviour=Behaviour(revision=revision))
    enhancement = await succeeded(world, recording)
    path = await download(world, enhancement, tmp_path / "out")
    assert path == tmp_path / "out" / "earhart-aviation-enhanced-93p.mp3"
    assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
    assert world.service.count(status=403) == world.service.count(status=400) == 0


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
        assert world.service.count("PUT /object") == 1 + _MOST_REFUSALS

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
        object.__setattr__(steps.api, "base_url", "https://api.example")
        with pytest.raises(ProtocolError) as caught:
            await steps.upload(asset, source)
        assert (caught.value.phase, caught.value.asset_id) == (Phase.UPLOAD, asset.id)

    async def test_an_asset_that_neither_waits_nor_is_ready(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect()
        steps, source = steps_of(world), Source.from_path(recording)
        asset = attrs.evolve(await steps.create_asset(source), upload_url=None)
        with pytest.raises(ProtocolError, match="no upload URL") as caught:
            await steps.upload(asset, source)
        assert caught.value.asset_id == asset.id


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
            steps.api._root = server.url
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
        assert not error.retryable

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


class TestDownload:
    @revisions
    async def test_an_url_that_ended_is_renewed(
        self, connect: Connect, recording: Path, tmp_path: Path, revision: Any
    ) -> None:
        world = await connect(behaviour=Behaviour(revision=revision, download_url_seconds=30))
        enhancement = await succeeded(world, recording)
        world.clock.pass_by(31)
        path = await download(world, enhancement, tmp_path / "out")
        assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
        expected = {"2024-04": 0, "later": 1}  # the guide's own URL never ends
        assert world.service.count("GET /object", 403) == expected[revision]

    @revisions
    @pytest.mark.parametrize(
        "fault",
        [Fault.TRUNCATED_DOWNLOAD, Fault.RESET_BEFORE, Fault.SERVER_ERROR, Fault.EXPIRED_URL],
    )
    async def test_failures_that_pass(
        self, connect: Connect, recording: Path, tmp_path: Path, revision: Any, fault: Fault
    ) -> None:
        world = await connect(behaviour=Behaviour(revision=revision))
        enhancement = await succeeded(world, recording)
        world.service.faults.script(fault, route="GET /object", times=2)
        path = await download(world, enhancement, tmp_path / "out")
        assert path.read_bytes() == Rehearsal.expected(recording.read_bytes(), 93)
        assert list((tmp_path / "out").iterdir()) == [path]
        assert world.service.faults.injected[fault] == 2

    async def test_a_truncated_one_goes_on_where_it_was_cut(
        self, connect: Connect, recording: Path, tmp_path: Path
    ) -> None:
        world = await connect()
        enhancement = await succeeded(world, recording)
        world.service.faults.script(Fault.TRUNCATED_DOWNLOAD, route="GET /object")
        path = await download(world, enhancement, tmp_path)
        sent = sum(r.bytes_out for r in world.service.record if r.route == "GET /object")
        assert sent == path.stat().st_size
        assert world.service.count("GET /object", 206) == 1

    async def test_a_file_that_is_there_stays(
        self, connect: Connect, recording: Path, tmp_path: Path
    ) -> None:
        world = await connect()
        enhancement = await succeeded(world, recording)
        there = tmp_path / "earhart-aviation-enhanced-93p.mp3"
        there.write_bytes(b"precious")
        with pytest.raises(OutputExistsError) as caught:
            await download(world, enhancement, tmp_path)
        assert caught.value.enhancement_id == enhancement.id
        assert there.read_bytes() == b"precious"
        assert sorted(tmp_path.iterdir()) == sorted([recording, there])

    async def test_a_failed_one_leaves_the_file_that_was_to_be_replaced(
        self, connect: Connect, recording: Path, tmp_path: Path
    ) -> None:
        world = await connect()
        enhancement = await succeeded(world, recording)
        there = tmp_path / "earhart-aviation-enhanced-93p.mp3"
        there.write_bytes(b"precious")
        world.service.faults.script(Fault.EXPIRED_URL, route="GET /object", times=99)
        with pytest.raises(StorageError):
            await steps_of(world).download(
                enhancement, PartialFile(tmp_path), place=into(tmp_path, overwrite=True)
            )
        assert there.read_bytes() == b"precious"
        assert sorted(tmp_path.iterdir()) == sorted([recording, there])

    async def test_one_that_is_not_finished(self, connect: Connect, tmp_path: Path) -> None:
        world = await connect()
        queued = enhancement_json()
        async with RawServer([answer(200, queued)]) as server:
            steps = steps_of(world)
            steps.api._root = server.url
            with pytest.raises(InvalidInputError, match="not finished"):
                await download(world, SpeechEnhancement.from_json(queued), tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))

    async def test_one_that_has_no_url(self, connect: Connect, tmp_path: Path) -> None:
        world = await connect()
        done = enhancement_json(status="succeeded", download_url=None)
        async with RawServer([answer(200, done)]) as server:
            steps = steps_of(world)
            steps.api._root = server.url
            with pytest.raises(ProtocolError, match="no download URL"):
                await download(world, SpeechEnhancement.from_json(done), tmp_path / "out")

    @pytest.mark.parametrize(
        ("header", "name"),
        [
            ({}, "earhart-aviation-enhanced-93p.mp3"),
            (
                {"content_disposition": 'attachment; filename=".."'},
                "earhart-aviation-enhanced-93p.mp3",
            ),
            ({"content_disposition": 'attachment; filename="../../x.mp3"'}, "x.mp3"),
            ({"content_disposition": "attachment; filename*=UTF-8''caf%C3%A9.mp3"}, "café.mp3"),
        ],
    )
    async def test_its_name(
        self, connect: Connect, tmp_path: Path, header: dict[str, Any], name: str
    ) -> None:
        world = await connect()
        async with RawServer([reply(200, b"audio", **header)]) as store:
            done = enhancement_json(status="succeeded", download_url=f"{store.url}/k")
            async with RawServer([answer(200, asset_json())]) as server:
                steps = steps_of(world)
                steps.api._root = server.url
                path = await download(world, SpeechEnhancement.from_json(done), tmp_path / "out")
        assert path == tmp_path / "out" / name
        assert path.read_bytes() == b"audio"

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/k",
            "https://[::1/k",
            "https://host:port/k",
            "https://host/ä",
            "file:///etc/passwd",
            "https://api.example@evil.example/k",
            "",
        ],
    )
    async def test_a_download_url_that_is_none(
        self, connect: Connect, tmp_path: Path, url: str
    ) -> None:
        world = await connect()
        steps = steps_of(world)
        object.__setattr__(steps.api, "base_url", "https://api.example")
        done = SpeechEnhancement.from_json(enhancement_json(status="succeeded", download_url=url))
        with pytest.raises(ProtocolError) as caught:
            await download(world, done, tmp_path / "out")
        assert caught.value.enhancement_id == done.id
        with pytest.raises(ProtocolError):
            async with RawServer(
                [
                    answer(
                        200,
                        attrs.asdict(done) | enhancement_json(status="succeeded", download_url=url),
                    )
                ]
            ) as server:
                steps.api._root = server.url
                await steps.presigned_download_url(done)

    async def test_credentials_go_to_the_api_only(
        self, connect: Connect, tmp_path: Path, clock: object
    ) -> None:
        world = await connect()
        steps = steps_of(world)
        async with RawServer([reply(200, b"audio")]) as store:
            signed = f"{store.url}/k%2fl?X-Amz-Signature=45%2bad"
            async with RawServer([reply(302, location=signed), answer(200, asset_json())]) as api:
                object.__setattr__(steps.api, "base_url", api.url)
                steps.api._root = api.url
                done = enhancement_json(status="succeeded", download_url=f"{api.url}/d")
                await download(world, SpeechEnhancement.from_json(done), tmp_path / "out")
        assert api.requests[0].headers["authorization"].startswith("Bearer ")
        assert api.requests[0].headers["x-api-key"] == world.service.client_id
        assert set(store.requests[0].headers) == {"host", "user-agent", "accept", "accept-encoding"}
        assert store.requests[0].target == "/k%2fl?X-Amz-Signature=45%2bad"


class TestPresignedUrls:
    @revisions
    async def test_each_is_fresh(self, connect: Connect, recording: Path, revision: Any) -> None:
        world = await connect(behaviour=Behaviour(revision=revision))
        enhancement = await succeeded(world, recording)
        world.clock.pass_by(1)
        first = await steps_of(world).presigned_download_url(enhancement)
        world.clock.pass_by(1)
        second = await steps_of(world).presigned_download_url(enhancement)
        assert first.startswith(world.service.s3_url)
        assert len({first, second, enhancement.download_url}) == 3

    async def test_one_that_is_not_finished(self, connect: Connect) -> None:
        world = await connect()
        queued = enhancement_json()
        async with RawServer([answer(200, queued)]) as server:
            steps = steps_of(world)
            steps.api._root = server.url
            with pytest.raises(InvalidInputError, match="not finished"):
                await steps.presigned_download_url(SpeechEnhancement.from_json(queued))


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
