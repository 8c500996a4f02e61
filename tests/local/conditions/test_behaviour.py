"""Lifetimes at their ends."""

from typing import Any

import pytest

from audio_enhance.local import Behaviour
from tests.local.conftest import Serve
from tests.local.support import FakeClock, StandIn

WEEK = 604_800


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize(
    "name", ["token_seconds", "upload_url_seconds", "download_url_seconds", "session_seconds"]
)
def test_a_lifetime_is_finite_and_longer_than_nothing(name: str, value: float) -> None:
    arguments: dict[str, Any] = {name: value}
    with pytest.raises(ValueError, match=name):
        Behaviour(**arguments)


async def test_urls_live_as_long_as_they_are_told_to_but_no_more_than_a_week(
    serve: Serve, clock: FakeClock
) -> None:
    forever = Behaviour(
        upload_url_seconds=1e9, download_url_seconds=1e9, session_seconds=1e9, token_seconds=1e9
    )
    caller = await serve(clock=clock, behaviour=forever)
    asset, url = await caller.create(), await caller.result_url()
    clock.now += WEEK - 1
    assert (await caller.put(asset)).status == 200
    assert (await caller.fetch(url)).status == 200
    clock.now += 2
    assert (await caller.put(asset)).code == "AccessDenied"
    assert (await caller.fetch(url)).code == "AccessDenied"


async def test_a_url_ends_with_the_session_that_signed_it(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(
        clock=clock, behaviour=Behaviour(session_seconds=20, download_url_seconds=600)
    )
    asset, url = await caller.create(), await caller.result_url()
    clock.now += 19
    assert (await caller.put(asset)).status == 200
    assert (await caller.fetch(url)).status == 200
    clock.now += 1
    for answer in (await caller.put(asset), await caller.fetch(url)):
        assert (answer.status, answer.code) == (400, "ExpiredToken")
        assert answer.error.findtext("Message") == "The provided token has expired."
    assert (await caller.put(await caller.asset((await caller.create())["id"]))).status == 200


def test_a_session_is_shorter_than_the_urls_say() -> None:
    assert Behaviour().session_seconds < 43_200


async def test_an_equal_query_passes_where_the_store_reads_as_s3_does(serve: Serve) -> None:
    for lenient, status in ((False, 403), (True, 200)):
        caller = await serve(behaviour=Behaviour(lenient_queries=lenient))
        url = await caller.result_url()
        for other in (url.replace("%2F", "/"), url.replace("%2F", "%2f"), url):
            expected = status if other != url else 200
            assert (await caller.fetch(other)).status == expected
        changed = url.replace("93p", "94p")
        assert (await caller.fetch(changed)).code == "SignatureDoesNotMatch"


async def test_a_creation_is_visible_after_its_lag(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(visible_lag=5))
    asset = await caller.create()
    path = f"/audio_services/v1/assets/{asset['id']}"
    enhancements = f"{path}/speech_enhancements"
    assert (await caller.put(asset)).status == 200
    assert (await caller.call("GET", path))[0] == 404
    assert (await caller.call("POST", enhancements, json={"strength": 1}))[0] == 404
    clock.now += 5
    assert (await caller.asset(asset["id"]))["status"] == "ready_for_processing"
    enhancement = await caller.enhance(asset)
    assert (await caller.call("GET", f"{enhancements}/{enhancement['id']}"))[0] == 404
    clock.now += 5
    assert (await caller.finished(enhancement))["status"] == "succeeded"


async def test_what_is_ready_can_be_enhanced_after_its_lag(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(enhanceable_lag=5))
    asset = await caller.ready()
    path = f"/audio_services/v1/assets/{asset['id']}/speech_enhancements"
    refused = (422, {"message": "Asset has not been uploaded yet"})
    assert (await caller.call("POST", path, json={"strength": 1}))[:2] == refused
    clock.now += 5
    await caller.enhance(asset)


async def test_a_result_has_its_url_after_its_lag(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(result_lag=5))
    done = await caller.finished(await caller.enhance(await caller.ready()))
    assert (done["status"], done["download_url"]) == ("succeeded", None)
    clock.now += 5
    assert (await caller.enhancement(done))["download_url"] is not None


async def test_repeats_are_refused_on_demand(serve: Serve, enhancer: StandIn) -> None:
    caller = await serve(behaviour=Behaviour(refuse_repeats=True))
    asset = await caller.ready()
    await caller.finished(await caller.enhance(asset, 10))
    path = f"/audio_services/v1/assets/{asset['id']}/speech_enhancements"
    status, body, _ = await caller.call("POST", path, json={"strength": 10})
    assert (status, body["message"]) == (
        422,
        "Speech enhancement already exists for specified asset, model and strength",
    )
    enhancer.error = ValueError("not audio")
    await caller.finished(await caller.enhance(asset, 20))
    status, body, _ = await caller.call("POST", path, json={"strength": 30})
    assert (status, body["message"]) == (422, "Asset is not enhanceable")
