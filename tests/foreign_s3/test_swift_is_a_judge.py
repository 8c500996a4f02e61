"""What Swift's S3 interface refuses and accepts: the ground the client's tests on it stand on.

It goes by a query's meaning: an ``%2F`` sent as ``/`` passes, a changed value does not. It accepts
what the real S3 refuses: an ``Authorization`` header beside a presigned query, a chunked body
whose length is not signed or whose ``Content-Length`` goes along, a start far in the future. It
answers a ``Range`` whose ``If-Range`` names another ETag with the part, not the whole.
"""

import base64
import hashlib
import http.client
import socket
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import pytest
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .conftest import Swift

BODY = b"RIFF" + bytes(range(256)) * 40


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data).digest()).decode()


def presign(
    swift: Swift,
    method: str,
    key: str,
    *,
    headers: dict[str, str] | None = None,
    params: dict[str, str] | None = None,
    age: timedelta = timedelta(0),
) -> str:
    """Path and query of a path-style URL, signed by botocore this long ago for 300 seconds."""
    signer = S3SigV4QueryAuth(
        Credentials(swift.access_key, swift.secret_key), "s3", swift.region, expires=300
    )
    request = AWSRequest(
        method=method,
        url=f"{swift.endpoint_url}/{swift.bucket}/{quote(key)}",
        headers=headers or {},
        params=params or {},
    )
    # The steps of the signer's add_auth, which always takes the present as its date.
    request.context["timestamp"] = (datetime.now(UTC) - age).strftime("%Y%m%dT%H%M%SZ")
    signer._modify_request_before_signing(request)
    string_to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(string_to_sign, request))
    return str(request.url).removeprefix(swift.endpoint_url)


@dataclass(frozen=True)
class Request:
    """A request whose target and headers go out byte for byte."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    @property
    def error(self) -> tuple[int, str | None]:
        """Status and code of an S3 error."""
        return self.status, ET.fromstring(self.body).findtext("Code")


def send(swift: Swift, request: Request, *, cut_after: int | None = None) -> Answer:
    """Answer to the request, of whose body only the first bytes are sent if that is asked."""
    host = urlsplit(swift.endpoint_url).netloc
    with closing(http.client.HTTPConnection(host, timeout=60)) as connection:
        connection.putrequest(
            request.method, request.target, skip_host=True, skip_accept_encoding=True
        )
        for name, value in ({"Host": host} | request.headers).items():
            connection.putheader(name, value)
        connection.endheaders(request.body[:cut_after])
        if cut_after is not None:
            assert connection.sock is not None
            connection.sock.shutdown(socket.SHUT_WR)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read())


def put(swift: Swift, key: str, *, age: timedelta = timedelta(0)) -> Request:
    """The upload that is right, with what the Enhance Speech API's upload URLs sign."""
    headers = {
        "Content-Length": str(len(BODY)),
        "Content-MD5": md5(BODY),
        "Content-Type": "audio/wav",
    }
    return Request("PUT", presign(swift, "PUT", key, headers=headers, age=age), headers, BODY)


def get(swift: Swift, key: str, *, age: timedelta = timedelta(0), **headers: str) -> Request:
    return Request("GET", presign(swift, "GET", key, age=age), headers)


def without(header: str) -> Callable[[Request], Request]:
    return lambda right: replace(
        right, headers={name: value for name, value in right.headers.items() if name != header}
    )


def with_header(header: str, value: str) -> Callable[[Request], Request]:
    return lambda right: replace(right, headers=right.headers | {header: value})


def with_target(old: str, new: str) -> Callable[[Request], Request]:
    def change(right: Request) -> Request:
        assert old in right.target
        return replace(right, target=right.target.replace(old, new))

    return change


def with_another_signature(right: Request) -> Request:
    last = "1" if right.target.endswith("0") else "0"
    return replace(right, target=right.target[:-1] + last)


def with_another_body(right: Request) -> Request:
    return replace(right, body=right.body[::-1])


def as_download(right: Request) -> Request:
    return replace(right, method="GET")


def chunked(right: Request) -> Request:
    body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(right.body), right.body)
    without_length = without("Content-Length")(right)
    return replace(with_header("Transfer-Encoding", "chunked")(without_length), body=body)


@pytest.fixture
def key() -> str:
    """A key that no other test has, with characters that a URL must escape."""
    return f"{uuid.uuid4().hex}/talk é+;.wav"


