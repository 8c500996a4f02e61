"""The two generations of the API as they are written and read."""

import json
from typing import Any

import pytest

from audio_enhance import (
    Asset,
    ConfigurationError,
    InvalidStrengthError,
    Phase,
    ProtocolError,
    ServerError,
    SpeechEnhancement,
)
from audio_enhance._session.wire import ApiVersion, check_sendable, check_version, wire
from tests.support import api_calls
from tests.support.answers import ASSET_ID, ENHANCEMENT_ID, answer, asset_json, enhancement_json
from tests.support.api_calls import Setting, create_asset
from tests.support.raw_server import RawServer, reply

api = api_calls.api

ORIGIN = "https://audio-services-stage.adobe.io"
OUTPUT = {"url": "https://bucket.s3.amazonaws.com/1?X-Amz-Signature=0"}


def asset_v2(**changes: Any) -> dict[str, Any]:
    first = asset_json()
    return {
        "id": first["id"],
        "fileName": first["filename"],
        "uploadUrl": first["upload_url"],
        "status": first["status"],
        "createdAt": first["created_at"],
        "updatedAt": first["updated_at"],
        "byteSize": first["byte_size"],
        "mediaType": first["content_type"],
        "checksum": first["checksum"],
    } | changes


def enhancement_v2(**changes: Any) -> dict[str, Any]:
    first = enhancement_json()
    return {
        "id": first["id"],
        "strength": first["strength"],
        "modelId": first["model_id"],
        "assetId": first["asset_id"],
        "requestedProcessingAt": first["requested_processing_at"],
        "finishedProcessingAt": first["finished_processing_at"],
        "status": first["status"],
        "output": None,
    } | changes


@pytest.mark.parametrize(
    ("version", "base_url", "root"),
    [
        ("v1", ORIGIN, f"{ORIGIN}/audio_services/v1"),
        ("v2", ORIGIN, f"{ORIGIN}/api/v2"),
        ("v1", f"{ORIGIN}/audio_services", f"{ORIGIN}/audio_services/v1"),
        ("v2", f"{ORIGIN}/audio_services", f"{ORIGIN}/audio_services/v2"),
        ("v2", f"{ORIGIN}/api", f"{ORIGIN}/api/v2"),
        ("v2", "http://[::1]:8080", "http://[::1]:8080/api/v2"),
    ],
)
def test_the_address(version: ApiVersion, base_url: str, root: str) -> None:
    assert wire(version, base_url).asset("a/b").url == f"{root}/assets/a%2Fb"


def test_the_models_are_the_same() -> None:
    second = wire("v2", ORIGIN)
    assert second.read_asset(asset_v2()) == Asset.from_json(asset_json())
    assert second.read_enhancement(enhancement_v2()) == SpeechEnhancement.from_json(
        enhancement_json() | {"download_url": None}
    )


@pytest.mark.parametrize(
    ("output", "url"), [(None, None), ({"url": None}, None), (OUTPUT, OUTPUT["url"])]
)
def test_the_output_is_the_download_url(output: Any, url: str | None) -> None:
    read = wire("v2", ORIGIN).read_enhancement(enhancement_v2(output=output))
    assert read.download_url == url


@pytest.mark.parametrize("data", [None, [], "x", {}, {"id": 1}])
def test_what_is_no_model_is_refused(data: Any) -> None:
    for read in (wire("v2", ORIGIN).read_asset, wire("v2", ORIGIN).read_enhancement):
        with pytest.raises(ProtocolError):
            read(data)


@pytest.mark.parametrize("output", ["https://x", 7, []])
def test_an_output_that_is_none_is_no_address(output: Any) -> None:
    try:
        read = wire("v2", ORIGIN).read_enhancement(enhancement_v2(output=output))
    except ProtocolError:
        return
    assert read.download_url == output == "https://x"


async def test_the_requests(api: Setting) -> None:
    answers = [
        answer(201, asset_v2()),
        answer(200, asset_v2()),
        answer(202, enhancement_v2()),
        answer(200, enhancement_v2()),
        reply(204),
    ]
    async with RawServer(answers) as server:
        second = api(server, version="v2")
        await create_asset(second)
        await second.get_asset(ASSET_ID)
        await second.create_speech_enhancement(ASSET_ID, 93)
        await second.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID)
        await second.delete_asset(ASSET_ID)
    assert [(request.method, request.target) for request in server.requests] == [
        ("POST", "/api/v2/assets"),
        ("GET", f"/api/v2/assets/{ASSET_ID}"),
        ("POST", "/api/v2/speech-enhancements"),
        ("GET", f"/api/v2/speech-enhancements/{ENHANCEMENT_ID}"),
        ("DELETE", f"/api/v2/assets/{ASSET_ID}"),
    ]
    assert {request.headers["authorization"] for request in server.requests} == {"Bearer token-1"}
    assert json.loads(server.requests[0].body) == {
        "fileName": "earhart-aviation.mp3",
        "byteSize": 59400,
        "mediaType": "audio/mpeg",
    }
    assert json.loads(server.requests[2].body) == {
        "input": {"uploadId": f"audio-services:asset:{ASSET_ID}"},
        "strength": 93,
    }


async def test_a_deletion_whose_answer_was_lost_is_one(api: Setting) -> None:
    async with RawServer([answer(502, {}), answer(404, {"message": "Not found"})]) as server:
        await api(server, version="v2").delete_asset(ASSET_ID)
    assert len(server.requests) == 2


async def test_a_deletion_that_is_refused_is_told(api: Setting) -> None:
    async with RawServer([answer(503, {})] * 3) as server:
        with pytest.raises(ServerError) as caught:
            await api(server, version="v2").delete_asset(ASSET_ID)
    assert caught.value.asset_id == ASSET_ID
    assert caught.value.phase is Phase.DELETE


async def test_the_first_generation_deletes_nothing(api: Setting) -> None:
    async with RawServer([]) as server:
        with pytest.raises(
            ConfigurationError, match="v1 of the API cannot delete assets"
        ) as caught:
            await api(server).delete_asset(ASSET_ID)
    assert "v2" in str(caught.value.hint)
    assert server.requests == []


def test_there_are_two_versions() -> None:
    assert [check_version(version) for version in ("v1", "v2")] == ["v1", "v2"]
    with pytest.raises(ConfigurationError, match="no version 'v3'"):
        check_version("v3")


def test_the_second_generation_takes_no_strength_of_0() -> None:
    assert check_sendable(0, "v1") == 0
    assert check_sendable(1, "v2") == 1
    with pytest.raises(InvalidStrengthError, match="v2"):
        check_sendable(0, "v2")
