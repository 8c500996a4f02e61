"""Each kind of fault, where it strikes and what it leaves behind."""

import asyncio
import gzip
import json
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import pytest

from audio_enhance.local import Fault, Faults
from audio_enhance.local.conditions.faults import Garble
from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, md5, path_of, put, raw

ASSETS = "/audio_services/v1/assets"


async def dropped(caller: Caller, method: str, path: str, **arguments: Any) -> None:
    """A POST is not sent again by aiohttp itself, nor is a GET on a fresh connection."""
    async with aiohttp.ClientSession() as caller.session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await caller.call(method, path, **arguments)


FACTS = {
    "filename": "a.mp3",
    "byte_size": 5,
    "checksum": "AWzJTRSXGy5JsL+Phh/cFA==",
    "content_type": "audio/mpeg",
}


async def test_a_reset_before_the_server_acted(caller: Caller) -> None:
    asset = await caller.ready()
    faults = caller.service.faults
    faults.script(Fault.RESET_BEFORE, route="POST /speech_enhancements")
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    await dropped(caller, "POST", path, json={"strength": 5})
    record = caller.service.record[-1]
    assert (record.route, record.status) == ("POST /speech_enhancements", None)
    assert (record.fault, record.enhancement_id) == (Fault.RESET_BEFORE, None)
    assert caller.service.count(status=202) == 0
    assert faults.injected == {Fault.RESET_BEFORE: 1}


async def test_a_reset_after_the_server_acted(caller: Caller) -> None:
    asset = await caller.ready()
    caller.service.faults.script(Fault.RESET_AFTER, route="POST /speech_enhancements")
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    await dropped(caller, "POST", path, json={"strength": 5})
    record = caller.service.record[-1]
    assert (record.status, record.fault) == (None, Fault.RESET_AFTER)
    assert record.enhancement_id is not None, "it exists, although nobody was told"
    async with aiohttp.ClientSession() as caller.session:
        lost = {"asset_id": asset["id"], "id": record.enhancement_id}
        assert (await caller.finished(lost))["status"] == "succeeded"


@pytest.mark.parametrize(
    ("status", "acted"), [(500, False), (503, False), (502, True), (504, True)]
)
async def test_server_errors_come_before_or_after_acting(
    caller: Caller, status: int, acted: bool
) -> None:
    caller.service.faults.script(Fault.SERVER_ERROR, route="POST /assets", status=status)
    got, body, headers = await caller.call("POST", ASSETS, json=FACTS)
    assert got == status
    assert body["message"]
    assert headers["x-request-id"]
    assert (caller.service.record[-1].asset_id is not None) == acted
    await caller.create()


async def test_server_errors_at_random_are_of_every_kind(serve: Serve) -> None:
    caller = await serve(faults=Faults(server_error=1.0, seed=1))
    statuses = [(await caller.call("GET", f"{ASSETS}/x"))[0] for _ in range(40)]
    assert set(statuses) == {500, 502, 503, 504}
    assert caller.service.faults.injected == {Fault.SERVER_ERROR: 40}


async def test_too_many_requests_name_seconds_or_a_date(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(faults=Faults(too_many_requests=1.0, retry_after=7), clock=clock)
    status, body, headers = await caller.call("GET", f"{ASSETS}/x")
    assert (status, headers["retry-after"]) == (429, "7")
    assert body["error_code"] == "429050"
    caller.service.faults.retry_after_as_date = True
    date = parsedate_to_datetime((await caller.call("GET", f"{ASSETS}/x"))[2]["retry-after"])
    left = date - datetime.now(UTC)
    assert timedelta(seconds=4) < left < timedelta(seconds=10)


async def test_a_slow_answer_comes_after_the_act(serve: Serve) -> None:
    caller = await serve(faults=Faults(slow_answer=1.0, slow_seconds=60))
    waiting = await caller.call_in_vain("POST", ASSETS, json=FACTS)
    (record,) = caller.service.record
    async with asyncio.timeout(60):
        while record.asset_id is None:
            await asyncio.sleep(0.001)
    assert (record.status, record.fault) == (None, Fault.SLOW_ANSWER)
    assert not waiting.done()
    waiting.cancel()
    caller.service.faults.slow_seconds = 0.0
    assert (await caller.call("POST", ASSETS, json=FACTS))[0] == 201


async def cut(caller: Caller, asset: dict[str, Any]) -> None:
    """Upload once, and once only, to a connection that is dropped."""
    headers = {
        "Content-Length": str(len(BODY)),
        "Content-MD5": md5(BODY),
        "Content-Type": "audio/mpeg",
    }
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await raw(caller.service.s3_url, put(asset["upload_url"], headers, BODY))


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.RESET_BEFORE, "waiting_for_upload"),
        (Fault.RESET_AFTER, "ready_for_processing"),
    ],
)
async def test_a_reset_upload_has_landed_or_not(caller: Caller, fault: Fault, status: str) -> None:
    asset = await caller.create()
    caller.service.faults.script(fault, route="PUT /object")
    await cut(caller, asset)
    assert caller.service.record[-1].status is None
    assert (await caller.asset(asset["id"]))["status"] == status


