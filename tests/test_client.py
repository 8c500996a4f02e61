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
    AccessToken,
    AssetStatus,
    AudioEnhanceError,
    AuthenticationError,
    ClientCredentials,
    ConfigurationError,
    ConnectionFailedError,
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
    RateLimits,
    RetryPolicy,
    Source,
    Timeouts,
    TokenProvider,
    UnsupportedMediaTypeError,
)
from audio_enhance.local import Behaviour, Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .conftest import QUICK_POLLING, QUICK_RETRY, Connect
from .support.resources import open_files, other_tasks, settled_files, settled_tasks

NAME = "earhart-aviation-enhanced-93p.mp3"
later = pytest.mark.enhance_service(behaviour=Behaviour(revision="later"))


def expected(recording: Path, strength: int = 93) -> bytes:
    return Rehearsal.expected(recording.read_bytes(), strength)


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


class TestTokens:
    async def test_two_hundred_wait_for_one_token(
        self, client: EnhanceClient, enhance_service: LocalService
    ) -> None:
        nobody = "3445d7a0-2513-4606-b37b-bff0034c0214"
        answers = await asyncio.gather(
            *(client.get_asset(nobody) for _ in range(200)), return_exceptions=True
        )
        assert all(isinstance(answer, NotFoundError) for answer in answers)
        assert enhance_service.count("POST /ims/token/v3") == 1

    async def test_a_token_that_was_revoked_is_replaced(
        self, client: EnhanceClient, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        asset = await client.create_asset(recording)
        enhance_service.revoke_tokens()
        await asyncio.gather(*(client.get_asset(asset.id) for _ in range(20)))
        assert enhance_service.count("POST /ims/token/v3") == 2
        assert enhance_service.count("GET /assets/:id", 401) <= 20
        assert enhance_service.count("GET /assets/:id", 200) == 20

    async def test_a_token_is_replaced_before_it_ends(
        self, connect: Connect, recording: Path
    ) -> None:
        world = await connect(behaviour=Behaviour(token_seconds=1000))
        asset = await world.client.create_asset(recording)
        world.clock.pass_by(950)
        await world.client.get_asset(asset.id)
        assert world.service.count("POST /ims/token/v3") == 2
        assert world.service.count(status=401) == 0

    async def test_an_access_token(
        self, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        token = enhance_service.issue_token(enhance_service.client_id)
        auth = AccessToken(token, client_id=enhance_service.client_id)
        async with EnhanceClient(
            auth, base_url=enhance_service.base_url, polling=QUICK_POLLING
        ) as client:
            await client.enhance(recording, strength=93, output_dir=tmp_path)
            assert enhance_service.count("POST /ims/token/v3") == 0
            enhance_service.revoke_tokens()
            with pytest.raises(AuthenticationError) as caught:
                await client.create_asset(recording)
        error = caught.value
        assert (error.status, error.code, error.phase) == (401, "401013", Phase.CREATE_ASSET)

    async def test_a_provider_of_ones_own(
        self, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        class Vault:
            client_id = enhance_service.client_id

            def __init__(self) -> None:
                self.current = "stale"

            async def token(self) -> str:
                return self.current

            def reject(self, token: str) -> None:
                self.current = enhance_service.issue_token(self.client_id)

        vault = Vault()
        assert isinstance(vault, TokenProvider)
        async with EnhanceClient(
            vault, base_url=enhance_service.base_url, polling=QUICK_POLLING
        ) as client:
            await client.enhance(recording, strength=93, output_dir=tmp_path)
        assert enhance_service.count(status=401) == 1

    @pytest.mark.parametrize("wrong", ["id", "secret"])
    async def test_credentials_that_are_wrong(
        self, enhance_service: LocalService, recording: Path, wrong: str
    ) -> None:
        service = enhance_service
        auth = ClientCredentials(
            "nobody" if wrong == "id" else service.client_id,
            "wrong" if wrong == "secret" else service.client_secret,
            token_url=service.token_url,
        )
        async with EnhanceClient(auth, base_url=service.base_url) as client:
            with pytest.raises(AuthenticationError) as caught:
                await client.enhance(recording, strength=93)
        assert caught.value.phase is Phase.AUTHENTICATE
        assert service.count("POST /ims/token/v3") == 1
        assert service.count("POST /assets") == 0

    async def test_an_endpoint_that_comes_back(self, connect: Connect, recording: Path) -> None:
        world = await connect()
        for fault in (Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.SERVER_ERROR):
            world.service.faults.script(fault, route="POST /ims/token/v3")
        await world.client.create_asset(recording)
        assert world.service.count("POST /assets") == 1


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


class TestSessions:
    async def test_a_callers_session_is_used_and_left_open(
        self, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        seen: list[str] = []
        trace = aiohttp.TraceConfig()

        async def on_start(session: object, context: object, parameters: Any) -> None:
            seen.append(f"{parameters.method} {parameters.url.path}")

        trace.on_request_start.append(on_start)
        async with aiohttp.ClientSession(
            headers={"X-Caller": "1"}, trace_configs=[trace]
        ) as session:
            async with EnhanceClient(
                enhance_service.credentials,
                base_url=enhance_service.base_url,
                session=session,
                polling=QUICK_POLLING,
            ) as client:
                await client.enhance(recording, strength=93, output_dir=tmp_path)
            assert not session.closed
            async with session.get(enhance_service.base_url) as response:
                assert response.status == 200
        # The API was spoken to through it, the object store and the token endpoint were not.
        assert any("/audio_services/v1/assets" in url for url in seen)
        assert not any("/Assets/" in url or "/ims/" in url for url in seen)

    async def test_a_session_is_left_open_by_a_failure_too(
        self, enhance_service: LocalService
    ) -> None:
        async with aiohttp.ClientSession() as session:
            client = EnhanceClient(
                enhance_service.credentials, base_url=enhance_service.base_url, session=session
            )
            with pytest.raises(KeyError):
                async with client:
                    raise KeyError
            assert not session.closed

    async def test_nothing_is_opened_before_it_is_used(self) -> None:
        before = open_files()
        EnhanceClient(ClientCredentials("i", "s"))
        assert open_files() == before

    async def test_closing_closes_everything(
        self, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        before, tasks = open_files(), other_tasks()
        client = EnhanceClient(
            enhance_service.credentials, base_url=enhance_service.base_url, polling=QUICK_POLLING
        )
        await client.enhance(recording, strength=93, output_dir=tmp_path)
        await client.aclose()
        await client.aclose()
        assert await settled_files(before) == {}
        assert await settled_tasks(tasks) == set()

    async def test_it_can_be_used_again_after_closing(
        self, client: EnhanceClient, recording: Path
    ) -> None:
        await client.create_asset(recording)
        await client.aclose()
        await client.create_asset(recording)

    async def test_closing_cancels_what_is_under_way(
        self, enhance_service: LocalService, recording: Path, tmp_path: Path
    ) -> None:
        client = EnhanceClient(
            enhance_service.credentials, base_url=enhance_service.base_url, polling=QUICK_POLLING
        )
        job = await client.submit(recording, strength=93, output_dir=tmp_path)
        await client.aclose()
        with pytest.raises(AudioEnhanceError):
            await job
        assert job.status == "cancelled"


class TestSettings:
    @pytest.mark.parametrize("auth", ["token", None, 3, object(), [], ["token"], [None]])
    def test_what_is_no_authentication(self, auth: Any) -> None:
        with pytest.raises(ConfigurationError):
            EnhanceClient(auth)

    @pytest.mark.parametrize("url", ["", "host", "ftp://host", "https://host/?a=b"])
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(ConfigurationError):
            EnhanceClient(ClientCredentials("i", "s"), base_url=url)
        with pytest.raises(ConfigurationError, match="token URL"):
            EnhanceClient(ClientCredentials("i", "s", token_url=url or "x"))

    def test_its_repr_has_no_secret(self) -> None:
        client = EnhanceClient(ClientCredentials("the-id", "the-secret"))
        assert repr(client) == "EnhanceClient('the-id', base_url='https://firefly-beta.adobe.io')"

    async def test_from_the_environment(
        self,
        enhance_service: LocalService,
        recording: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for name, value in enhance_service.environment.items():
            monkeypatch.setenv(name, value)
        async with EnhanceClient.from_env(polling=QUICK_POLLING, retry=QUICK_RETRY) as client:
            result = await client.enhance(recording, strength=93, output_dir=tmp_path)
        assert result.path.read_bytes() == expected(recording)

    async def test_a_call_that_takes_too_long(self, connect: Connect, recording: Path) -> None:
        world = await connect(timeouts=Timeouts(request=0.05), retry=RetryPolicy(attempts=2))
        world.service.faults.slow_seconds = 5
        world.service.faults.script(Fault.SLOW_ANSWER, route="POST /assets", times=2)
        with pytest.raises(AudioEnhanceError, match=r"0\.05 s") as caught:
            await world.client.create_asset(recording)
        assert caught.value.phase is Phase.CREATE_ASSET
        assert world.service.count("POST /assets") == 2
