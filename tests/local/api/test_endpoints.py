"""The endpoints: shapes, statuses, and who sees what."""

import gzip
import re
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest

from audio_enhance.local import Behaviour
from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, StandIn, md5, path_of

TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ASSETS = "/audio_services/v1/assets"


async def test_a_new_asset_has_the_shape_of_the_guide(caller: Caller) -> None:
    asset = await caller.create()
    assert list(asset) == [
        "id",
        "filename",
        "upload_url",
        "status",
        "created_at",
        "updated_at",
        "byte_size",
        "content_type",
        "checksum",
    ]
    assert asset["status"] == "waiting_for_upload"
    assert asset["filename"] == "earhart-aviation.mp3"
    assert (asset["byte_size"], asset["checksum"]) == (len(BODY), md5(BODY))
    assert TIMESTAMP.fullmatch(asset["created_at"])
    assert asset["created_at"] == asset["updated_at"]


async def test_the_upload_url_is_made_as_in_the_guide(caller: Caller) -> None:
    url = (await caller.create())["upload_url"]
    assert url.startswith(caller.service.s3_url + "/Assets/")
    assert not url.startswith(caller.service.base_url)
    assert "X-Amz-Expires=43200&" in url
    assert "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost&" in url
    # What a client must not decode on the way.
    token = url.partition("X-Amz-Security-Token=")[2].partition("&")[0]
    assert "%2F" in token
    assert "%2B" in token


async def test_each_look_at_a_waiting_asset_gives_a_new_upload_url(caller: Caller) -> None:
    asset = await caller.create()
    again = await caller.asset(asset["id"])
    assert again["upload_url"] != asset["upload_url"]
    assert (await caller.put(asset)).status == 200, "the older URL lives on"
    assert (await caller.put(again)).status == 200


async def test_an_uploaded_asset_is_ready_and_has_no_upload_url(
    serve: Serve, clock: FakeClock
) -> None:
    caller = await serve(clock=clock)
    asset = await caller.create()
    clock.now += 1.5
    assert (await caller.put(asset)).status == 200
    clock.now += 10
    ready = await caller.asset(asset["id"])
    assert ready["status"] == "ready_for_processing"
    assert ready["upload_url"] is None
    assert ready["created_at"] == asset["created_at"]
    assert ready["updated_at"] > asset["updated_at"]
    assert list(ready) == list(asset)


async def test_an_asset_is_not_ready_before_its_lag_is_over(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(ready_lag=3))
    asset = await caller.create()
    await caller.put(asset)
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"
    clock.now += 2.9
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"
    clock.now += 0.2
    assert (await caller.asset(asset["id"]))["status"] == "ready_for_processing"


async def test_a_speech_enhancement_goes_the_way_of_the_guide(caller: Caller) -> None:
    asset = await caller.ready()
    queued = await caller.enhance(asset)
    assert list(queued) == [
        "strength",
        "id",
        "download_url",
        "asset_id",
        "requested_processing_at",
        "finished_processing_at",
        "status",
        "model_id",
    ]
    assert queued["status"] == "queued"
    assert (queued["download_url"], queued["finished_processing_at"]) == (None, None)
    assert (queued["strength"], queued["asset_id"]) == (93, asset["id"])
    assert TIMESTAMP.fullmatch(queued["requested_processing_at"])

    done = await caller.finished(queued)
    assert list(done) == list(queued)
    assert done["status"] == "succeeded"
    assert TIMESTAMP.fullmatch(done["finished_processing_at"])
    assert done["requested_processing_at"] == queued["requested_processing_at"]
    # The guide's answers say /api/ here, although its commands say /v1/.
    assert done["download_url"] == (
        caller.service.base_url + path_of(queued, "/audio_services/api") + "/download"
    )