async def test_a_cut_upload_leaves_nothing(caller: Caller) -> None:
    asset = await caller.create()
    caller.service.faults.script(Fault.CUT_UPLOAD)
    await cut(caller, asset)
    record = caller.service.record[-1]
    assert (record.status, record.fault) == (None, Fault.CUT_UPLOAD)
    assert record.bytes_in >= len(BODY) // 2
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"
    assert (await caller.put(asset)).status == 200


async def test_an_expired_url_stays_expired(caller: Caller) -> None:
    asset = await caller.create()
    caller.service.faults.script(Fault.EXPIRED_URL)
    for _ in range(2):
        answer = await caller.put(asset)
        assert (answer.status, answer.code) == (403, "AccessDenied")
        assert answer.error.findtext("Message") == "Request has expired"
    renewed = await caller.asset(asset["id"])
    assert (await caller.put(renewed)).status == 200
    assert caller.service.faults.injected == {Fault.EXPIRED_URL: 1}


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (500, "InternalError")])
async def test_an_overloaded_object_store_says_so_in_xml(
    caller: Caller, status: int, code: str
) -> None:
    asset = await caller.create()
    url = await caller.result_url()
    caller.service.faults.script(Fault.SERVER_ERROR, route="PUT /object", status=status)
    caller.service.faults.script(Fault.SERVER_ERROR, route="GET /object", status=status)
    for answer in (await caller.put(asset), await caller.fetch(url)):
        assert (answer.status, answer.code) == (status, code)
    assert (await caller.put(asset)).status == (await caller.fetch(url)).status == 200


