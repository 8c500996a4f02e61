import logging

import pytest

from audio_enhance.local.conditions import request_log
from audio_enhance.local.conditions.clock import Clock
from audio_enhance.local.conditions.faults import Fault
from audio_enhance.local.conditions.records import RequestRecord
from tests.local.support import Caller


def record(**changes: object) -> RequestRecord:
    facts: dict[str, object] = {
        "time": 7.0,
        "origin": "s3",
        "method": "PUT",
        "route": "PUT /object",
        "request_id": "ABC",
    }
    return RequestRecord(**facts | changes)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  as a test has it


def test_a_line_says_what_is_known() -> None:
    clock = Clock(lambda: 7.5)
    whole = record(
        status=200,
        bytes_in=3,
        client_id="c",
        asset_id="a",
        enhancement_id="e",
        fault=Fault.CUT_UPLOAD,
    )
    date, _, line = request_log.line(whole, clock).partition(" ")
    assert date == clock.timestamp(7.0)
    assert line == (
        "s3 PUT /object 200 500ms in=3 out=0 "
        "client=c asset=a enhancement=e request=ABC fault=cut_upload"
    )
    assert " PUT /object - 500ms in=0 out=0 request=ABC" in request_log.line(record(), clock)


async def test_every_request_is_logged_once_and_nothing_unless_it_is_asked_for(
    caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, request_log.NAME)  # as it is where nobody asks for more
    await caller.create()
    assert caplog.text == ""
    with caplog.at_level(logging.INFO, request_log.NAME):
        asset = await caller.ready()
        await caller.call("GET", "/nowhere%0A?secret=1")
    lines = [entry.getMessage() for entry in caplog.records]
    assert [line.split()[1:5] for line in lines] == [
        ["api", "POST", "/assets", "201"],
        ["s3", "PUT", "/object", "200"],
        ["api", "GET", "/assets/:id", "200"],
        ["api", "GET", "/nowhere%0A", "404"],
    ]
    assert all(asset["id"] in line for line in lines[:3])
    assert "secret" not in "".join(lines)
    assert caller.token not in "".join(lines)
