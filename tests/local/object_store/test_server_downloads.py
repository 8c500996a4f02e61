"""What the object store answers to downloads: whole objects, ranges, and `HEAD`."""

import hashlib

import pytest

from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, put, raw, sign_less


async def test_a_download_url_lives_a_minute(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock)
    url = await caller.result_url()
    clock.now += 60
    assert (await caller.fetch(url)).status == 200
    clock.now += 0.1
    assert (await caller.fetch(url)).code == "AccessDenied"


async def test_a_download_has_s3s_headers(caller: Caller) -> None:
    answer = await caller.fetch(await caller.result_url(filename='täst "1".mp3'))
    assert answer.body == BODY
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["etag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert answer.headers["last-modified"].endswith(" GMT")
    assert answer.headers["content-length"] == str(len(BODY))
    assert answer.headers["content-disposition"] == (
        'attachment; filename="tast \\"1\\"-enhanced-93p.mp3"; '
        "filename*=UTF-8''t%C3%A4st%20%221%22-enhanced-93p.mp3"
    )


SIZE = len(BODY)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=10-19", 10, 19),
        ("bytes=10000-", 10000, SIZE - 1),
        (f"bytes=5-{SIZE * 9}", 5, SIZE - 1),
        ("bytes=-10", SIZE - 10, SIZE - 1),
        (f"bytes=-{SIZE * 9}", 0, SIZE - 1),
    ],
)
async def test_a_range_is_served(caller: Caller, header: str, first: int, last: int) -> None:
    answer = await caller.fetch(await caller.result_url(), headers={"Range": header})
    assert (answer.status, answer.body) == (206, BODY[first : last + 1])
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    assert caller.service.record[-1].bytes_out == last - first + 1


@pytest.mark.parametrize(
    "header", ["bytes=0-1,5-6", "bytes=9-3", "bytes=-", "items=0-1", "bytes=a-b", "bytes 0-1"]
)
async def test_what_is_no_single_range_is_ignored(caller: Caller, header: str) -> None:
    answer = await caller.fetch(await caller.result_url(), headers={"Range": header})
    assert (answer.status, answer.body) == (200, BODY)


@pytest.mark.parametrize("header", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 5}", "bytes=-0"])
async def test_a_range_behind_the_end_is_refused(caller: Caller, header: str) -> None:
    answer = await caller.fetch(await caller.result_url(), headers={"Range": header})
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert answer.error.findtext("RangeRequested") == header
    assert answer.error.findtext("ActualObjectSize") == str(SIZE)


async def test_if_range_asks_for_the_same_object(caller: Caller) -> None:
    url = await caller.result_url()
    whole = await caller.fetch(url)
    for validator in (whole.headers["etag"], whole.headers["last-modified"]):
        headers = {"Range": "bytes=100-", "If-Range": validator}
        answer = await caller.fetch(url, headers=headers)
        assert (answer.status, answer.body) == (206, BODY[100:])
    for validator in ('"another"', f"W/{whole.headers['etag']}", "Mon, 01 Jan 2024 00:00:00 GMT"):
        headers = {"Range": f"bytes={SIZE}-", "If-Range": validator}
        answer = await caller.fetch(url, headers=headers)
        assert (answer.status, answer.body) == (200, BODY)


async def test_head_answers_without_a_body_if_it_was_signed(caller: Caller) -> None:
    asset = await caller.create()
    url = sign_less(caller, asset["id"], "HEAD")
    answer = await caller.fetch(url, "HEAD")
    assert (answer.status, answer.body) == (404, b"")
    await caller.put(asset)
    answer = await raw(caller.service.s3_url, put(url, {}, method="HEAD"))
    assert (answer.status, answer.headers["content-length"]) == (200, str(SIZE))
    assert caller.service.record[-1].bytes_out == 0
    answer = await raw(caller.service.s3_url, put(await caller.result_url(), {}, method="HEAD"))
    assert answer.status == 403


async def test_a_signed_request_for_nothing_is_not_found(caller: Caller) -> None:
    answer = await caller.fetch(sign_less(caller, "none", "GET"))
    assert (answer.status, answer.code) == (404, "NoSuchKey")
    assert answer.error.findtext("Key") == "Assets/none"


async def test_a_body_of_many_megabytes_arrives_whole(caller: Caller) -> None:
    data = bytes(range(256)) * 20_000 + b"end"
    url = await caller.result_url(data=data)
    answer = await caller.fetch(url)
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(data).digest()