async def test_a_truncated_download_can_be_resumed(caller: Caller) -> None:
    url = await caller.result_url()
    caller.service.faults.script(Fault.TRUNCATED_DOWNLOAD)
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.fetch(url)
    record = caller.service.record[-1]
    assert (record.status, record.bytes_out) == (200, len(BODY) // 2)
    rest = await caller.fetch(url, headers={"Range": f"bytes={record.bytes_out}-"})
    assert (rest.status, rest.body) == (206, BODY[record.bytes_out :])


async def test_a_slow_download_arrives_in_pieces(serve: Serve) -> None:
    caller = await serve(faults=Faults(slow_seconds=0.05))
    url = await caller.result_url()
    caller.service.faults.script(Fault.SLOW_DOWNLOAD)
    assert (await caller.fetch(url)).body == BODY
    assert caller.service.faults.injected == {Fault.SLOW_DOWNLOAD: 1}


async def test_a_lag_before_an_asset_is_ready(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, faults=Faults(ready_lag=5))
    asset = await caller.create()
    await caller.put(asset)
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"
    clock.now += 5
    assert (await caller.asset(asset["id"]))["status"] == "ready_for_processing"
    assert caller.service.faults.injected == {Fault.READY_LAG: 1}


async def test_the_token_endpoint_can_fail_too(caller: Caller) -> None:
    caller.service.faults.script(Fault.SERVER_ERROR, route="POST /ims/token/v3", status=503)
    assert (await caller.call("POST", caller.service.token_url, headers={}))[0] == 503
    assert (await caller.call("POST", caller.service.token_url, headers={}))[0] == 400


async def test_a_refused_request_gets_no_fault(serve: Serve) -> None:
    caller = await serve(faults=Faults(reset_before=1.0))
    assert (await caller.call("GET", f"{ASSETS}/x", headers={}))[0] == 403
    assert (await caller.fetch(f"{caller.service.s3_url}/x")).status == 403
    assert (await caller.call("GET", "/"))[0] == 200
    assert not caller.service.faults.injected


async def test_scripts_wait_for_their_route_and_their_turn(caller: Caller) -> None:
    faults = caller.service.faults
    faults.script(Fault.SERVER_ERROR, route="GET /assets/:id", status=500, skip=1, times=2)
    faults.script(Fault.TOO_MANY_REQUESTS, route="GET /speech_enhancements/:id")
    asset = await caller.create()
    path = f"{ASSETS}/{asset['id']}"
    statuses = [(await caller.call("GET", path))[0] for _ in range(4)]
    assert statuses == [200, 500, 500, 200]
    enhancement = {"asset_id": asset["id"], "id": "none"}
    statuses = [(await caller.call("GET", path_of(enhancement)))[0] for _ in range(2)]
    assert statuses == [429, 404]


async def test_faults_may_be_changed_at_any_time(caller: Caller) -> None:
    caller.service.faults.too_many_requests = 1.0
    assert (await caller.call("GET", f"{ASSETS}/x"))[0] == 429
    caller.service.faults = Faults(server_error=1.0)
    assert (await caller.call("GET", f"{ASSETS}/x"))[0] >= 500
    caller.service.faults.server_error = 0.0
    assert (await caller.call("GET", f"{ASSETS}/x"))[0] == 404


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_probability_is_one(value: float) -> None:
    with pytest.raises(ValueError, match="reset_before"):
        Faults(reset_before=value)
    faults = Faults()
    with pytest.raises(ValueError, match="slow_answer"):
        faults.slow_answer = value


@pytest.mark.parametrize("value", [-1.0, float("nan")])
@pytest.mark.parametrize("name", ["ready_lag", "slow_seconds", "retry_after"])
def test_a_time_does_not_run_backwards(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        setattr(Faults(), name, value)


@pytest.mark.parametrize(
    ("fault", "route", "status"),
    [
        (Fault.CUT_UPLOAD, "POST /assets", None),
        (Fault.TOO_MANY_REQUESTS, "PUT /object", None),
        (Fault.TRUNCATED_DOWNLOAD, "PUT /object", None),
        (Fault.FAILED_ENHANCEMENT, "POST /speech_enhancements", None),
        (Fault.RESET_AFTER, "POST /asset", None),
        (Fault.RESET_AFTER, "POST /assets", 500),
        (Fault.SERVER_ERROR, "POST /assets", 505),
        (Fault.SERVER_ERROR, "PUT /object", 502),
        (Fault.READY_LAG, None, None),
    ],
)
def test_a_fault_that_can_never_strike_is_refused(
    fault: Fault, route: str | None, status: int | None
) -> None:
    with pytest.raises(ValueError):
        Faults().script(fault, route=route, status=status)


def test_draws_can_be_repeated() -> None:
    def draws(seed: int) -> list[Fault | None]:
        faults = Faults(seed=seed, reset_before=0.2, slow_answer=0.2, server_error=0.2)
        strikes = [faults.strike("POST /assets") for _ in range(200)]
        return [strike.fault if strike else None for strike in strikes]

    assert draws(3) == draws(3) != draws(4)
    assert 60 < sum(fault is not None for fault in draws(3)) < 140


@pytest.mark.parametrize("status", [409, 501, 520, 521, 522, 523, 524])
async def test_rare_server_errors_are_scripted(caller: Caller, status: int) -> None:
    caller.service.faults.script(Fault.SERVER_ERROR, route="GET /assets/:id", status=status)
    assert (await caller.call("GET", f"{ASSETS}/x"))[0] == status


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "IncompleteBody"),
        (409, "OperationAborted"),
        (500, "InternalError"),
        (503, "SlowDown"),
    ],
)
async def test_s3s_passing_errors_are_scripted(caller: Caller, status: int, code: str) -> None:
    asset = await caller.create()
    caller.service.faults.script(Fault.SERVER_ERROR, route="PUT /object", status=status)
    answer = await caller.put(asset)
    assert (answer.status, answer.code) == (status, code)
    assert (await caller.put(asset)).status == 200


