"""Presigned URLs: botocore's signature, our verification, and each thing that breaks it."""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.credentials import ReadOnlyCredentials
from hypothesis import given
from hypothesis import strategies as st

from audio_enhance.local.object_store.errors import S3Error
from audio_enhance.local.object_store.presigned import Presigned, SigningKey, presign, verify

KEY = SigningKey("ASIAEXAMPLE", "a secret", "us-east-1")
NOW = datetime(2024, 4, 9, 21, 38, 36, 500_000, tzinfo=UTC)
HEADERS = {"Content-Length": "7", "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==", "Content-Type": "a/b"}
HOST = "store.example:8080"


def url_of(method: str = "PUT", headers: dict[str, str] | None = None, **query: str) -> str:
    return presign(
        method,
        f"http://{HOST}/Assets/1%2F2",
        credentials=ReadOnlyCredentials(KEY.access_key, KEY.secret_key, "to/ken+//=="),
        region=KEY.region,
        date=NOW,
        expires=300,
        headers=HEADERS if headers is None else headers,
        query=query,
    )


def check(
    url: str,
    method: str = "PUT",
    headers: dict[str, str] | None = None,
    now: datetime = NOW,
    key: SigningKey = KEY,
) -> Presigned:
    parts = urlsplit(url)
    sent = {"Host": parts.netloc} | (HEADERS if headers is None else headers)
    return verify(
        method,
        f"{parts.path}?{parts.query}".encode(),
        [(name.encode(), value.encode()) for name, value in sent.items()],
        key=key,
        now=now,
    )


def refusal(url: str, **arguments: object) -> S3Error:
    with pytest.raises(S3Error) as caught:
        check(url, **arguments)  # type: ignore[arg-type]
    return caught.value


def test_what_was_signed_is_accepted() -> None:
    presigned = check(url_of())
    assert presigned.path == "/Assets/1/2"
    assert presigned.token == "to/ken+//=="
    assert presigned.signed_headers == {"content-length", "content-md5", "content-type", "host"}
    assert "a secret" not in repr(KEY)
    assert "to/ken" not in repr(presigned)


@given(name=st.text(), kind=st.text(st.characters(codec="utf-8"), max_size=20))
def test_any_query_survives(name: str, kind: str) -> None:
    url = url_of("GET", {}, **{"response-content-disposition": name, "response-content-type": kind})
    query = check(url, "GET", {}).query
    assert query["response-content-disposition"] == name
    assert query["response-content-type"] == kind


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("%2F", "/"),
        ("%2F", "%2f"),
        ("%2B", "+"),
        ("%3B", ";"),
        ("%3D", "="),
        ("/Assets", "/assets"),
        ("/Assets", "//Assets"),
        ("/Assets", "/x/../Assets"),
        ("Assets", "%41ssets"),
        ("Expires=300", "Expires=301"),
        ("Expires=300", "Expires=300&more=1"),
        ("Expires=300", "Expires=300&X-Amz-Expires=300"),
        ("%", "%25"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
    ],
)
def test_a_changed_url_is_refused(old: str, new: str) -> None:
    changed = url_of().replace(old, new)
    assert changed != url_of()
    error = refusal(changed)
    assert (error.status, error.code) in {
        (403, "SignatureDoesNotMatch"),
        (400, "AuthorizationQueryParametersError"),
    }


def test_one_re_encoded_character_is_enough() -> None:
    assert refusal(url_of().replace("%2F", "/", 1)).code == "SignatureDoesNotMatch"


def test_the_signature_is_lower_case() -> None:
    url = url_of()
    assert refusal(url[:-64] + url[-64:].upper()).code == "SignatureDoesNotMatch"


def test_the_order_of_the_query_does_not_matter() -> None:
    path, _, query = url_of().partition("?")
    assert check(path + "?" + "&".join(reversed(query.split("&"))))


@pytest.mark.parametrize(
    "headers",
    [
        HEADERS | {"Content-Length": "8"},
        HEADERS | {"Content-MD5": "AWzJTRSXGy5JsL+Phh/cFA=="},
        HEADERS | {"Content-Type": "a/b; charset=utf-8"},
        {k: v for k, v in HEADERS.items() if k != "Content-Length"},
        {k: v for k, v in HEADERS.items() if k != "Content-MD5"},
        {k: v for k, v in HEADERS.items() if k != "Content-Type"},
        HEADERS | {"Host": "127.0.0.1:8080"},
    ],
)
def test_signed_headers_must_be_sent_as_signed(headers: dict[str, str]) -> None:
    error = refusal(url_of(), headers=headers)
    assert (error.status, error.code) == (403, "SignatureDoesNotMatch")


def test_unsigned_headers_may_be_sent() -> None:
    assert check(url_of(), headers=HEADERS | {"X-Api-Key": "k", "Accept": "*/*"})


