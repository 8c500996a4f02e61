"""The client as its callers use it, over real HTTP against the local service."""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from audio_enhance import (
    AssetStatus,
    EnhanceClient,
    EnhancementFailedError,
    EnhancementStatus,
    Event,
    Finished,
    InvalidInputError,
    InvalidSourceError,
    InvalidStrengthError,
    NotFoundError,
    OutputError,
    OutputExistsError,
    Phase,
    Source,
    UnsupportedMediaTypeError,
)
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .support.results import NAME, expected

later = pytest.mark.enhance_service(behaviour=Behaviour(revision="later"))


class TestFiveSteps:
    async def take(self, client: EnhanceClient, recording: Path, directory: Path) -> None:
        asset = await client.create_asset(recording)
        assert asset.status is AssetStatus.WAITING_FOR_UPLOAD
        assert asset.upload_url
        await client.upload(asset, recording)
        asset = await client.wait_until_ready(asset.id)
        assert asset.upload_url is None
        enhancement = await client.create_speech_enhancement(asset.id, strength=93)
        assert enhancement.status is EnhancementStatus.QUEUED
        enhancement = await client.wait_until_finished(enhancement)
        path = await client.download(enhancement, output_dir=directory)
        assert path == directory / NAME
        assert path.read_bytes() == expected(recording)
        assert await client.get_asset(asset.id) == asset
        again = await client.get_speech_enhancement(asset.id, enhancement.id)
        assert (again.status, again.strength) == ("succeeded", 93)

    async def test_one_by_one(self, client: EnhanceClient, recording: Path, tmp_path: Path) -> None:
        await self.take(client, recording, tmp_path / "out")

    @later
    async def test_in_the_later_revision(
        self, client: EnhanceClient, recording: Path, tmp_path: Path
    ) -> None:
        await self.take(client, recording, tmp_path / "out")

    async def test_a_download_under_another_name(
        self, client: EnhanceClient, recording: Path, tmp_path: Path
    ) -> None:
        result = await client.enhance(recording, strength=93, output_dir=tmp_path)
        path = await client.download(result.enhancement, output_dir=tmp_path, filename="other.mp3")
        assert path == tmp_path / "other.mp3"
        for name in ("../a.mp3", "a/b.mp3", "con", "", "a\n.mp3"):
            with pytest.raises(InvalidInputError):
                await client.download(result.enhancement, output_dir=tmp_path, filename=name)

    async def test_a_browser_is_sent_to_the_object_store(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        result = await client.enhance(recording, strength=93, output_dir=tmp_path)
        url = await client.presigned_download_url(result.enhancement)
        assert url.startswith(enhance_service.s3_url)
        async with (
            aiohttp.ClientSession() as browser,
            browser.get(URL(url, encoded=True)) as response,
        ):
            assert await response.read() == expected(recording)
            assert NAME in response.headers["Content-Disposition"]

    async def test_what_nobody_knows(self, client: EnhanceClient) -> None:
        nobody = "3445d7a0-2513-4606-b37b-bff0034c0214"
        with pytest.raises(NotFoundError) as caught:
            await client.get_asset(nobody)
        assert caught.value.asset_id == nobody
        with pytest.raises(NotFoundError):
            await client.get_speech_enhancement(nobody, nobody)
        with pytest.raises(NotFoundError):
            await client.create_speech_enhancement(nobody, strength=93)


class TestEnhance:
    async def test_a_path(self, client: EnhanceClient, recording: Path, tmp_path: Path) -> None:
        result = await client.enhance(str(recording), strength=93, output_dir=tmp_path / "a" / "b")
        assert result.path == tmp_path / "a" / "b" / NAME
        assert result.path.read_bytes() == expected(recording)
        assert result.asset.filename == recording.name
        assert result.enhancement.asset_id == result.asset.id
        assert result.enhancement.status is EnhancementStatus.SUCCEEDED
        assert result.extra_enhancements == 0

    @later
    async def test_in_the_later_revision(
        self, client: EnhanceClient, recording: Path, tmp_path: Path
    ) -> None:
        result = await client.enhance(recording, strength=93, output_dir=tmp_path)
        assert result.path.read_bytes() == expected(recording)

    async def test_it_asks_for_nothing_it_does_not_need(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        await client.enhance(recording, strength=93, output_dir=tmp_path)
        counts = Counter(record.route for record in enhance_service.record)
        asked = counts.pop("GET /speech_enhancements/:id")
        assert counts == {
            "POST /ims/token/v3": 1,
            "POST /assets": 1,
            "PUT /object": 1,
            "GET /assets/:id": 1,
            "POST /speech_enhancements": 1,
            "GET /speech_enhancements/:id/download": 1,
            "GET /object": 1,
        }
        assert asked < 20

    async def test_bytes(self, client: EnhanceClient, tmp_path: Path) -> None:
        result = await client.enhance(b"fLaC....", strength=0, output_dir=tmp_path)
        assert result.path.name == "recording-enhanced-0p.flac"
        assert result.path.read_bytes() == Rehearsal.expected(b"fLaC....", 0)

    async def test_data_that_is_still_arriving(self, client: EnhanceClient, tmp_path: Path) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            for _ in range(30):
                yield b"x" * 70_000

        async with await Source.spool(chunks(), "../up/loaded.ogg") as source:
            result = await client.enhance(source, strength=100, output_dir=tmp_path)
        assert result.path == tmp_path / "loaded-enhanced-100p.ogg"
        assert result.path.read_bytes() == Rehearsal.expected(b"x" * 2_100_000, 100)

    async def test_one_byte(self, client: EnhanceClient, tmp_path: Path) -> None:
        source = Source.from_bytes(b"x", "a.wav")
        result = await client.enhance(source, strength=1, output_dir=tmp_path)
        assert result.path.read_bytes() == Rehearsal.expected(b"x", 1)

    async def test_names_of_all_kinds(self, client: EnhanceClient, tmp_path: Path) -> None:
        for name in (
            "mañana übung 名前.mp3",
            "a;b\"c'd%41+e&f.mp3",
            ".mp3.mp3",
            "x" * 251 + ".mp3",
        ):
            path = tmp_path / name
            path.write_bytes(name.encode())
            result = await client.enhance(path, strength=93, output_dir=tmp_path / "out")
            assert result.path.parent == tmp_path / "out"
            assert result.path.name.endswith("-enhanced-93p.mp3")
            assert result.path.read_bytes() == expected(path)

    @pytest.mark.skipif(os.name != "posix", reason="names of bytes are POSIX")
    async def test_a_name_that_is_no_text(self, client: EnhanceClient, tmp_path: Path) -> None:
        path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp3"))
        path.write_bytes(b"ID3")
        result = await client.enhance(path, strength=93, output_dir=tmp_path)
        assert result.path.name == "café-enhanced-93p.mp3"

    async def test_a_result_that_is_there_already(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        (tmp_path / NAME).write_bytes(b"precious")
        with pytest.raises(OutputExistsError):
            await client.enhance(recording, strength=93, output_dir=tmp_path)
        assert (tmp_path / NAME).read_bytes() == b"precious"
        assert enhance_service.count() == 0
        result = await client.enhance(recording, strength=93, output_dir=tmp_path, overwrite=True)
        assert result.path.read_bytes() == expected(recording)

    async def test_a_folder_that_takes_no_results(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        for folder in (recording, recording / "below", Path("/proc/nowhere")):
            with pytest.raises(OutputError, match="cannot be written") as caught:
                await client.enhance(recording, strength=93, output_dir=folder)
            assert caught.value.source == str(recording)
        assert enhance_service.count() == 0

    async def test_a_disk_without_room_for_it(
        self,
        client: EnhanceClient,
        enhance_service: LocalService,
        recording: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        usage = shutil.disk_usage(tmp_path)
        free = recording.stat().st_size - 1

        def disk_usage(path: Path) -> Any:
            return usage._replace(free=free)

        monkeypatch.setattr(shutil, "disk_usage", disk_usage)
        with pytest.raises(OutputError, match="Make room"):
            await client.enhance(recording, strength=93, output_dir=tmp_path / "out")
        assert enhance_service.count() == 0
        free += 1
        await client.enhance(recording, strength=93, output_dir=tmp_path / "out")

    async def test_a_file_that_is_no_audio(self, client: EnhanceClient, tmp_path: Path) -> None:
        path = tmp_path / "a.mp3"
        path.write_bytes(b"not audio")
        with pytest.raises(EnhancementFailedError) as caught:
            await client.enhance(path, strength=93, output_dir=tmp_path)
        error = caught.value
        assert (error.phase, error.source) == (Phase.PROCESS, str(path))
        assert error.asset_id
        assert error.enhancement_id

    async def test_many_at_once(
        self, client: EnhanceClient, enhance_service: LocalService, tmp_path: Path
    ) -> None:
        paths = [tmp_path / f"{number}.mp3" for number in range(12)]
        for path in paths:
            path.write_bytes(os.urandom(5000))
        results = await asyncio.gather(
            *(client.enhance(path, strength=50, output_dir=tmp_path / "out") for path in paths)
        )
        for path, result in zip(paths, results, strict=True):
            assert result.path.read_bytes() == expected(path, 50)
        assert enhance_service.count("POST /ims/token/v3") == 1
        assert enhance_service.count("POST /speech_enhancements") == 12

    async def test_what_is_told_on_the_way(
        self, client: EnhanceClient, recording: Path, tmp_path: Path
    ) -> None:
        events: list[Event] = []
        result = await client.enhance(
            recording, strength=93, output_dir=tmp_path, on_event=events.append
        )
        kinds = list(dict.fromkeys(type(event).__name__ for event in events))
        assert kinds == [
            "Queued",
            "Hashing",
            "Waiting",
            "Uploading",
            "Submitted",
            "Processing",
            "Downloading",
            "Finished",
        ]
        last = events[-1]
        assert isinstance(last, Finished)
        assert (last.path, last.error) == (str(result.path), None)
        assert last.enhancement_id == result.enhancement.id

    async def test_a_listener_that_fails_harms_nobody(
        self, client: EnhanceClient, recording: Path, tmp_path: Path
    ) -> None:
        def listener(event: Event) -> None:
            raise KeyError("mine")

        await client.enhance(recording, strength=93, output_dir=tmp_path, on_event=listener)


class TestBadInput:
    @pytest.mark.parametrize("strength", [-1, 101, 93.0, "93", None, True])
    async def test_strengths(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, strength: Any
    ) -> None:
        with pytest.raises(InvalidStrengthError):
            await client.enhance(recording, strength=strength)
        with pytest.raises(InvalidStrengthError):
            await client.create_speech_enhancement("a", strength=strength)
        assert enhance_service.count() == 0

    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("missing.mp3", InvalidSourceError),
            ("missing", InvalidSourceError),
            (".", InvalidSourceError),
            ("empty.mp3", InvalidSourceError),
            ("a.txt", UnsupportedMediaTypeError),
            ("nothing", UnsupportedMediaTypeError),
            ("x" * 300 + ".mp3", InvalidSourceError),
            ("a\x00.mp3", InvalidSourceError),
        ],
    )
    async def test_sources(
        self,
        client: EnhanceClient,
        enhance_service: LocalService,
        tmp_path: Path,
        name: str,
        kind: type[Exception],
    ) -> None:
        (tmp_path / "empty.mp3").touch()
        (tmp_path / "a.txt").write_text("text")
        (tmp_path / "nothing").write_text("text")
        for call in (
            client.enhance(tmp_path / name, strength=93, output_dir=tmp_path / "out"),
            client.create_asset(tmp_path / name),
        ):
            with pytest.raises(kind) as caught:
                await call
            assert isinstance(caught.value, InvalidInputError)
        assert enhance_service.count() == 0
        assert not (tmp_path / "out").exists()

    @pytest.mark.parametrize("thing", [None, 3, [], object(), b""])
    async def test_what_is_no_source(self, client: EnhanceClient, thing: Any) -> None:
        with pytest.raises(InvalidSourceError):
            await client.enhance(thing, strength=93)
