"""The tokens that calls of the API carry, and the endpoint that grants them."""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import pytest

from audio_enhance import (
    AccessToken,
    AudioEnhanceError,
    AuthenticationError,
    ClientCredentials,
    CorruptTransferError,
    Phase,
    ProtocolError,
    RateLimitError,
    ServerError,
)
from audio_enhance._session.endpoints import fetch_grant
from audio_enhance._session.retry import OnRetry
from audio_enhance._session.tokens import Grant, RenewingTokens
from tests.support import api_calls
from tests.support.answers import ASSET_ID, answer, asset_json
from tests.support.api_calls import Setting, Tokens
from tests.support.raw_server import RawServer, Reply, reply

api = api_calls.api


REFUSAL = answer(401, {"error_code": "401013", "message": "Oauth token is not valid"})


class TestTokens:
    @pytest.mark.parametrize("refusals", range(1, 4))
    async def test_a_401_drops_the_token_and_tries_a_new_one(
        self, api: Setting, refusals: int
    ) -> None:
        async with RawServer([*[REFUSAL] * refusals, answer(200, asset_json())]) as server:
            await api(server).get_asset(ASSET_ID)
        sent = [request.headers["authorization"] for request in server.requests]
        assert sent == [f"Bearer token-{n + 1}" for n in range(refusals + 1)]
        assert api.tokens.rejected == [f"token-{n + 1}" for n in range(refusals)]
        assert api.clock.sleeps[0] == 0

    async def test_new_tokens_that_are_refused_again_and_again_are_wrong(
        self, api: Setting
    ) -> None:
        async with RawServer([REFUSAL] * 20) as server:
            with pytest.raises(AuthenticationError, match="Oauth token is not valid") as caught:
                await api(server).get_asset(ASSET_ID)
        assert len(server.requests) == 1 + 3  # its policy's three tries, and the first new token
        assert caught.value.code == "401013"
        assert not caught.value.retryable

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

    async def test_its_failures_are_within_one_budget(self, api: Setting) -> None:
        """However many requests wait for a token: what it cost is told to all of them."""
        credentials = ClientCredentials("the-id", "s3cr&t", token_url="http://unused")

        async def fetch(_: ClientCredentials, on_retry: OnRetry | None) -> Grant:
            return await self.fetch(api, server)

        api.tokens = RenewingTokens(credentials, fetch, api.clock)
        async with RawServer([answer(500, {})] * 30) as server:
            one = api(server)
            told = await asyncio.gather(
                *(one.get_asset(ASSET_ID) for _ in range(5)), return_exceptions=True
            )
        assert [request.target for request in server.requests] == ["/ims/token/v3"] * 3
        for error in told:
            assert isinstance(error, ServerError)
            assert (error.phase, error.asset_id) == (Phase.AUTHENTICATE, ASSET_ID)
            assert not error.outcome_unknown

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
