"""The second generation: shapes, statuses, rules, under both of its published paths."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import pytest

from audio_enhance.local import Behaviour, Fault
from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, StandIn, files_in, md5

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FACTS = {"fileName": "earhart-aviation.mp3", "byteSize": len(BODY), "mediaType": "audio/mpeg"}
MISSING = str(uuid4())


@pytest.fixture(params=["/api/v2", "/audio_services/v2"])
def root(request: pytest.FixtureRequest) -> str:
    """Both published paths."""
    return str(request.param)


class Second:
    """Calls the second generation, and expects success."""

    def __init__(self, caller: Caller, root: str = "/api/v2") -> None:
        self.caller = caller
        self.root = root

    async def call(self, method: str, path: str, **arguments: Any) -> tuple[int, Any]:
        status, body, _ = await self.caller.call(method, self.root + path, **arguments)
        return status, body

    async def create(self, **changes: Any) -> dict[str, Any]:
        status, asset = await self.call("POST", "/assets", json=FACTS | changes)
        assert status == 201, asset
        return asset  # type: ignore[no-any-return]

    async def ready(self) -> dict[str, Any]:
        asset = await self.create()
        answer = await self.caller.fetch(
            asset["uploadUrl"], "PUT", data=BODY, headers={"Content-Type": "audio/mpeg"}
        )
        assert answer.status == 200
        return await self.asset(asset["id"])

    async def asset(self, asset_id: str) -> dict[str, Any]:
        status, asset = await self.call("GET", f"/assets/{asset_id}")
        assert status == 200, asset
        return asset  # type: ignore[no-any-return]

    async def enhance(self, asset: dict[str, Any], strength: float = 93) -> tuple[int, Any]:
        body = {"input": {"uploadId": f"audio-services:asset:{asset['id']}"}, "strength": strength}
        return await self.call("POST", "/speech-enhancements", json=body)

    async def finished(self, enhancement: dict[str, Any]) -> dict[str, Any]:
        # The first generation shows the same things under other names.
        await self.caller.finished({"id": enhancement["id"], "asset_id": enhancement["assetId"]})
        status, answer = await self.call("GET", f"/speech-enhancements/{enhancement['id']}")
        assert status == 200
        return answer  # type: ignore[no-any-return]


@pytest.fixture
def second(caller: Caller, root: str) -> Second:
    """A client of the second generation."""
    return Second(caller, root)


async def test_the_whole_way(second: Second) -> None:
    asset = await second.create()
    assert list(asset) == [
        "id",
        "fileName",
        "uploadUrl",
        "status",
        "createdAt",
        "updatedAt",
        "byteSize",
        "mediaType",
        "checksum",
    ]
    assert asset["status"] == "waiting_for_upload"
    assert asset | FACTS == asset
    assert asset["checksum"] is None
    assert TIMESTAMP.fullmatch(asset["createdAt"])
    assert "X-Amz-Expires=43200&" in asset["uploadUrl"]
    assert "SignedHeaders=content-length%3Bcontent-type%3Bhost&" in asset["uploadUrl"]

    ready = await second.ready()
    assert (ready["status"], ready["uploadUrl"]) == ("ready_for_processing", None)
    assert ready["checksum"] == md5(BODY)

    status, queued = await second.enhance(ready)
    assert status == 202
    assert list(queued) == [
        "id",
        "strength",
        "modelId",
        "assetId",
        "requestedProcessingAt",
        "finishedProcessingAt",
        "status",
        "output",
    ]
    assert (queued["status"], queued["output"], queued["strength"]) == ("queued", None, 93)
    done = await second.finished(queued)
    assert done["status"] == "succeeded"
    assert TIMESTAMP.fullmatch(done["finishedProcessingAt"])
    answer = await second.caller.fetch(done["output"]["url"])
    assert answer.body == BODY
    assert "earhart-aviation-enhanced-93p.mp3" in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == "audio/mpeg"
    versions = {record.api_version for record in second.caller.service.record}
    assert "v2" in versions


async def test_the_url_of_a_result_is_renewed_by_every_look(serve: Serve, clock: FakeClock) -> None:
    second = Second(await serve(clock=clock))
    _, queued = await second.enhance(await second.ready())
    done = await second.finished(queued)
    clock.now += 61
    assert (await second.caller.fetch(done["output"]["url"])).code == "AccessDenied"
    renewed = await second.finished(done)
    assert (await second.caller.fetch(renewed["output"]["url"])).body == BODY


async def test_succeeded_may_have_no_url_yet(serve: Serve, clock: FakeClock) -> None:
    second = Second(await serve(clock=clock, behaviour=Behaviour(result_lag=5)))
    _, queued = await second.enhance(await second.ready())
    assert (await second.finished(queued))["output"] == {"url": None}
    clock.now += 5
    assert (await second.finished(queued))["output"]["url"]


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"fileName": None}, "fileName"),
        ({"fileName": " "}, "fileName"),
        ({"byteSize": 0}, "byteSize"),
        ({"byteSize": "10"}, "byteSize"),
        ({"mediaType": "video/mp4"}, "mediaType"),
        ({"mediaType": None}, "mediaType"),
    ],
)
async def test_a_wrong_asset_is_refused_in_words(
    second: Second, facts: dict[str, Any], named: str
) -> None:
    status, body = await second.call("POST", "/assets", json=FACTS | facts)
    assert (status, body["error_code"]) == (422, None)
    assert named in body["message"]
    assert set(body) == {"error_code", "message"}


@pytest.mark.parametrize("strength", [0, 0.9, 100.5, -1, "93", None, True])
async def test_a_strength_is_a_number_from_1_to_100(second: Second, strength: Any) -> None:
    status, body = await second.enhance(await second.ready(), strength)
    assert (status, body["error_code"]) == (422, None)
    assert "strength" in body["message"]


async def test_a_strength_is_rounded(second: Second) -> None:
    status, queued = await second.enhance(await second.ready(), 92.6)
    assert (status, queued["strength"]) == (202, 93)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"input": None},
        {"input": "x"},
        {"input": {}},
        {"input": {"uploadId": 7}},
        {"input": {"uploadId": MISSING}},
        {"input": {"uploadId": "audio-services:asset:"}},
    ],
)
async def test_the_input_of_an_enhancement_is_an_upload(
    second: Second, given: dict[str, Any]
) -> None:
    status, body = await second.call("POST", "/speech-enhancements", json={"strength": 5} | given)
    assert (status, body["error_code"]) == (422, None)
    assert "input" in body["message"]


async def test_errors_have_one_form(second: Second) -> None:
    not_found = (404, {"error_code": None, "message": "Not found"})
    assert await second.call("GET", f"/assets/{MISSING}") == not_found
    assert await second.call("DELETE", f"/assets/{MISSING}") == not_found
    assert await second.call("GET", f"/speech-enhancements/{MISSING}") == not_found
    assert await second.enhance({"id": MISSING}) == not_found
    assert await second.call("GET", "/nothing") == not_found
    for status, body in (
        await second.call("POST", "/assets", data=b"{", headers=second.caller.headers),
        await second.call("PATCH", "/assets"),
    ):
        assert status in (405, 415)
        assert (set(body), body["error_code"]) == ({"error_code", "message"}, None)
    second.caller.service.revoke_tokens()
    assert await second.call("GET", f"/assets/{MISSING}") == (
        401,
        {"error_code": "401013", "message": "Oauth token is not valid"},
    )


async def test_too_many_requests_are_too_many_for_both(serve: Serve) -> None:
    caller = await serve(behaviour=Behaviour(creations_per_minute=2))
    second = Second(caller)
    await caller.create()
    await second.create()
    status, body = await second.call("POST", "/assets", json=FACTS)
    assert (status, body) == (429, {"error_code": "429050", "message": "Too many requests"})


async def test_what_is_refused_is_refused_in_the_published_words(
    second: Second, enhancer: StandIn
) -> None:
    asset = await second.create()
    assert await second.enhance(asset) == (
        422,
        {"error_code": None, "message": "Asset has not been uploaded yet"},
    )
    asset = await second.ready()
    status, queued = await second.enhance(asset)
    assert status == 202
    await second.finished(queued)
    assert await second.enhance(asset) == (
        422,
        {
            "error_code": None,
            "message": "Speech enhancement already exists for specified asset, model and strength",
        },
    )
    enhancer.error = ValueError("not audio")
    _, queued = await second.enhance(asset, 50)
    assert (await second.finished(queued))["status"] == "failed"
    assert await second.enhance(asset, 60) == (
        422,
        {"error_code": None, "message": "Asset is not enhanceable"},
    )


async def test_repeats_can_be_allowed(serve: Serve) -> None:
    second = Second(await serve(behaviour=Behaviour(refuse_repeats=False)))
    asset = await second.ready()
    assert [(await second.enhance(asset))[0] for _ in range(2)] == [202, 202]


async def test_an_unacceptable_upload_says_so(second: Second) -> None:
    second.caller.service.faults.script(Fault.INVALID_UPLOAD)
    asset = await second.ready()
    assert (asset["status"], asset["uploadUrl"]) == ("invalid_upload", None)
    assert (await second.enhance(asset))[1]["message"] == "Asset is not enhanceable"


async def test_a_deleted_asset_is_gone_with_all_it_had(
    serve: Serve, enhancer: StandIn, tmp_path: Any, root: str
) -> None:
    caller = await serve(directory=tmp_path)
    second = Second(caller, root)
    asset, other = await second.ready(), await second.ready()
    _, done = await second.enhance(asset)
    done = await second.finished(done)
    assert await second.call("DELETE", f"/assets/{asset['id']}") == (204, b"")
    assert caller.service.record[-1].route == "DELETE /assets/:id"
    assert (await second.call("GET", f"/assets/{asset['id']}"))[0] == 404
    assert (await second.call("GET", f"/speech-enhancements/{done['id']}"))[0] == 404
    assert (await second.call("DELETE", f"/assets/{asset['id']}"))[0] == 404
    assert (await caller.fetch(done["output"]["url"])).code == "NoSuchKey"
    assert {path.name for path in files_in(tmp_path)} == {other["id"]}


async def test_a_deleted_asset_leaves_the_queue(
    serve: Serve, enhancer: StandIn, tmp_path: Any
) -> None:
    caller = await serve(directory=tmp_path)
    enhancer.gate = asyncio.Event()
    second = Second(caller)
    asset, other = await second.ready(), await second.ready()
    await second.enhance(asset, 10)
    assert await enhancer.started.get() == 10
    await second.enhance(asset, 20)
    _, last = await second.enhance(other, 30)
    assert (await second.call("DELETE", f"/assets/{asset['id']}"))[0] == 204
    enhancer.gate.set()
    assert (await second.finished(last))["status"] == "succeeded"
    assert [strength for _, _, strength in enhancer.seen] == [10, 30]
    assert {path.name for path in files_in(tmp_path)} == {other["id"], last["id"]}


async def test_both_generations_show_the_same_things(caller: Caller) -> None:
    second = Second(caller)
    asset = await caller.ready()
    assert (await second.asset(asset["id"]))["checksum"] == md5(BODY)
    waiting = await caller.create()
    assert (await second.asset(waiting["id"]))["checksum"] is None
    enhancement = await caller.enhance(asset)
    done = await second.finished({"id": enhancement["id"], "assetId": asset["id"]})
    assert done["output"]["url"]


async def test_the_first_generation_deletes_nothing(caller: Caller) -> None:
    asset = await caller.create()
    status, _, headers = await caller.call("DELETE", f"/audio_services/v1/assets/{asset['id']}")
    assert (status, headers["allow"]) == (405, "GET")
