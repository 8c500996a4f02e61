"""Credentials, rate limits and the record."""

import json
from urllib.parse import urlsplit

import pytest

from audio_enhance.local import Behaviour
from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, path_of, put, raw

ASSETS = "/audio_services/v1/assets"
PATHS = [ASSETS, f"{ASSETS}/x", "/audio_services/nowhere", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer x", "Basic eDp5", "x"])
async def test_a_bad_token_is_told_before_anything_else(
    caller: Caller, path: str, authorization: str | None
) -> None:
    headers = {"x-api-key": caller.client_id}
    if authorization is not None:
        headers["Authorization"] = authorization
    status, body, answer = await caller.call("POST", path, headers=headers)
    assert status == 401
    assert body == {"error_code": "401013", "message": "Oauth token is not valid"}
    assert answer["x-request-id"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("key", [None, "", "nobody"])
async def test_a_bad_key_is_told_before_anything_else(
    caller: Caller, path: str, key: str | None
) -> None:
    headers = caller.headers | {"x-api-key": key or ""}
    if key is None:
        del headers["x-api-key"]
    status, body, _ = await caller.call("POST", path, headers=headers)
    assert (status, body["error_code"]) == (403, "403000")


async def test_a_key_must_be_that_of_the_token(caller: Caller) -> None:
    caller.service.add_client("other", "secret")
    caller.client_id = "other"
    status, body, _ = await caller.call("POST", ASSETS)
    assert (status, body["error_code"]) == (403, "403000")


async def test_the_scheme_may_be_written_in_any_case(caller: Caller) -> None:
    headers = caller.headers | {"Authorization": f"bearer {caller.token}"}
    assert (await caller.call("GET", f"{ASSETS}/x", headers=headers))[0] == 404


async def test_a_host_that_is_none_is_refused_before_anything_happens(caller: Caller) -> None:
    origin = caller.service.base_url
    body = b"{}"
    headers = caller.headers | {"Content-Type": "application/json", "Content-Length": "2"}
    request = put(origin + ASSETS, headers, body, method="POST")
    request = request.replace(urlsplit(origin).netloc.encode(), b"local:99999", 1)
    answer = await raw(origin, request)
    message = {"message": "the Host header is not valid"}
    assert (answer.status, json.loads(answer.body)) == (400, message)


async def test_creations_are_limited_together(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(creations_per_minute=3))
    asset = await caller.ready()
    clock.now += 20
    await caller.enhance(asset)
    clock.now += 10.5
    await caller.create()
    status, body, headers = await caller.call("POST", ASSETS, json={})
    assert status == 429
    assert body == {"error_code": "429050", "message": "Too many requests"}
    assert headers["retry-after"] == "30", "the first of the three is 30.5 seconds old"
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    assert (await caller.call("POST", path, json={}))[0] == 429
    assert (await caller.call("GET", f"{ASSETS}/{asset['id']}"))[0] == 200, "others go on"
    clock.now += 29.4
    assert (await caller.call("POST", ASSETS, json={}))[0] == 429
    clock.now += 0.1
    await caller.create()
    assert (await caller.call("POST", ASSETS, json={}))[0] == 429


async def test_everything_else_is_limited_together(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(others_per_minute=5))
    done = await caller.enhance(await caller.ready())  # one look at the asset
    assert (await caller.call("GET", f"{ASSETS}/none"))[0] == 404
    assert (await caller.call("GET", path_of(done)))[0] == 200
    assert (await caller.call("DELETE", ASSETS))[0] == 405
    assert (await caller.call("GET", "/nowhere"))[0] == 404
    for path in (f"{ASSETS}/none", path_of(done), path_of(done) + "/download", "/nowhere"):
        status, _, headers = await caller.call("GET", path)
        assert (status, headers["retry-after"]) == (429, "60")
    await caller.create()
    # Neither a refused call nor one without credentials has taken a place.
    clock.now += 60
    assert (await caller.call("GET", f"{ASSETS}/x", headers={}))[0] == 403
    for _ in range(5):
        assert (await caller.call("GET", f"{ASSETS}/x"))[0] == 404
    assert (await caller.call("GET", f"{ASSETS}/x"))[0] == 429


async def test_transfers_are_not_limited(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(
        clock=clock, behaviour=Behaviour(others_per_minute=1, creations_per_minute=1)
    )
    asset = await caller.create()
    for _ in range(5):
        assert (await caller.put(asset)).status == 200


async def test_limits_hold_for_an_organization(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(creations_per_minute=2))
    service = caller.service
    service.add_client("colleague", "secret")
    service.add_client("stranger", "secret", organization="elsewhere")
    colleague = Caller(service, caller.session, "colleague", service.issue_token("colleague"))
    stranger = Caller(service, caller.session, "stranger", service.issue_token("stranger"))
    await caller.create()
    await colleague.create()
    assert (await caller.call("POST", ASSETS, json={}))[0] == 429
    assert (await colleague.call("POST", ASSETS, json={}))[0] == 429
    await stranger.create()


async def test_the_record_tells_who_asked_for_what(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock)
    url = await caller.result_url()
    assert (await caller.fetch(url)).status == 200
    polls = caller.service.count("GET /speech_enhancements/:id", 200)
    routes = [record.route for record in caller.service.record]
    assert routes == [
        "POST /assets",
        "PUT /object",
        "GET /assets/:id",
        "POST /speech_enhancements",
        *["GET /speech_enhancements/:id"] * polls,
        "GET /speech_enhancements/:id/download",
        "GET /object",
    ]
    created, uploaded, *_, redirected, downloaded = caller.service.record
    assert (created.origin, created.method, created.status) == ("api", "POST", 201)
    assert created.time == clock.now
    assert created.client_id == redirected.client_id == caller.client_id
    assert created.bytes_in > 100
    assert created.bytes_out > created.bytes_in
    assert (uploaded.origin, uploaded.bytes_in, uploaded.bytes_out) == ("s3", len(BODY), 0)
    assert (downloaded.bytes_in, downloaded.bytes_out) == (0, len(BODY))
    assert created.asset_id == uploaded.asset_id == redirected.asset_id == downloaded.asset_id
    assert redirected.enhancement_id == downloaded.enhancement_id is not None
    assert uploaded.client_id is None
    assert caller.service.count() == len(routes)
    assert caller.service.count(status=302) == 1
    assert caller.service.count("PUT /object", 403) == 0


async def test_what_no_endpoint_takes_is_recorded_by_its_path(caller: Caller) -> None:
    await caller.call("GET", "/nowhere%20at/all")
    assert caller.service.count("GET /nowhere%20at/all", 404) == 1
