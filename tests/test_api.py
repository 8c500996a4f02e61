import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from audio_enhance import (
    AccessToken,
    ApiError,
    Asset,
    AudioEnhanceError,
    AuthenticationError,
    ClientCredentials,
    ConnectionFailedError,
    CorruptTransferError,
    NotFoundError,
    Phase,
    ProtocolError,
    RateLimitError,
    RateLimits,
    RetryPolicy,
    ServerError,
    SpeechEnhancement,
    Timeouts,
    ValidationError,
)
from audio_enhance._api import EnhanceApi, fetch_grant
from audio_enhance._auth import Grant
from audio_enhance._retry import Retrier
from audio_enhance._transport import Transport

from .support.answers import ASSET_ID, ENHANCEMENT_ID, answer, asset_json, enhancement_json
from .support.clock import ManualClock
from .support.raw_server import RawServer, Reply, reply

ROOT = "/audio_services/v1/assets"
ENHANCEMENT = SpeechEnhancement.from_json(enhancement_json())


class Tokens:
    """A provider whose next token is another one whenever one was rejected."""

    client_id = "the-id"

    def __init__(self) -> None:
        self.current = 1
        self.rejected: list[str] = []

    async def token(self) -> str:
        return f"token-{self.current}"

    def reject(self, token: str) -> None:
        self.rejected.append(token)
        self.current += 1


