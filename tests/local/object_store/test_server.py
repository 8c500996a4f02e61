"""The object store's HTTP side, down to the bytes on the socket."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import pytest

from audio_enhance.local import Behaviour
from audio_enhance.local.object_store import server
from tests.local.conftest import Serve
from tests.local.support import (
    BODY,
    RIGHT,
    Caller,
    FakeClock,
    files_in,
    md5,
    put,
    raw,
    sign_less,
)


async def test_an_upload_byte_for_byte(caller: Caller) -> None:
    asset = await caller.create()
    answer = await raw(caller.service.s3_url, put(asset["upload_url"], RIGHT, BODY))
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["etag"] == f'"{hashlib.md5(BODY).hexdigest()}"'
    assert answer.headers["x-amz-request-id"] == caller.service.record[-1].request_id
    assert answer.headers["x-amz-id-2"]
    assert (await caller.asset(asset["id"]))["status"] == "ready_for_processing"


@pytest.mark.parametrize(
    ("old", "new"), [("%2F", "/"), ("%2F", "%2f"), ("%3B", ";"), ("%2B", "+"), ("43200", "300")]
)
async def test_a_re_encoded_query_is_refused_on_the_wire(
    caller: Caller, old: str, new: str
) -> None:
    asset = await caller.create()
    request = put(asset["upload_url"].replace(old, new), RIGHT, BODY)
    answer = await raw(caller.service.s3_url, request)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert answer.headers["content-type"] == "application/xml"
    assert answer.headers["connection"] == "close"
    assert answer.error.findtext("RequestId") == answer.headers["x-amz-request-id"]
    assert answer.error.findtext("HostId") == answer.headers["x-amz-id-2"]
    canonical = answer.error.findtext("CanonicalRequest") or ""
    assert new in canonical
    assert answer.error.findtext("CanonicalRequestBytes") == canonical.encode().hex(" ")
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"


async def test_an_absolute_target_is_not_what_was_signed(caller: Caller) -> None:
    url = (await caller.create())["upload_url"]
    target = url.replace(caller.service.s3_url, "")
    request = put(url, RIGHT, BODY).replace(target.encode(), url.encode(), 1)
    assert (await raw(caller.service.s3_url, request)).code == "SignatureDoesNotMatch"


async def test_authorization_beside_a_presigned_query_is_refused(caller: Caller) -> None:
    url = await caller.result_url()
    answer = await caller.fetch(url, headers=caller.headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert answer.error.findtext("ArgumentName") == "Authorization"
    assert (await caller.fetch(url, headers={"x-api-key": caller.client_id})).status == 200


async def test_a_chunked_body_is_refused(caller: Caller) -> None:
    asset = await caller.create()

    async def pieces() -> AsyncIterator[bytes]:
        yield BODY

    headers = {"Content-MD5": md5(BODY), "Content-Type": "audio/mpeg"}
    answer = await caller.fetch(asset["upload_url"], "PUT", data=pieces(), headers=headers)
    # The length is signed, and there is none.
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_a_length_is_needed_even_if_it_is_not_signed(caller: Caller) -> None:
    asset = await caller.create()
    url = sign_less(caller, asset["id"])
    chunked = put(url, {"Transfer-Encoding": "chunked"}, b"3\r\nabc\r\n0\r\n\r\n")
    answer = await raw(caller.service.s3_url, chunked)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert answer.error.findtext("Header") == "Transfer-Encoding"
    answer = await raw(caller.service.s3_url, put(url, {}))
    assert (answer.status, answer.code) == (411, "MissingContentLength")
    answer = await raw(caller.service.s3_url, put(url, {"Content-Length": str(6 * 1024**3)}))
    assert (answer.status, answer.code) == (400, "EntityTooLarge")


async def test_other_methods_are_not_allowed(caller: Caller) -> None:
    asset = await caller.create()
    url = sign_less(caller, asset["id"], "DELETE")
    answer = await caller.fetch(url, "DELETE")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")


@pytest.mark.parametrize("url_for", ["PUT", "GET"])
async def test_a_url_is_good_for_one_method(caller: Caller, url_for: str) -> None:
    if url_for == "PUT":
        url, other = (await caller.create())["upload_url"], "GET"
    else:
        url, other = await caller.result_url(), "PUT"
    answer = await caller.fetch(url, other)
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_another_body_of_the_same_length_is_refused(caller: Caller) -> None:
    asset = await caller.create()
    answer = await caller.put(asset, BODY[::-1], **{"Content-MD5": md5(BODY)})
    assert (answer.status, answer.code) == (400, "BadDigest")
    assert answer.error.findtext("ExpectedDigest") == hashlib.md5(BODY).hexdigest()
    assert answer.error.findtext("CalculatedDigest") == md5(BODY[::-1])
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"


@pytest.mark.parametrize("digest", ["", "abc", "d41d8cd98f00b204e9800998ecf8427e", "?" * 24])
async def test_a_malformed_digest_is_refused(caller: Caller, digest: str) -> None:
    asset = await caller.create()
    url = sign_less(caller, asset["id"])
    headers = {"Content-MD5": digest, "Content-Length": str(len(BODY))}
    answer = await raw(caller.service.s3_url, put(url, headers, BODY))
    assert (answer.status, answer.code) == (400, "InvalidDigest")
    assert (answer.error.findtext("Content-MD5") or "") == digest


async def test_a_body_of_another_length_is_refused(caller: Caller) -> None:
    asset = await caller.create()
    for body in (BODY + b"x", BODY[:-1]):
        answer = await caller.put(asset, body, **{"Content-MD5": md5(BODY)})
        assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")


async def test_a_body_that_is_cut_short_leaves_nothing(serve: Serve, tmp_path: Path) -> None:
    caller = await serve(directory=tmp_path)
    asset = await caller.create()
    request = put(asset["upload_url"], RIGHT, BODY[:-100])
    with pytest.raises(asyncio.IncompleteReadError):
        await raw(caller.service.s3_url, request, half_close=True)
    (record,) = (r for r in caller.service.record if r.route == "PUT /object")
    assert (record.status, record.bytes_in) == (None, len(BODY) - 100)
    assert files_in(tmp_path) == set()
    assert (await caller.asset(asset["id"]))["status"] == "waiting_for_upload"


async def test_what_follows_the_body_is_another_request(caller: Caller) -> None:
    asset = await caller.create()
    url = urlsplit(asset["upload_url"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(put(asset["upload_url"], RIGHT, BODY))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    writer.write(b"more than announced\r\n\r\n")
    assert (await reader.readline()).startswith(b"HTTP/1.0 400 ")
    writer.close()
    assert (await caller.asset(asset["id"]))["status"] == "ready_for_processing"


async def test_a_body_that_stops_arriving_times_out(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_STALL_SECONDS", 0.05)
    asset = await caller.create()
    answer = await raw(caller.service.s3_url, put(asset["upload_url"], RIGHT, BODY[:-1]))
    assert (answer.status, answer.code) == (400, "RequestTimeout")
    assert answer.headers["connection"] == "close"


async def test_a_bad_signature_is_answered_before_the_body(caller: Caller) -> None:
    url = (await caller.create())["upload_url"].replace("43200", "43201")
    # No byte of the body is ever sent, and none is waited for.
    answer = await raw(caller.service.s3_url, put(url, RIGHT))
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
    assert caller.service.record[-1].bytes_in == 0


async def test_who_goes_on_sending_meets_a_closed_connection(caller: Caller) -> None:
    size = 64 << 20
    asset = await caller.create(byte_size=size, checksum=md5(BODY))
    url = urlsplit(asset["upload_url"].replace("43200", "43201"))
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    headers = RIGHT | {"Content-Length": str(size)}
    writer.write(put(url.geturl(), headers))

    async def send_all() -> None:
        for _ in range(size >> 18):
            writer.write(bytes(1 << 18))
            await writer.drain()

    with pytest.raises(ConnectionError):
        await send_all()
    assert reader.at_eof() or reader.exception()
    writer.close()


async def test_expect_100_continue_is_answered_after_the_signature(caller: Caller) -> None:
    asset = await caller.create()
    expecting = RIGHT | {"Expect": "100-continue"}
    url = urlsplit(asset["upload_url"])
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(put(asset["upload_url"], expecting))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(BODY)
    assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
    writer.close()
    bad = put(asset["upload_url"].replace("43200", "43201"), expecting)
    reader, writer = await asyncio.open_connection(url.hostname, url.port)
    writer.write(bad)
    assert (await reader.readline()).startswith(b"HTTP/1.1 403 ")
    writer.close()


async def test_a_content_encoding_is_not_undone(caller: Caller) -> None:
    asset = await caller.create()
    answer = await raw(
        caller.service.s3_url,
        put(asset["upload_url"], RIGHT | {"Content-Encoding": "gzip"}, BODY),
    )
    assert answer.status == 200


async def test_an_upload_url_lives_minutes_whatever_it_says(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(upload_url_seconds=0.5))
    asset = await caller.create()
    assert "X-Amz-Expires=43200" in asset["upload_url"]
    clock.now += 0.5
    assert (await caller.put(asset)).status == 200
    clock.now += 0.01
    answer = await caller.put(asset)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    assert answer.error.findtext("Message") == "Request has expired"
    assert answer.error.findtext("X-Amz-Expires") == "43200"
    assert answer.error.findtext("Expires")
    assert answer.error.findtext("ServerTime")
    assert answer.headers["connection"] == "close"


async def test_an_upload_replaces_the_object_in_one_step(caller: Caller) -> None:
    asset = await caller.create()
    await caller.put(asset)
    url = sign_less(caller, asset["id"], "GET")
    assert (await caller.put(asset, BODY[::-1], **{"Content-MD5": md5(BODY)})).status == 400
    assert (await caller.fetch(url)).body == BODY, "a refused upload changes nothing"
    assert (await caller.put(asset)).status == 200


async def test_several_uploads_of_one_asset_at_once_do_not_mix(caller: Caller) -> None:
    data = bytes(3 << 20)
    asset = await caller.create(data)
    headers = {"Content-MD5": md5(data), "Content-Type": "audio/mpeg"}
    answers = await asyncio.gather(
        *(
            caller.fetch(asset["upload_url"], "PUT", data=BytesIO(data), headers=headers)
            for _ in range(4)
        )
    )
    assert [answer.status for answer in answers] == [200] * 4


async def test_an_error_of_its_own_is_an_internal_error_too(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await caller.result_url()

    def broken(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(server, "requested_range", broken)
    answer = await caller.fetch(url)
    assert (answer.status, answer.code) == (500, "InternalError")
    assert answer.error.findtext("RequestId") == answer.headers["x-amz-request-id"]


async def test_a_full_disk_is_an_internal_error(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset = await caller.create()

    async def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audio_enhance.local.object_store.files.Incoming.write", full)
    answer = await caller.put(asset)
    assert (answer.status, answer.code) == (500, "InternalError")
    monkeypatch.undo()
    assert (await caller.put(asset)).status == 200


@pytest.mark.parametrize("change", ["", "AAAA", "%21"])
async def test_a_token_that_is_none_is_malformed(caller: Caller, change: str) -> None:
    url = (await caller.create())["upload_url"]
    head, _, rest = url.partition("X-Amz-Security-Token=")
    token, _, tail = rest.partition("&")
    answer = await caller.fetch(f"{head}X-Amz-Security-Token={change}{token[5:]}&{tail}", "PUT")
    assert (answer.status, answer.code) == (400, "InvalidToken")
    # One that could be: only the signature shows that it is another one's.
    decoded = unquote(token)
    other = quote(decoded[:200] + "AAAA" + decoded[204:], safe="")
    answer = await caller.fetch(f"{head}X-Amz-Security-Token={other}&{tail}", "PUT")
    assert (answer.status, answer.code) == (403, "SignatureDoesNotMatch")