async def test_a_session_ends_on_demand(caller: Caller) -> None:
    asset = await caller.create()
    caller.service.faults.script(Fault.EXPIRED_TOKEN, route="PUT /object")
    for _ in range(2):
        answer = await caller.put(asset)
        assert (answer.status, answer.code) == (400, "ExpiredToken")
    assert (await caller.put(await caller.asset(asset["id"]))).status == 200


@pytest.mark.parametrize("garble", ["cut", "page", "empty", "packed"])
async def test_an_answer_is_garbled_after_the_server_acted(caller: Caller, garble: Garble) -> None:
    faults = caller.service.faults
    faults.script(Fault.GARBLED_ANSWER, route="POST /assets", garble=garble)
    # Not unpacked: what is cut off fails only then.
    async with aiohttp.ClientSession(headers=caller.headers, auto_decompress=False) as session:
        url = caller.service.base_url + ASSETS
        async with session.post(url, json=FACTS) as answer:
            assert answer.status == 201
            body = await answer.read()
    with pytest.raises(ValueError):
        json.loads(body)
    assert caller.service.record[-1].asset_id is not None
    assert (answer.headers["Content-Type"] == "text/html") == (garble == "page")
    if garble == "packed":
        with pytest.raises(EOFError):
            gzip.decompress(body)
    assert faults.injected == {Fault.GARBLED_ANSWER: 1}


@pytest.mark.parametrize(("garble", "status"), [("cut", 200), ("page", 200), ("empty", 202)])
async def test_a_garbled_redirect_is_none(caller: Caller, garble: Garble, status: int) -> None:
    done = await caller.finished(await caller.enhance(await caller.ready()))
    caller.service.faults.script(
        Fault.GARBLED_ANSWER, route="GET /speech_enhancements/:id/download", garble=garble
    )
    got, _, headers = await caller.call("GET", path_of(done) + "/download")
    assert (got, "location" in headers) == (status, False)


@pytest.mark.parametrize("garble", ["page", "empty"])
async def test_a_garbled_result_is_a_page_or_nothing(caller: Caller, garble: Garble) -> None:
    url = await caller.result_url()
    caller.service.faults.script(Fault.GARBLED_ANSWER, route="GET /object", garble=garble)
    answer = await caller.fetch(url)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
    assert (answer.body == b"") == (garble == "empty")
    assert (await caller.fetch(url)).body == BODY


async def test_an_error_is_not_garbled(caller: Caller) -> None:
    caller.service.faults.script(Fault.GARBLED_ANSWER, route="GET /assets/:id", garble="page")
    status, body, _ = await caller.call("GET", f"{ASSETS}/x")
    assert (status, body["message"]) == (404, "Not found")


async def test_an_upload_is_found_unacceptable(caller: Caller) -> None:
    asset = await caller.create()
    caller.service.faults.script(Fault.INVALID_UPLOAD)
    assert (await caller.put(asset)).status == 200
    for _ in range(2):
        seen = await caller.asset(asset["id"])
        assert (seen["status"], seen["upload_url"]) == ("invalid_upload", None)
    path = f"{ASSETS}/{asset['id']}/speech_enhancements"
    status, body, _ = await caller.call("POST", path, json={"strength": 1})
    assert (status, body["message"]) == (422, "Asset is not enhanceable")


@pytest.mark.parametrize(
    ("fault", "route", "garble"),
    [
        (Fault.RESET_AFTER, "POST /assets", "cut"),
        (Fault.GARBLED_ANSWER, "GET /object", "packed"),
        (Fault.GARBLED_ANSWER, "PUT /object", None),
        (Fault.INVALID_UPLOAD, "PUT /object", None),
        (Fault.EXPIRED_TOKEN, "GET /assets/:id", None),
    ],
)
def test_a_garble_that_cannot_be_is_refused(
    fault: Fault, route: str, garble: Garble | None
) -> None:
    with pytest.raises(ValueError):
        Faults().script(fault, route=route, garble=garble)
