"""Conditional requests to the object store (RFC 9110 §13)."""

import hashlib
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest

from tests.local.support import BODY, Caller

ETAG = f'"{hashlib.md5(BODY).hexdigest()}"'


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"If-Match": ETAG}, 200),
        ({"If-Match": ETAG.strip('"')}, 200),
        ({"If-Match": f'"other", {ETAG}'}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Match": f"W/{ETAG}"}, 412),
        ({"If-Match": ETAG, "If-Unmodified-Since": "{earlier}"}, 200),
        ({"If-Match": '"other"', "Range": "bytes=0-9"}, 412),
        ({"If-Match": ETAG, "Range": "bytes=0-9"}, 206),
        ({"If-Unmodified-Since": "{modified}"}, 200),
        ({"If-Unmodified-Since": "{earlier}"}, 412),
        ({"If-Unmodified-Since": "never"}, 200),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-None-Match": ETAG}, 304),
        ({"If-None-Match": f'W/"other", W/{ETAG}'}, 304),
        ({"If-None-Match": "*", "Range": "bytes=0-9"}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": "{modified}"}, 200),
        ({"If-Modified-Since": "{modified}"}, 304),
        ({"If-Modified-Since": "{earlier}"}, 200),
    ],
)
async def test_a_download_may_have_conditions(
    caller: Caller, headers: dict[str, str], status: int
) -> None:
    url = await caller.result_url()
    modified = (await caller.fetch(url)).headers["last-modified"]
    earlier = parsedate_to_datetime(modified) - timedelta(seconds=1)
    dates = {"{modified}": modified, "{earlier}": format_datetime(earlier, usegmt=True)}
    sent = {name: dates.get(value, value) for name, value in headers.items()}
    answer = await caller.fetch(url, headers=sent)
    assert answer.status == status
    if status == 412:
        assert answer.code == "PreconditionFailed"
        assert answer.error.findtext("Condition") in headers
    if status == 304:
        assert (answer.body, answer.headers["etag"]) == (b"", ETAG)


async def test_an_upload_may_have_conditions(caller: Caller) -> None:
    asset = await caller.create()
    for name, tag, status, code in (
        ("If-Match", ETAG, 404, "NoSuchKey"),
        ("If-None-Match", ETAG, 501, "NotImplemented"),
        ("If-None-Match", "*", 200, None),
        ("If-None-Match", "*", 412, "PreconditionFailed"),
        ("If-Match", '"other"', 412, "PreconditionFailed"),
        ("If-Match", ETAG, 200, None),
    ):
        answer = await caller.put(asset, BODY, **{name: tag})
        assert (answer.status, answer.code if answer.body else None) == (status, code)