def test_the_right_upload_is_stored(swift: Swift, key: str) -> None:
    upload = put(swift, key)
    signed = "X-Amz-SignedHeaders=content-length%3Bcontent-md5%3Bcontent-type%3Bhost"
    assert signed in upload.target

    answer = send(swift, upload)
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["ETag"] == f'"{hashlib.md5(BODY).hexdigest()}"'

    answer = send(swift, get(swift, key))
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["Content-Type"] == "audio/wav"


SIGNATURE = (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(with_another_signature, SIGNATURE, id="signature"),
        pytest.param(with_header("Content-Type", "audio/mpeg"), SIGNATURE, id="content type"),
        pytest.param(without("Content-Type"), SIGNATURE, id="no content type"),
        pytest.param(with_header("Content-MD5", md5(b"other")), SIGNATURE, id="MD5 header"),
        pytest.param(without("Content-MD5"), SIGNATURE, id="no MD5 header"),
        pytest.param(with_header("Content-Length", "1"), SIGNATURE, id="length"),
        pytest.param(chunked, SIGNATURE, id="chunked"),
        pytest.param(with_header("Host", "localhost"), SIGNATURE, id="host"),
        pytest.param(as_download, SIGNATURE, id="method"),
        pytest.param(with_target(".wav?", ".mp3?"), SIGNATURE, id="path"),
        pytest.param(with_target("%2B", "%252B"), SIGNATURE, id="path escaped twice"),
        pytest.param(with_target("Expires=300", "Expires=43200"), SIGNATURE, id="query value"),
        pytest.param(with_target("?", "?x-id=PutObject&"), SIGNATURE, id="query parameter"),
        pytest.param(with_target("%2F", "%252F"), (403, "AccessDenied"), id="query escaped twice"),
        pytest.param(
            with_header("x-amz-meta-name", "talk"), (403, "AccessDenied"), id="unsigned metadata"
        ),
        pytest.param(with_another_body, (400, "BadDigest"), id="body"),
    ],
)
def test_an_upload_that_differs_from_what_was_signed_is_refused(
    swift: Swift, key: str, change: Callable[[Request], Request], error: tuple[int, str]
) -> None:
    assert send(swift, change(put(swift, key))).error == error
    assert send(swift, get(swift, key)).error == (404, "NoSuchKey")
    assert send(swift, put(swift, key)).status == 200


def test_an_upload_signed_with_another_secret_is_refused(swift: Swift, key: str) -> None:
    stranger = replace(swift, secret_key=swift.secret_key[::-1])
    assert send(swift, put(stranger, key)).error == SIGNATURE
    assert send(swift, get(swift, key)).error == (404, "NoSuchKey")


def test_an_upload_that_ends_early_is_not_stored(swift: Swift, key: str) -> None:
    assert send(swift, put(swift, key), cut_after=1000).error == (400, "RequestTimeout")
    assert send(swift, get(swift, key)).error == (404, "NoSuchKey")


def test_an_expired_url_is_refused(swift: Swift, key: str) -> None:
    assert send(swift, put(swift, key, age=timedelta(seconds=240))).status == 200
    expired = timedelta(seconds=301)
    for request in (put(swift, key, age=expired), get(swift, key, age=expired)):
        answer = send(swift, request)
        assert answer.error == (403, "AccessDenied")
        assert b"<Message>Request has expired</Message>" in answer.body


def test_a_range_is_answered_with_that_part(swift: Swift, key: str) -> None:
    send(swift, put(swift, key))
    answer = send(swift, get(swift, key, Range="bytes=1000-"))
    assert (answer.status, answer.body) == (206, BODY[1000:])
    assert answer.headers["Content-Range"] == f"bytes 1000-{len(BODY) - 1}/{len(BODY)}"

    answer = send(swift, get(swift, key, Range=f"bytes={len(BODY)}-"))
    assert answer.error == (416, "InvalidRange")


def test_the_content_disposition_is_the_one_in_the_signed_query(swift: Swift, key: str) -> None:
    send(swift, put(swift, key))
    disposition = "attachment; filename=\"talk +.wav\"; filename*=UTF-8''talk%20%2B.wav"
    target = presign(swift, "GET", key, params={"response-content-disposition": disposition})
    right = Request("GET", target, {})

    answer = send(swift, right)
    assert (answer.status, answer.body) == (200, BODY)
    assert answer.headers["Content-Disposition"] == disposition

    # In a query "+" is a space and "%252B" an escaped "%2B": both changes alter the value.
    for change in (with_target("%20%2B.wav%22", "%20+.wav%22"), with_target("%252B", "%2B")):
        assert send(swift, change(right)).error == SIGNATURE