class Setting:
    """An API client of a raw server's."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.tokens: Any = Tokens()
        self.limits = RateLimits(clock=clock)
        self.transport = Transport(None, Timeouts(request=5))
        self.retrier = Retrier(RetryPolicy(attempts=3), clock)

    def __call__(self, server: RawServer, path: str = "") -> EnhanceApi:
        return EnhanceApi(
            server.url + path,
            self.tokens,
            self.transport,
            self.limits,
            self.retrier,
            self.clock,
        )


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[Setting]:
    setting = Setting(clock)
    yield setting
    await setting.transport.aclose()


async def create_asset(api: EnhanceApi) -> Asset:
    return await api.create_asset(
        filename="earhart-aviation.mp3",
        byte_size=59400,
        checksum="AWzJTRSXGy5JsL+Phh/cFA==",
        content_type="audio/mpeg",
    )


Call = Callable[[EnhanceApi], Any]
CALLS: list[tuple[Call, str, str, Phase]] = [
    (create_asset, "POST", ROOT, Phase.CREATE_ASSET),
    (lambda api: api.get_asset(ASSET_ID), "GET", f"{ROOT}/{ASSET_ID}", Phase.CONFIRM),
    (
        lambda api: api.create_speech_enhancement(ASSET_ID, 93),
        "POST",
        f"{ROOT}/{ASSET_ID}/speech_enhancements",
        Phase.CREATE_ENHANCEMENT,
    ),
    (
        lambda api: api.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID),
        "GET",
        f"{ROOT}/{ASSET_ID}/speech_enhancements/{ENHANCEMENT_ID}",
        Phase.PROCESS,
    ),
]
every_call = pytest.mark.parametrize(("call", "method", "target", "phase"), CALLS)
BODIES = [asset_json(), asset_json(), enhancement_json(), enhancement_json()]


@pytest.mark.parametrize(
    ("call", "method", "target", "body"),
    [(*call[:3], body) for call, body in zip(CALLS, BODIES, strict=True)],
)
async def test_the_guides_requests(
    api: Setting, call: Call, method: str, target: str, body: dict[str, Any]
) -> None:
    async with RawServer([answer(200, body)]) as server:
        model = await call(api(server))
    assert model == type(model).from_json(body)
    (request,) = server.requests
    assert (request.method, request.target) == (method, target)
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["x-api-key"] == "the-id"


async def test_the_guides_bodies(api: Setting) -> None:
    async with RawServer([answer(201, asset_json()), answer(202, enhancement_json())]) as server:
        await create_asset(api(server))
        await api(server).create_speech_enhancement(ASSET_ID, 93)
    assert server.requests[0].headers["content-type"] == "application/json"
    assert server.requests[0].body == (
        b'{"filename": "earhart-aviation.mp3", "byte_size": 59400, '
        b'"checksum": "AWzJTRSXGy5JsL+Phh/cFA==", "content_type": "audio/mpeg"}'
    )
    assert server.requests[1].body == b'{"strength": 93}'


async def test_a_base_url_with_a_path(api: Setting) -> None:
    async with RawServer([answer(200, asset_json())]) as server:
        await api(server, "/adobe").get_asset(ASSET_ID)
    assert server.requests[0].target == f"/adobe{ROOT}/{ASSET_ID}"


async def test_ids_cannot_leave_their_place(api: Setting) -> None:
    async with RawServer([answer(200, enhancement_json())]) as server:
        await api(server).get_speech_enhancement("a/../b?c", "d#e f")
    assert server.requests[0].target == f"{ROOT}/a%2F..%2Fb%3Fc/speech_enhancements/d%23e%20f"


async def test_it_remembers_what_it_made(api: Setting) -> None:
    async with RawServer([answer(201, asset_json())]) as server:
        one = api(server)
        await create_asset(one)
        assert one.made(ASSET_ID)
        assert not one.made("other")
        assert not api(server).made(ASSET_ID)


class TestErrors:
    @every_call
    async def test_each_says_where_it_happened(
        self, api: Setting, call: Call, method: str, target: str, phase: Phase
    ) -> None:
        refusal = answer(422, {"message": "No."}, x_request_id="r-7")
        async with RawServer([refusal]) as server:
            with pytest.raises(ValidationError) as caught:
                await call(api(server))
        error = caught.value
        assert (error.phase, error.request_id) == (phase, "r-7")
        assert error.asset_id == (None if phase is Phase.CREATE_ASSET else ASSET_ID)
        assert error.enhancement_id == (ENHANCEMENT_ID if phase is Phase.PROCESS else None)

    @every_call
    @pytest.mark.parametrize(
        "body", [reply(200, b"<html>", x_request_id="r-7"), answer(200, {}, x_request_id="r-7")]
    )
    async def test_so_does_an_answer_that_does_not_fit(
        self, api: Setting, call: Call, method: str, target: str, phase: Phase, body: Reply
    ) -> None:
        async with RawServer([body]) as server:
            with pytest.raises(ProtocolError) as caught:
                await call(api(server))
        assert (caught.value.phase, caught.value.request_id) == (phase, "r-7")
        assert caught.value.asset_id == (None if phase is Phase.CREATE_ASSET else ASSET_ID)
        assert len(server.requests) == 1

    @every_call
    async def test_what_passes_is_tried_again(
        self, api: Setting, call: Call, method: str, target: str, phase: Phase
    ) -> None:
        body = BODIES[[entry[0] for entry in CALLS].index(call)]
        script = [answer(503, {}), Reply(then="close"), answer(200, body)]
        async with RawServer(script) as server:
            await call(api(server))
        assert len(server.requests) == 3

    async def test_what_does_not_is_not(self, api: Setting) -> None:
        for status, kind in [(400, ApiError), (403, AuthenticationError), (404, NotFoundError)]:
            async with RawServer([answer(status, {"message": "No."})]) as server:
                with pytest.raises(kind, match="No"):
                    await api(server).get_asset(ASSET_ID)
                assert len(server.requests) == 1

    @pytest.mark.parametrize(
        ("last", "unknown"),
        [
            (Reply(then="close"), True),
            (Reply(then="reset"), True),
            (answer(500, {}), True),
            (answer(504, {}), True),
            (reply(202, b"{", length=99, then="close"), True),
            (answer(429, {}), False),
            (answer(422, {}), False),
        ],
    )
    async def test_whether_a_creation_may_have_happened(
        self, api: Setting, last: Reply, unknown: bool
    ) -> None:
        seen: list[bool] = []
        async with RawServer([last] * 3) as server:
            with pytest.raises(AudioEnhanceError) as caught:
                await api(server).create_speech_enhancement(
                    ASSET_ID, 93, on_retry=lambda error, wait: seen.append(error.outcome_unknown)
                )
        assert caught.value.outcome_unknown is unknown
        assert set(seen) <= {unknown}

    async def test_nobody_there_means_nothing_happened(self, api: Setting) -> None:
        async with RawServer() as server:
            pass
        with pytest.raises(ConnectionFailedError) as caught:
            await api(server).create_speech_enhancement(ASSET_ID, 93)
        assert not caught.value.outcome_unknown


class TestTokens:
    async def test_a_401_drops_the_token_and_tries_once_more(self, api: Setting) -> None:
        refusal = answer(401, {"error_code": "401013", "message": "Oauth token is not valid"})
        async with RawServer([refusal, answer(200, asset_json())]) as server:
            await api(server).get_asset(ASSET_ID)
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == ["Bearer token-1", "Bearer token-2"]
        assert api.tokens.rejected == ["token-1"]
        assert api.clock.sleeps == []

    async def test_a_new_token_that_is_refused_too_is_wrong(self, api: Setting) -> None:
        refusal = answer(401, {"error_code": "401013", "message": "Oauth token is not valid"})
        async with RawServer([refusal] * 3) as server:
            with pytest.raises(AuthenticationError, match="Oauth token is not valid") as caught:
                await api(server).get_asset(ASSET_ID)
        assert len(server.requests) == 2
        assert caught.value.code == "401013"

    async def test_a_token_that_cannot_be_renewed_is_sent_once(self, api: Setting) -> None:
        api.tokens = AccessToken("fixed", client_id="the-id")
        async with RawServer([answer(401, {})] * 2) as server:
            with pytest.raises(AuthenticationError):
                await api(server).get_asset(ASSET_ID)
        assert len(server.requests) == 1

    async def test_a_provider_that_fails_fails_the_call(self, api: Setting) -> None:
        class Vault(Tokens):
            async def token(self) -> str:
                raise KeyError("sealed")

        api.tokens = Vault()
        async with RawServer() as server:
            with pytest.raises(KeyError):
                await api(server).get_asset(ASSET_ID)
            assert server.connections == 0


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


class TestRedirects:
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    @every_call
    async def test_credentials_follow_none(
        self, api: Setting, call: Call, method: str, target: str, phase: Phase, status: int
    ) -> None:
        async with RawServer() as other:
            async with RawServer([reply(status, location=f"{other.url}/k")]) as server:
                with pytest.raises(ProtocolError, match="redirects"):
                    await call(api(server))
            assert other.connections == 0

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_where_a_result_is(self, api: Setting, status: int) -> None:
        location = "https://b.example/k%2Fl?X-Amz-Signature=45%2bad&a=%7e"
        async with RawServer([reply(status, location=location)]) as server:
            found = await api(server).redirect_of(f"{server.url}/d", ENHANCEMENT)
        assert found == location
        assert server.requests[0].headers["x-api-key"] == "the-id"

    async def test_within_the_api_with_credentials(self, api: Setting) -> None:
        script = [reply(301, location="/v2/d"), reply(302, location="https://b.example/k")]
        async with RawServer(script) as server:
            found = await api(server).redirect_of(f"{server.url}/v1/d", ENHANCEMENT)
        assert found == "https://b.example/k"
        assert server.requests[1].target == "/v2/d"
        assert server.requests[1].headers["authorization"] == "Bearer token-1"

    async def test_but_not_for_ever(self, api: Setting) -> None:
        async with RawServer([reply(302, location="/again")] * 20) as server:
            with pytest.raises(ProtocolError, match="again and again") as caught:
                await api(server).redirect_of(f"{server.url}/again", ENHANCEMENT)
        assert len(server.requests) < 10
        assert caught.value.enhancement_id == ENHANCEMENT_ID

    @pytest.mark.parametrize(
        "answered",
        [
            reply(302),
            reply(302, location="ftp://b.example/k"),
            reply(302, location="https://[::1"),
            reply(302, location="https://b.example/a b"),
            reply(200, b"bytes"),
        ],
    )
    async def test_to_nothing_that_can_be_fetched(self, api: Setting, answered: Reply) -> None:
        async with RawServer([answered]) as server:
            with pytest.raises(ProtocolError) as caught:
                await api(server).redirect_of(f"{server.url}/d", ENHANCEMENT)
        assert caught.value.phase is Phase.DOWNLOAD
        assert caught.value.enhancement_id == ENHANCEMENT_ID

    async def test_which_urls_are_its_own(self, api: Setting) -> None:
        async with RawServer() as server, RawServer() as other:
            one = api(server)
            assert one.is_own(f"{server.url}/d?e")
            for url in (
                other.url,
                server.url.replace("http:", "https:"),
                server.url.replace("//", "//user@"),
                f"{server.url}0/d",
                "https://[::1",
                "https://host:port/",
                "",
            ):
                assert not one.is_own(url)


class TestTokenEndpoint:
    async def fetch(self, api: Setting, server: RawServer, **changes: Any) -> Grant:
        credentials = ClientCredentials(
            "the-id", "s3cr&t", token_url=f"{server.url}/ims/token/v3", **changes
        )
        return await fetch_grant(api.transport, api.clock, api.retrier, credentials)

    async def test_the_form_of_adobes_guide(self, api: Setting) -> None:
        grant = {"access_token": "eyJ", "token_type": "bearer", "expires_in": 86399}
        async with RawServer([answer(200, grant)]) as server:
            assert await self.fetch(api, server) == Grant("eyJ", 86399)
        (request,) = server.requests
        assert request.line == "POST /ims/token/v3 HTTP/1.1"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        assert parse_qs(request.body.decode()) == {
            "grant_type": ["client_credentials"],
            "client_id": ["the-id"],
            "client_secret": ["s3cr&t"],
            "scope": [
                "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"
            ],
        }
        assert "x-api-key" not in request.headers
        assert "authorization" not in request.headers

    @pytest.mark.parametrize("status", [400, 401, 403])
    async def test_credentials_it_does_not_accept(self, api: Setting, status: int) -> None:
        refusal = {
            "error": "invalid_client",
            "error_description": "invalid client_secret parameter",
        }
        async with RawServer([answer(status, refusal)]) as server:
            with pytest.raises(AuthenticationError) as caught:
                await self.fetch(api, server)
        error = caught.value
        assert (error.status, error.code, error.phase) == (
            status,
            "invalid_client",
            Phase.AUTHENTICATE,
        )
        assert "s3cr&t" not in str(error)

    async def test_it_is_tried_again(self, api: Setting) -> None:
        grant = {"access_token": "eyJ", "expires_in": 1}
        async with RawServer([answer(503, {}), Reply(then="close"), answer(200, grant)]) as server:
            assert (await self.fetch(api, server)).token == "eyJ"

    @pytest.mark.parametrize(
        ("answered", "kind"),
        [
            (answer(200, {"token": "eyJ"}), ProtocolError),
            (reply(200, b"<html>"), ProtocolError),
            (reply(302, location="https://elsewhere.example/"), ProtocolError),
            (answer(503, {}), ServerError),
            (answer(429, {}), RateLimitError),
            (reply(200, b"{", length=9, then="close"), CorruptTransferError),
        ],
    )
    async def test_other_answers(
        self, api: Setting, answered: Reply, kind: type[Exception]
    ) -> None:
        async with RawServer([answered] * 3) as server:
            with pytest.raises(kind) as caught:
                await self.fetch(api, server)
        assert isinstance(caught.value, AudioEnhanceError)
        assert caught.value.phase is Phase.AUTHENTICATE
        # Whatever the token was wanted for was never asked for.
        assert not caught.value.outcome_unknown

    async def test_a_cancelled_call_gives_its_place_back(self, api: Setting) -> None:
        async with RawServer([Reply(then="hang")]) as server:
            call = asyncio.create_task(api(server).get_asset(ASSET_ID))
            await server.arrived.wait()
            assert "1 of 500" in repr(api.limits.others)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        assert api.limits.others._under_way == 0
