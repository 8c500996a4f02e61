"""Every answer that the API, S3 or a proxy can give and that must not end a job: none does.

A row is a kind of answer, with all that belong to it. Each is met by a whole job, which delivers
what it would have without it. Where the generations of the API write or treat it differently, every
run meets it in both; else in one of them, in turn, and in the other one in the whole run.
"""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, get_args

import pytest
from aiohttp import web

from audio_enhance import ApiVersion, RetryPolicy
from audio_enhance.local import Behaviour, Fault
from audio_enhance.local.conditions.faults import Garble
from tests.support.interposed import (
    Interposed,
    both,
    fields,
    header,
    refusal,
    replaced,
    s3_refusal,
)
from tests.support.results import expected

from .conftest import Stage
from .scene import (
    API,
    BOTH,
    CREATE,
    FIRST_ONLY,
    GET,
    GET_ASSET,
    LOCATE,
    POLL,
    PUT,
    TOKEN,
    Row,
    Scene,
    Step,
    all_of,
    changed,
    extra,
    instead,
    seen,
    skipped,
    struck,
)

pytestmark = [pytest.mark.virtual_time, pytest.mark.asyncio(loop_scope="module")]

# Ids for one service: it remembers those that have gone.
NUMBERS = count(1000)


def ended_urls() -> Iterator[Row]:
    for route in (PUT, GET):
        for code in ("ExpiredToken", "InvalidToken"):
            # A new URL each time, and the last one that is asked for.
            refused = instead(route, s3_refusal(400, code), RetryPolicy().attempts)
            # A result's comes with a redirect, or with a poll.
            often = seen(route, RetryPolicy().attempts + 1)
            yield Row(f"{code} at {route}", refused, often, differs=route == GET)


def garbled() -> Iterator[Row]:
    for route in (TOKEN, *API, LOCATE):
        ways = [struck(Fault.GARBLED_ANSWER, route, garble=way) for way in get_args(Garble)]
        yield Row(
            f"garbled answers to {route}",
            all_of(*ways),
            extra(len(ways) if route == CREATE else 0),
            versions=FIRST_ONLY if route == LOCATE else BOTH,
            differs=route in API,
            behaviour={"refuse_repeats": False},
        )
    there = [changed(LOCATE, replaced({}, status)) for status in (200, 202)]
    yield Row("no redirect", all_of(*there), seen(LOCATE, 3), versions=FIRST_ONLY)


def lost_answers() -> Iterator[Row]:
    yield Row(
        "already exists, after an answer that was lost",
        struck(Fault.RESET_AFTER, CREATE),
        all_of(extra(1), seen(PUT, 2)),
        differs=True,
        behaviour={"refuse_repeats": True},
    )
    # And of the new asset once more: another one, for each answer that was lost.
    again = [partial(lose, skip=skip) for skip in (0, 1, 2)]
    yield Row(
        "already exists, three times, after as many answers that were lost",
        all_of(*again),
        all_of(extra(3), seen(PUT, 4)),
        behaviour={"refuse_repeats": True},
    )
    spoiled = instead(CREATE, refusal(422, message="Asset is not enhanceable"))
    yield Row("not enhanceable", spoiled, all_of(extra(1), seen(PUT, 2), seen(CREATE, 2)))


def lose(scene: Scene, skip: int) -> None:
    # A script does not see what another one has struck; in between comes the refusal.
    scene.world.service.faults.script(Fault.RESET_AFTER, route=CREATE, skip=skip)


def lags() -> Iterator[Row]:
    for lag in ("visible_lag", "enhanceable_lag", "result_lag", "ready_lag"):
        patient = {"retry": RetryPolicy(attempts=12)}
        yield Row(lag, all_of(), extra(0), behaviour={lag: 3.0}, client=patient)
    for route in (GET_ASSET, CREATE, POLL):
        unseen = instead(route, refusal(404, message="Not found"), 4)
        yield Row(f"404 for {route}", unseen, extra(0))
    # Of several machines, one after the other may not see it yet.
    flickers = [skipped(POLL, refusal(404, message="Not found"), skip) for skip in (1, 0, 1)]
    running = fields(status="processing", download_url=None, output=None)
    unseen_end = changed(POLL, running, 2)
    no_url = changed(POLL, fields(download_url=None, output=None, status="succeeded"))
    yield Row("unfinished after it had succeeded", all_of(no_url, unseen_end), extra(0))
    yield Row("404 after it was found", all_of(changed(POLL, running, 2), *flickers), extra(0))
    soon = instead(CREATE, refusal(422, message="Asset has not been uploaded yet"), 4)
    yield Row("not uploaded yet", soon, all_of(extra(0), seen(PUT, 1)))


def statuses() -> Iterator[Row]:
    for status in ("SUCCEEDED", "Succeeded"):
        yield Row(f"status {status}", changed(POLL, fields(status=status), 99), seen(CREATE, 1))
    ready = changed(GET_ASSET, fields(status="READY_FOR_PROCESSING"), 99)
    yield Row("status READY_FOR_PROCESSING", ready, seen(PUT, 1))
    # What failed is made once more.
    moment = "2024-04-09T22:56:50.174Z"
    for status in ("FAILED", "canceled", "CANCELED", "rejected"):
        ended = fields(status=status, finished_processing_at=moment, finishedProcessingAt=moment)
        yield Row(f"status {status}", changed(POLL, ended), made_once_more, differs=True)