def test_spaces_around_and_within_values_do_not_matter() -> None:
    assert check(url_of(headers={"Content-Type": "a b"}), headers={"content-TYPE": "  a   b "})


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "put"])
def test_the_method_is_signed(method: str) -> None:
    assert refusal(url_of(), method=method).code == "SignatureDoesNotMatch"


def test_another_secret_makes_another_signature() -> None:
    key = SigningKey(KEY.access_key, "another secret", KEY.region)
    document = refusal(url_of(), key=key).document("ID", "HOST").decode()
    assert "<Code>SignatureDoesNotMatch</Code>" in document
    assert "<CanonicalRequest>PUT\n/Assets/1%2F2\n" in document
    assert "<StringToSign>AWS4-HMAC-SHA256\n20240409T213836Z\n" in document
    assert "<RequestId>ID</RequestId><HostId>HOST</HostId></Error>" in document
    assert "another secret" not in document


def test_amz_headers_must_be_signed() -> None:
    error = refusal(url_of(), headers=HEADERS | {"x-amz-acl": "public-read"})
    assert (error.status, error.code) == (403, "AccessDenied")
    assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in error.document("", "")


def test_the_host_must_be_signed() -> None:
    error = refusal(url_of().replace("%3Bhost", ""))
    assert b"<HeadersNotSigned>host</HeadersNotSigned>" in error.document("", "")


def test_two_mechanisms_are_one_too_many() -> None:
    error = refusal(url_of(), headers=HEADERS | {"Authorization": "Bearer x"})
    assert (error.status, error.code) == (400, "InvalidArgument")
    assert str(error).startswith("Only one auth mechanism allowed;")


def test_no_mechanism_is_too_few() -> None:
    error = refusal(f"http://{HOST}/Assets/1")
    assert (error.status, error.code, str(error)) == (403, "AccessDenied", "Access Denied")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("&X-Amz-Date=20240409T213836Z", "", "requires the X-Amz-Algorithm, "),
        ("&X-Amz-Expires=300", "", "requires the X-Amz-Algorithm, "),
        ("X-Amz-Signature=", "X-Amz-Signature=&x=", "requires the X-Amz-Algorithm, "),
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", 'only supports "AWS4-HMAC-SHA256"'),
        ("20240409T213836Z", "2024-04-09", "must be in the ISO8601 Long Format"),
        ("20240409T213836Z", "20240409t213836z", "must be in the ISO8601 Long Format"),
        ("20240409T213836Z", "2024049T213836Z", "must be in the ISO8601 Long Format"),
        ("20240409T213836Z", "99991231T235959Z", "must be in the ISO8601 Long Format"),
        ("20240409T213836Z", "00010101T000000Z", "must be in the ISO8601 Long Format"),
        ("X-Amz-Expires=300", "X-Amz-Expires=soon", "should be a number"),
        ("X-Amz-Expires=300", "X-Amz-Expires=-1", "must be non-negative"),
        ("X-Amz-Expires=300", "X-Amz-Expires=604801", "must be less than a week"),
        ("%2Fus-east-1", "", "the Credential is mal-formed"),
        ("%2Fus-east-1", "%2Feu-west-1", "the region 'eu-west-1' is wrong"),
        ("%2Fs3%2F", "%2Fec2%2F", 'incorrect service "ec2"'),
        ("aws4_request", "aws5_request", 'incorrect terminal "aws5_request"'),
        ("%2F20240409%2F", "%2F20240410%2F", 'Invalid credential date "20240410"'),
    ],
)
def test_a_malformed_query_is_told_what_is_wrong(old: str, new: str, message: str) -> None:
    url = url_of()
    assert old in url
    error = refusal(url.replace(old, new, 1))
    assert (error.status, error.code) == (400, "AuthorizationQueryParametersError")
    assert message in str(error)


@pytest.mark.parametrize(
    ("old", "new"),
    [("ASIAEXAMPLE", "AKIAEXAMPLE"), ("X-Amz-Security-Token", "X-Amz-Insecurity-Token")],
)
def test_an_unknown_key_is_refused(old: str, new: str) -> None:
    error = refusal(url_of().replace(old, new))
    assert (error.status, error.code) == (403, "InvalidAccessKeyId")


def test_a_url_has_its_time() -> None:
    assert check(url_of(), now=NOW + timedelta(seconds=299))
    error = refusal(url_of(), now=NOW + timedelta(seconds=301))
    assert (error.status, error.code, str(error)) == (403, "AccessDenied", "Request has expired")
    document = error.document("", "")
    assert b"<X-Amz-Expires>300</X-Amz-Expires>" in document
    assert b"<Expires>2024-04-09T21:43:36Z</Expires>" in document
    assert b"<ServerTime>2024-04-09T21:43:37Z</ServerTime>" in document


def test_a_clock_may_be_ahead_but_not_far() -> None:
    assert check(url_of(), now=NOW - timedelta(minutes=14))
    error = refusal(url_of(), now=NOW - timedelta(minutes=16))
    assert (error.status, error.code) == (403, "AccessDenied")
    assert str(error) == "Request is not yet valid"
