"""Answers of success that are not what was asked for: tried again, and counted as an act."""

import gzip
import json
from typing import Any

import pytest

from audio_enhance import ClientCredentials, ProtocolError, SpeechEnhancement
from audio_enhance._session.endpoints import fetch_grant
from tests.support import api_calls
from tests.support.answers import answer, enhancement_json
from tests.support.api_calls import BODIES, CALLS, Call, Setting
from tests.support.raw_server import RawServer, Reply, reply

api = api_calls.api

ENHANCEMENT = SpeechEnhancement.from_json(enhancement_json())
WHOLE = json.dumps(enhancement_json()).encode()
GARBLED = {
    "nothing": reply(200),
    "no content": reply(204),
    "cut": reply(200, WHOLE[:40], content_type="application/json"),
    "a proxy's page": reply(200, b"<html>Welcome</html>", content_type="text/html"),
    "a proxy's json": answer(200, {"status": "ok"}),
    "a list": answer(200, []),
    "null": answer(200, None),
    "cut gzip": reply(200, gzip.compress(WHOLE)[:-40], content_encoding="gzip"),
    "bytes": reply(200, b"\xff\xfe\x00", content_type="application/json"),
}
garbled = pytest.mark.parametrize("wrong", GARBLED.values(), ids=GARBLED)


@garbled
@pytest.mark.parametrize(
    ("call", "body"), [(entry[0], body) for entry, body in zip(CALLS, BODIES, strict=True)]
)
async def test_of_every_call(api: Setting, call: Call, body: dict[str, Any], wrong: Reply) -> None:
    async with RawServer([wrong, wrong, answer(200, body)]) as server:
        model = await call(api(server))
    assert model == type(model).from_json(body)
    assert len(server.requests) == 3


@garbled
async def test_a_creation_may_have_been_one_too_many(api: Setting, wrong: Reply) -> None:
    told: list[bool] = []
    async with RawServer([wrong, answer(202, enhancement_json())]) as server:
        await api(server).create_speech_enhancement(
            ENHANCEMENT.asset_id, 93, on_retry=lambda error, _: told.append(error.outcome_unknown)
        )
    assert told == [True]


@garbled
async def test_of_the_token_endpoint(api: Setting, wrong: Reply) -> None:
    async with RawServer([wrong, answer(200, {"access_token": "eyJ"})]) as server:
        credentials = ClientCredentials("the-id", "s3cr3t", token_url=server.url)
        grant = await fetch_grant(api.transport, api.clock, api.retrier, credentials)
    assert grant.token == "eyJ"


@pytest.mark.parametrize("status", [200, 202, 204])
async def test_where_a_redirect_was_asked_for(api: Setting, status: int) -> None:
    script = [reply(status, b"bytes" if status != 204 else b""), reply(302, location="https://b/k")]
    async with RawServer(script) as server:
        assert await api(server).redirect_of(f"{server.url}/d", ENHANCEMENT) == "https://b/k"


@garbled
async def test_but_not_for_ever(api: Setting, wrong: Reply) -> None:
    async with RawServer([wrong] * 9) as server:
        with pytest.raises(ProtocolError) as caught:
            await api(server).get_asset("a")
    assert len(server.requests) == caught.value.attempts == 3


@pytest.mark.parametrize("status", [408, 409, 500, 501, 502, 503, 504, *range(520, 525)])
async def test_refusals_that_pass(api: Setting, status: int) -> None:
    async with RawServer([answer(status, {}), answer(200, BODIES[1])]) as server:
        await api(server).get_asset("a")
    assert len(server.requests) == 2