def made_once_more(scene: Scene) -> None:
    assert scene.result is not None
    assert scene.result.failed_enhancements == 1
    # The second generation has refused a second one of the same asset.
    assert scene.count(CREATE, 202) == 2
    assert scene.count(CREATE, 422) == (scene.version == "v2")


S3_PASSING = (
    (307, "TemporaryRedirect"),
    (409, "OperationAborted"),
    (400, "IncompleteBody"),
    (400, "RequestTimeout"),
    (500, "InternalError"),
    (503, "SlowDown"),
)
API_PASSING = (408, 409, 425, *range(500, 505), 506, 511, *range(520, 531), 599)


def passing() -> Iterator[Row]:
    patient = {"retry": RetryPolicy(attempts=30)}
    for route in (TOKEN, *API, LOCATE):
        yield Row(
            f"errors that pass for {route}",
            all_of(*(instead(route, refusal(status)) for status in API_PASSING)),
            versions=FIRST_ONLY if route == LOCATE else BOTH,
            client=patient,
        )
    for route in (PUT, GET):
        yield Row(
            f"errors that pass for {route}",
            all_of(*(instead(route, s3_refusal(*error)) for error in S3_PASSING)),
            client=patient,
        )
    for route in (TOKEN, *API, PUT, GET):
        # No seconds, less than none, and a year that there is not.
        asked = ("0", "-5", "Fri, 31 Dec 99999999999 23:59:59 GMT")
        strange = [instead(route, refusal(503, **{"Retry-After": each})) for each in asked]
        yield Row(f"Retry-After that says nothing for {route}", all_of(*strange))
    for route in (GET_ASSET, POLL):
        at_once = instead(route, refusal(429, **{"Retry-After": "0"}), 7)
        yield Row(f"Retry-After of no seconds for {route}", at_once, waited(0.5))


def differently_written() -> Iterator[Row]:
    for lifetime in (..., "86399", None, 86399993):
        written = changed(TOKEN, fields(expires_in=lifetime))
        yield Row(f"expires_in {lifetime}", written, seen(TOKEN, 1))
    names = ("byte_size", "byteSize", "content_type", "mediaType", "updated_at", "updatedAt")
    moments = ("created_at", "createdAt", "requested_processing_at", "requestedProcessingAt")
    changes: dict[str, dict[str, Any]] = {
        "null": dict.fromkeys(names, None),
        "missing": dict.fromkeys(names, ...),
        "text": {"byte_size": str, "byteSize": str},
        "no zone": dict.fromkeys(moments, "2024-04-09T21:38:36.872"),
        "float": {"strength": float, "byte_size": float, "byteSize": float},
        "number": {"model_id": 7, "modelId": 7},
        "empty": {"upload_url": _or_empty, "download_url": _or_empty, "uploadUrl": _or_empty},
        "far ahead": dict.fromkeys(moments, "9999-12-31T23:59:59Z"),
        "long ago": dict.fromkeys(moments, "0001-01-01T00:00:00+23:59"),
        "milliseconds": dict.fromkeys(moments, 1712698716872),
    }
    once = all_of(seen(PUT, 1), seen(CREATE, 1))
    for kind, change in changes.items():
        everywhere = [changed(route, fields(**change), 99) for route in API]
        yield Row(f"fields: {kind}", all_of(*everywhere), once, differs=True)
    yield Row("numeric ids", numeric_ids, once, differs=True)


def _or_empty(url: str | None) -> str:
    return url or ""


def numeric_ids(scene: Scene) -> None:
    """Let the service number what it has, and write the numbers as such."""
    scene.patch.setattr("audio_enhance.local.api.state.uuid4", NUMBERS.__next__)
    for route in API:
        scene.says.change(route, fields(id=int, asset_id=int, assetId=int), times=99)


def waits() -> Iterator[Row]:
    def kept(route: str, asked: float) -> Step:
        def check(scene: Scene) -> None:
            first, second = scene.times(route)[:2]
            assert asked <= second - first < asked + 60

        return check

    waiting = fields(status="waiting_for_upload")
    running = fields(status="processing", download_url=None, output=None)
    for status, asked, route in (
        (200, 45, GET_ASSET),
        (202, 45, POLL),
        (202, 900, GET_ASSET),
        (200, 900, POLL),
    ):
        change = waiting if route == GET_ASSET else running
        yield Row(
            f"Retry-After {asked} with {status} for {route}",
            changed(route, both(change, header("Retry-After", str(asked), status))),
            kept(route, asked),
        )
    yield Row(
        "Retry-After with a creation",
        changed(CREATE, header("Retry-After", "45")),
        lambda scene: _after(scene, CREATE, POLL, 45),
    )
    yield Row(
        "Retry-After with a garbled answer",
        changed(POLL, lambda _: web.Response(text="{", headers={"Retry-After": "45"})),
        kept(POLL, 45),
    )


