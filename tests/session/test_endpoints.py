"""The calls of the API as the guide has them, and how each of them fails."""

from typing import Any

import pytest

from audio_enhance import (
    ApiError,
    AudioEnhanceError,
    AuthenticationError,
    ConnectionFailedError,
    NotFoundError,
    Phase,
    ProtocolError,
    SpeechEnhancement,
    ValidationError,
)
from tests.support import api_calls
from tests.support.answers import (
    ASSET_ID,
    ENHANCEMENT_ID,
    answer,
    asset_json,
    enhancement_json,
)
from tests.support.api_calls import BODIES, CALLS, ROOT, Call, Setting, create_asset, every_call
from tests.support.raw_server import RawServer, Reply, reply

from .test_wire import asset_v2

api = api_calls.api

ENHANCEMENT = SpeechEnhancement.from_json(enhancement_json())


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
    assert server.requests[0].target == f"/adobe/v1/assets/{ASSET_ID}"


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
        async with RawServer([body] * 3) as server:
            with pytest.raises(ProtocolError) as caught:
                await call(api(server))
        assert (caught.value.phase, caught.value.request_id) == (phase, "r-7")
        assert caught.value.asset_id == (None if phase is Phase.CREATE_ASSET else ASSET_ID)
        assert len(server.requests) == 3

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
            with pytest.raises(ProtocolError, match="more than 5 times") as caught:
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


class TestWhatIsNotThere:
    """Right after a creation it may not be visible yet (v2, "Errors"); later it is gone."""

    async def test_right_after_its_creation_it_is_asked_for_again(self, api: Setting) -> None:
        missing = answer(404, {"message": "Not found"})
        steps = [answer(202, enhancement_json()), missing, missing, answer(200, enhancement_json())]
        async with RawServer(steps) as server:
            calls = api(server)
            await calls.create_speech_enhancement(ASSET_ID, 93)
            assert (await calls.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID)).id
        assert len(server.requests) == 4

    async def test_another_of_the_servers_machines_may_not_see_it_yet(self, api: Setting) -> None:
        found, missing = answer(200, enhancement_json()), answer(404, {"message": "Not found"})
        async with RawServer([answer(202, enhancement_json()), found, missing, found]) as server:
            calls = api(server)
            await calls.create_speech_enhancement(ASSET_ID, 93)
            for _ in range(2):
                await calls.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID)
        assert len(server.requests) == 4

    async def test_later_that_is_final(self, api: Setting) -> None:
        steps = [answer(202, enhancement_json()), answer(404, {"message": "Not found"})]
        async with RawServer(steps) as server:
            calls = api(server)
            await calls.create_speech_enhancement(ASSET_ID, 93)
            api.clock.pass_by(20)
            with pytest.raises(NotFoundError) as caught:
                await calls.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID)
        assert not caught.value.retryable
        assert len(server.requests) == 2

    async def test_what_this_client_deleted_is_gone_at_once(self, api: Setting) -> None:
        missing = answer(404, {"message": "Not found"})
        async with RawServer([answer(201, asset_v2()), reply(204), missing]) as server:
            calls = api(server, version="v2")
            await create_asset(calls)
            await calls.delete_asset(ASSET_ID)
            with pytest.raises(NotFoundError):
                await calls.get_asset(ASSET_ID)
        assert len(server.requests) == 3
