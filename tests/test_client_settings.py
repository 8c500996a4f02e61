"""What a client is given: tokens, sessions, addresses and times."""

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from audio_enhance import (
    AccessToken,
    AudioEnhanceError,
    AuthenticationError,
    ClientClosedError,
    ClientCredentials,
    ConfigurationError,
    EnhanceClient,
    NotFoundError,
    Phase,
    RateLimits,
    RetryPolicy,
    Source,
    Timeouts,
    TokenProvider,
)
from audio_enhance.local import Behaviour, Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .conftest import QUICK_POLLING, QUICK_RETRY, Connect
from .support.resources import open_files, other_tasks, settled_files, settled_tasks
from .support.results import expected


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

    async def test_a_session_that_is_closed_is_refused_and_nothing_opened(self) -> None:
        session = aiohttp.ClientSession()
        await session.close()
        before = open_files()
        client = EnhanceClient(ClientCredentials("i", "s"), session=session)
        with pytest.raises(ConfigurationError, match="session is closed"):
            async with client:
                pass
        assert open_files() == before

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

    async def test_closed_it_says_so_and_works_again_in_a_new_block(
        self, client: EnhanceClient, recording: Path
    ) -> None:
        await client.create_asset(recording)
        await client.aclose()
        with pytest.raises(ClientClosedError, match="async with"):
            await client.create_asset(recording)
        with pytest.raises(ClientClosedError):
            await client.submit(recording, strength=93)
        assert client.waiting == 0
        async with client:
            await client.create_asset(recording)

    def test_it_works_in_one_event_loop_after_the_other(
        self, recording: Path, tmp_path: Path
    ) -> None:
        source = Source.from_path(recording)
        with LocalService(enhancer=Rehearsal()).in_thread() as service:
            client = EnhanceClient(
                service.credentials,
                base_url=service.base_url,
                polling=QUICK_POLLING,
                limits=RateLimits(),
            )

            async def once(name: str) -> Path:
                async with client:
                    done = [
                        client.enhance(source, strength=strength, output_dir=tmp_path / name)
                        for strength in (50, 93)
                    ]
                    return (await asyncio.gather(*done))[0].path

            results = [asyncio.run(once(name)) for name in ("first", "second")]
        assert all(path.is_file() for path in results)

    def test_open_in_a_loop_that_ended_it_says_so(self, tmp_path: Path) -> None:
        client = EnhanceClient(AccessToken("t", client_id="c"), base_url="http://127.0.0.1:1")

        async def opened() -> None:
            client._connections.reopen()

        async def used() -> None:
            with pytest.raises(ClientClosedError, match="another event loop"):
                await client.get_asset("a")
            await client.aclose()

        asyncio.run(opened())
        asyncio.run(used())

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
            assert client.base_url == enhance_service.base_url
            result = await client.enhance(recording, strength=93, output_dir=tmp_path)
        assert result.path.read_bytes() == expected(recording)

    @pytest.mark.virtual_time
    async def test_a_call_that_takes_too_long(self, connect: Connect, recording: Path) -> None:
        world = await connect(timeouts=Timeouts(request=0.4), retry=RetryPolicy(attempts=2))
        world.service.faults.slow_seconds = 5
        world.service.faults.script(Fault.SLOW_ANSWER, route="POST /assets", times=2)
        with pytest.raises(AudioEnhanceError, match=r"0\.4 s") as caught:
            await world.client.create_asset(recording)
        assert caught.value.phase is Phase.CREATE_ASSET
        assert world.service.count("POST /assets") == 2


class TestCredentialsByName:
    def test_they_are_those_of_an_api_client(self) -> None:
        client = EnhanceClient(client_id="the-id", client_secret="the-secret")
        assert repr(client).startswith("EnhanceClient('the-id'")
        assert "the-secret" not in repr(client)

    @pytest.mark.parametrize(
        ("given", "says"),
        [
            ({}, "no credentials"),
            ({"client_id": "i"}, "no client_secret"),
            ({"client_secret": "s3cret"}, "no client_id"),
            ({"auth": ClientCredentials("i", "s"), "client_id": "i"}, "given twice"),
        ],
    )
    def test_what_is_missing_is_named(self, given: dict[str, Any], says: str) -> None:
        with pytest.raises(ConfigurationError, match=says) as caught:
            EnhanceClient(**given)
        assert "EnhanceClient(client_id=…, client_secret=…)" in str(caught.value)
        assert "s3cret" not in str(caught.value)
