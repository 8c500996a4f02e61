"""The step that downloads, against the local service, with faults."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    EnhancementFailedError,
    InvalidInputError,
    OutputExistsError,
    ProtocolError,
    SpeechEnhancement,
    StorageError,
)
from audio_enhance._session.addresses import Reach
from audio_enhance._session.wire import FirstGeneration
from audio_enhance._transfer.part_file import PartialFile
from audio_enhance.local import Behaviour, Fault
from audio_enhance.local.enhancer import Rehearsal
from tests.conftest import Connect
from tests.support.answers import answer, asset_json, enhancement_json
from tests.support.raw_server import RawServer, reply
from tests.support.steps import download, into, revisions, steps_of, succeeded


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
            steps.api._wire = FirstGeneration(server.url)
            with pytest.raises(InvalidInputError, match="not finished"):
                await download(world, SpeechEnhancement.from_json(queued), tmp_path / "out")
        assert not list((tmp_path / "out").glob("*"))

    async def test_one_that_failed_is_looked_at_once(
        self, connect: Connect, tmp_path: Path
    ) -> None:
        world = await connect()
        failed = enhancement_json(status="failed", finished_processing_at="2024-04-09T22:57:00Z")
        async with RawServer([answer(200, failed)] * 9) as server:
            steps = steps_of(world)
            steps.api._wire = FirstGeneration(server.url)
            with pytest.raises(EnhancementFailedError):
                await steps.presigned_download_url(SpeechEnhancement.from_json(failed))
            assert len(server.requests) == 1

    async def test_one_that_has_no_url(self, connect: Connect, tmp_path: Path) -> None:
        world = await connect()
        done = enhancement_json(status="succeeded", download_url=None)
        async with RawServer([answer(200, done)] * 20) as server:
            steps = steps_of(world)
            steps.api._wire = FirstGeneration(server.url)
            with pytest.raises(ProtocolError, match="no download URL"):
                await download(world, SpeechEnhancement.from_json(done), tmp_path / "out")
            assert len(server.requests) == 8

    async def test_a_url_that_is_not_there_yet_is_asked_for(
        self, connect: Connect, tmp_path: Path
    ) -> None:
        world = await connect()
        done = enhancement_json(status="succeeded", download_url=None)
        async with RawServer([reply(200, b"audio"), reply(200, b"audio")]) as store:
            there = enhancement_json(status="succeeded", download_url=f"{store.url}/k")
            script = [answer(200, done), answer(200, done), answer(200, there)]
            async with RawServer([*script, answer(200, asset_json()), *script]) as server:
                steps = steps_of(world)
                steps.api._wire = FirstGeneration(server.url)
                known = SpeechEnhancement.from_json(done)
                path = await download(world, known, tmp_path / "out")
                assert await steps.presigned_download_url(known) == f"{store.url}/k"
        assert path.read_bytes() == b"audio"

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
                steps.api._wire = FirstGeneration(server.url)
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
        ],
    )
    async def test_a_download_url_that_is_none(
        self, connect: Connect, tmp_path: Path, url: str
    ) -> None:
        world = await connect()
        steps = steps_of(world)
        steps.api.reach = Reach.of("https://api.example")
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
                steps.api._wire = FirstGeneration(server.url)
                await steps.presigned_download_url(done)

    async def test_credentials_go_to_the_api_only(
        self, connect: Connect, tmp_path: Path, clock: object
    ) -> None:
        world = await connect()
        steps = steps_of(world)
        async with RawServer([reply(200, b"audio")]) as store:
            signed = f"{store.url}/k%2fl?X-Amz-Signature=45%2bad"
            async with RawServer([reply(302, location=signed), answer(200, asset_json())]) as api:
                steps.api.reach = Reach.of(api.url)
                steps.api._wire = FirstGeneration(api.url)
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
            steps.api._wire = FirstGeneration(server.url)
            with pytest.raises(InvalidInputError, match="not finished"):
                await steps.presigned_download_url(SpeechEnhancement.from_json(queued))