@pytest.mark.parametrize("prefix", ["/audio_services/v1", "/audio_services/api"])
async def test_a_download_redirects_to_the_object_store(caller: Caller, prefix: str) -> None:
    done = await caller.finished(await caller.enhance(await caller.ready()))
    path = path_of(done, prefix)
    assert (await caller.call("GET", path))[1] == done
    status, body, headers = await caller.call("GET", path + "/download")
    assert (status, body) == (302, b"")
    assert headers["location"].startswith(caller.service.s3_url)
    # Raw: aiohttp's own redirects would have turned %2F into a slash.
    assert "X-Amz-Credential=ASIA" in headers["location"]
    assert "%2Fus-east-1%2Fs3%2Faws4_request" in headers["location"]
    answer = await caller.fetch(headers["location"])
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["content-type"] == "audio/mpeg"
    assert "earhart-aviation-enhanced-93p.mp3" in answer.headers["content-disposition"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_the_api_prefix_only_reads(caller: Caller, method: str) -> None:
    asset = await caller.create()
    status, _, _ = await caller.call(method, f"/audio_services/api/assets/{asset['id']}")
    assert status == 405
    status, _, _ = await caller.call("POST", "/audio_services/api/assets", json={})
    assert status == 404


async def test_there_is_nothing_to_download_before_the_end(
    caller: Caller, enhancer: StandIn
) -> None:
    enhancer.error = ValueError("not audio")
    failed = await caller.finished(await caller.enhance(await caller.ready()))
    assert (failed["status"], failed["download_url"]) == ("failed", None)
    assert TIMESTAMP.fullmatch(failed["finished_processing_at"])
    assert (await caller.call("GET", path_of(failed) + "/download"))[0] == 404


async def test_an_asset_that_is_not_ready_cannot_be_enhanced(caller: Caller) -> None:
    asset = await caller.create()
    status, body, _ = await caller.call(
        "POST", f"{ASSETS}/{asset['id']}/speech_enhancements", json={"strength": 50}
    )
    assert (status, body) == (422, {"message": "Asset has not been uploaded yet"})


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"filename": None}, "filename"),
        ({"filename": " "}, "filename"),
        ({"filename": 7}, "filename"),
        ({"filename": "a\r\nb.mp3"}, "filename"),
        ({"filename": "a" * 256}, "filename"),
        ({"byte_size": None}, "byte_size"),
        ({"byte_size": 0}, "byte_size"),
        ({"byte_size": -1}, "byte_size"),
        ({"byte_size": "10"}, "byte_size"),
        ({"byte_size": 10.5}, "byte_size"),
        ({"byte_size": True}, "byte_size"),
        ({"checksum": None}, "checksum"),
        ({"checksum": "AWzJTRSXGy5JsL+Phh/c"}, "checksum"),
        ({"checksum": "016cc94d14971b2e49b0bf8f861fdc14"}, "checksum"),
        ({"checksum": "AWzJTRSXGy5JsL-Phh_cFA=="}, "checksum"),
        ({"checksum": "AWzJTRSXGy5JsL+Phh/cFB=="}, "checksum"),
        ({"checksum": 1}, "checksum"),
        ({"content_type": None}, "content_type"),
        ({"content_type": "video/mp4"}, "content_type"),
        ({"content_type": "audio/mpeg; charset=binary"}, "content_type"),
        ({"content_type": ["audio/mpeg"]}, "content_type"),
    ],
)
async def test_a_wrong_asset_is_refused_with_its_field(
    caller: Caller, facts: dict[str, Any], field: str
) -> None:
    right = {
        "filename": "a.mp3",
        "byte_size": 10,
        "checksum": "AWzJTRSXGy5JsL+Phh/cFA==",
        "content_type": "audio/mpeg",
    }
    assert (await caller.call("POST", ASSETS, json=right))[0] == 201
    status, body, _ = await caller.call("POST", ASSETS, json=right | facts)
    assert status == 422
    assert [error["field"] for error in body["errors"]] == [field]
    assert body["errors"][0]["message"] in body["message"]
    if facts[field] is None:
        del right[field]
        assert (await caller.call("POST", ASSETS, json=right))[1] == body