def _after(scene: Scene, first: str, then: str, seconds: float) -> None:
    assert scene.times(then)[0] - scene.times(first)[0] >= seconds


def no_results() -> Iterator[Row]:
    def answer(text: str, kind: str) -> Step:
        return instead(GET, lambda _: web.Response(text=text, content_type=kind))

    yield Row("a result of no bytes", all_of(*[answer("", "audio/mpeg")] * 2), seen(GET, 3))
    pages = ("text/html", "text/plain", "application/json", "application/xml", "image/gif")
    yield Row("a result that is none", all_of(*(answer("<p>", k) for k in pages)), seen(GET, 6))
    yield Row(
        "a page that is called bytes", answer("<p>", "application/octet-stream"), seen(GET, 2)
    )
    kept = instead(PUT, lambda _: web.Response(text="<p>", content_type="text/html"), 2)
    yield Row("an upload that a proxy has kept", kept, seen(PUT, 3))


def refused_tokens() -> Iterator[Row]:
    refused = refusal(401, "401013", "Oauth token is not valid")
    for route in API:
        times = RetryPolicy().attempts
        yield Row(f"401 for {route}", instead(route, refused, times), seen(TOKEN, 1 + times))


def too_many() -> Iterator[Row]:
    for route, asked in zip(API, (17, 3600, 3600, 17), strict=True):
        yield Row(
            f"429 for {route}, {asked} s",
            instead(route, refusal(429, "429050", "Too many", **{"Retry-After": str(asked)})),
            waited(asked),
        )


def waited(asked: float) -> Step:
    def check(scene: Scene) -> None:
        assert asked <= scene.waited < asked + 60

    return check


def ends_ahead() -> Iterator[Row]:
    def a_day_later(moment: str | None) -> str | None:
        if moment is None:
            return None
        return (datetime.fromisoformat(moment) + timedelta(days=1)).isoformat()

    later = fields(finished_processing_at=a_day_later, finishedProcessingAt=a_day_later)
    yield Row("an end a day ahead", changed(POLL, later, 99), differs=True)


def addresses() -> Iterator[Row]:
    def arrange(scene: Scene) -> None:
        found: dict[str, str] = {}

        def relative(answer: web.Response) -> web.Response:
            assert isinstance(answer.body, bytes)
            document = json.loads(answer.body)
            holder, name = document, "download_url"
            if scene.version == "v2":
                holder, name = document["output"] or {}, "url"
            if holder.get(name):
                found["url"], holder[name] = holder[name], "/here"
            return web.json_response(document, status=answer.status)

        scene.says.change(POLL, relative, times=99)
        scene.says.instead(
            "GET /here",
            lambda _: web.Response(status=302, headers={"Location": found["url"]}),
            times=99,
        )

    yield Row("a relative address", arrange, differs=True)


def names() -> Iterator[Row]:
    for name in (".bashrc", "conftest.py", "x.exe", "../x.mp3", "batch.sqlite", "CON", ""):

        def answer(request: web.BaseRequest, name: str = name) -> web.Response:
            del request
            said = {"Content-Disposition": f'attachment; filename="{name}"'}
            return web.Response(body=b"sound", content_type="audio/mpeg", headers=said)

        yield Row(f"a result called {name!r}", instead(GET, answer), _safely_named)


def _safely_named(scene: Scene) -> None:
    assert scene.result is not None
    path = scene.result.path
    assert path.suffix == ".mp3"
    assert not path.name.startswith(".")
    assert path.read_bytes() == b"sound"
    path.write_bytes(expected(scene.recording))


ROWS = [
    row
    for kind in (
        ended_urls,
        garbled,
        lost_answers,
        lags,
        statuses,
        passing,
        differently_written,
        waits,
        no_results,
        refused_tokens,
        too_many,
        ends_ahead,
        addresses,
        names,
    )
    for row in kind()
]


def cases() -> Iterator[Any]:
    for number, row in enumerate(ROWS):
        usual = row.versions[number % len(row.versions)]
        for version in row.versions:
            rare = () if row.differs or version == usual else pytest.mark.slow
            yield pytest.param(row, version, id=f"{row.name}-{version}", marks=rare)


@pytest.mark.parametrize(("row", "version"), list(cases()))
async def test_no_job_ends_with_it(
    stage: Stage,
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    row: Row,
    version: ApiVersion,
) -> None:
    says = Interposed(monkeypatch)
    behaviour = Behaviour(**row.behaviour)
    world = await stage.connect(behaviour, api_version=version, **row.client)
    scene = Scene(world, says, monkeypatch, recording, version)
    row.arrange(scene)
    begin = world.clock.monotonic()
    scene.result = await world.client.enhance(recording, strength=93, output_dir=tmp_path / "out")
    scene.waited = world.clock.monotonic() - begin
    row.check(scene)
    assert scene.result.path.read_bytes() == expected(recording)
    assert list((tmp_path / "out").iterdir()) == [scene.result.path]
    met = says.given + world.service.faults.injected.total()
    assert met or any(name.endswith("_lag") for name in row.behaviour)