async def test_every_wrong_field_is_named(caller: Caller) -> None:
    status, body, _ = await caller.call("POST", ASSETS, json={"byte_size": 1})
    assert status == 422
    assert [error["field"] for error in body["errors"]] == ["filename", "checksum", "content_type"]


@pytest.mark.parametrize("value", [None, -1, 101, "93", 93.5, True, [93], {"a": 1}])
async def test_a_wrong_strength_is_refused(caller: Caller, value: Any) -> None:
    asset = await caller.ready()
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    status, body, _ = await caller.call("POST", path, json={"strength": value})
    assert status == 422
    assert [error["field"] for error in body["errors"]] == ["strength"]
    assert caller.service.queue_usage().processed == 0


async def test_a_number_is_an_integer_whichever_way_it_is_written(caller: Caller) -> None:
    asset = await caller.create(byte_size=float(len(BODY)))
    assert (await caller.put(asset)).status == 200
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    status, body, _ = await caller.call("POST", path, json={"strength": 93.0})
    assert (status, repr(body["strength"])) == (202, "93")


@pytest.mark.parametrize("strength", [0, 100])
async def test_the_ends_of_the_strength_are_allowed(
    caller: Caller, enhancer: StandIn, strength: int
) -> None:
    done = await caller.finished(await caller.enhance(await caller.ready(), strength))
    assert done["strength"] == strength
    assert [seen[1:] for seen in enhancer.seen] == [("audio/mpeg", strength)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"filename": "a',
        b"\xff\xfe\xfd",
        b"[" * 100_000,
        # What Python's `json` would take.
        b"NaN",
        b'{"strength": 1, "more": -Infinity}',
        '{"strength": 1}'.encode("utf-16"),
        '{"strength": 1}'.encode("utf-32-le"),
        '{"strength": 1}'.encode("utf-8-sig"),
    ],
)
async def test_a_body_that_is_no_json_is_a_bad_request(caller: Caller, body: bytes) -> None:
    headers = caller.headers | {"Content-Type": "application/json"}
    status, answer, _ = await caller.call("POST", ASSETS, headers=headers, data=body)
    assert (status, answer) == (400, {"message": "the request body is not valid JSON"})


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null"])
async def test_json_that_is_no_object_is_invalid(caller: Caller, body: bytes) -> None:
    headers = caller.headers | {"Content-Type": "application/json"}
    status, answer, _ = await caller.call("POST", ASSETS, headers=headers, data=body)
    assert status == 422
    assert answer["errors"][0]["field"] == "body"


async def test_a_compressed_body_is_not_unpacked(caller: Caller) -> None:
    body = gzip.compress(b"{}")
    headers = caller.headers | {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert (await caller.call("POST", ASSETS, headers=headers, data=body))[0] == 400


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
async def test_another_content_type_is_not_supported(
    caller: Caller, content_type: str | None
) -> None:
    skip = ["Content-Type"] if content_type is None else []
    headers = caller.headers | ({"Content-Type": content_type} if content_type else {})
    status, _, _ = await caller.call(
        "POST", ASSETS, headers=headers, data=b"{}", skip_auto_headers=skip
    )
    assert status == 415


async def test_a_content_type_may_name_its_charset(caller: Caller) -> None:
    headers = caller.headers | {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await caller.call("POST", ASSETS, headers=headers, data=b"{}"))[0] == 422


async def test_a_huge_body_is_too_large(caller: Caller) -> None:
    headers = caller.headers | {"Content-Type": "application/json"}
    body = BytesIO(b'"' + b"x" * (1 << 20) + b'"')
    assert (await caller.call("POST", ASSETS, headers=headers, data=body))[0] == 413


async def test_what_is_not_there_is_not_found(caller: Caller) -> None:
    ready = await caller.ready()
    enhancement = await caller.enhance(ready)
    other = await caller.ready()
    for path in (
        f"{ASSETS}/{uuid4()}",
        f"{ASSETS}/none",
        f"{ASSETS}/{ready['id']}/speech_enhancements/{uuid4()}",
        f"{ASSETS}/{uuid4()}/speech_enhancements/{enhancement['id']}",
        f"{ASSETS}/{other['id']}/speech_enhancements/{enhancement['id']}",
        f"{ASSETS}/{ready['id']}/",
        "/audio_services/v3/assets",
        "/elsewhere",
    ):
        status, body, headers = await caller.call("GET", path)
        assert status == 404, path
        assert body["message"]
        assert headers["x-request-id"]
    status, _, _ = await caller.call(
        "POST", f"{ASSETS}/{uuid4()}/speech_enhancements", json={"strength": 5}
    )
    assert status == 404


async def test_another_clients_things_are_not_there(caller: Caller) -> None:
    done = await caller.finished(await caller.enhance(await caller.ready()))
    caller.service.add_client("other", "secret")
    other = Caller(caller.service, caller.session, "other", caller.service.issue_token("other"))
    for path in (f"{ASSETS}/{done['asset_id']}", path_of(done), path_of(done) + "/download"):
        assert (await caller.call("GET", path))[0] < 400
        assert (await other.call("GET", path))[0] == 404
    status, _, _ = await other.call(
        "POST", f"{ASSETS}/{done['asset_id']}/speech_enhancements", json={"strength": 5}
    )
    assert status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ASSETS), ("DELETE", ASSETS), ("PUT", f"{ASSETS}/x"), ("HEAD", f"{ASSETS}/x")],
)
async def test_another_method_is_not_allowed(caller: Caller, method: str, path: str) -> None:
    status, _, headers = await caller.call(method, path)
    assert status == 405
    assert headers["allow"] == ("POST" if path == ASSETS else "GET")


async def test_an_answer_names_a_request_id_of_its_own(caller: Caller) -> None:
    ids = {
        (await caller.call("GET", "/audio_services/v1/assets/x"))[2]["x-request-id"] for _ in "ab"
    }
    assert len(ids) == 2
    assert ids == {record.request_id for record in caller.service.record}


async def test_the_later_revision_sees_the_checksum_for_itself(serve: Serve) -> None:
    caller = await serve(behaviour=Behaviour(revision="later"))
    facts = {"filename": "a.wav", "byte_size": len(BODY), "content_type": "audio/wav"}
    status, asset, _ = await caller.call("POST", ASSETS, json=facts)
    assert status == 201
    assert asset["checksum"] is None
    assert "SignedHeaders=content-length%3Bcontent-type%3Bhost&" in asset["upload_url"]
    # An unsigned digest is minded all the same.
    wrong = {"Content-Type": "audio/wav", "Content-MD5": md5(b"something else")}
    answer = await caller.fetch(asset["upload_url"], "PUT", data=BODY, headers=wrong)
    assert (answer.status, answer.code) == (400, "BadDigest")
    answer = await caller.fetch(
        asset["upload_url"], "PUT", data=BODY, headers={"Content-Type": "audio/wav"}
    )
    assert answer.status == 200
    assert (await caller.asset(asset["id"]))["checksum"] == md5(BODY)


async def test_the_later_revision_presigns_the_download_url_itself(
    serve: Serve, clock: FakeClock
) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(revision="later"))
    queued = await caller.enhance(await caller.ready())
    assert queued["download_url"] is None
    done = await caller.finished(queued)
    assert done["download_url"].startswith(caller.service.s3_url)
    assert (await caller.fetch(done["download_url"])).body == BODY
    clock.now += 61
    assert (await caller.fetch(done["download_url"])).code == "AccessDenied"
    renewed = await caller.enhancement(done)
    assert (await caller.fetch(renewed["download_url"])).body == BODY


async def test_an_asset_can_be_enhanced_at_several_strengths(
    caller: Caller, enhancer: StandIn
) -> None:
    asset = await caller.ready()
    queued = [await caller.enhance(asset, strength) for strength in (10, 20, 20)]
    assert len({enhancement["id"] for enhancement in queued}) == 3
    for enhancement in queued:
        assert (await caller.finished(enhancement))["status"] == "succeeded"
    assert [strength for _, _, strength in enhancer.seen] == [10, 20, 20]
