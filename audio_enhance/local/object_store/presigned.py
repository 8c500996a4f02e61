"""Presigned URLs: made with botocore, checked by our own code over the bytes that arrived.

Signature Version 4 with query parameters, as in the Amazon S3 API Reference, "Authenticating
Requests: Using Query Parameters". The two halves share nothing but the document, so that a
mistake in one of them shows.
"""

# botocore has no types.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from attrs import field, frozen
from botocore.auth import S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials

from audio_enhance.local.object_store import errors as s3

RawHeaders = Sequence[tuple[bytes, bytes]]

_ALGORITHM: Final = "AWS4-HMAC-SHA256"
_DATE: Final = "%Y%m%dT%H%M%SZ"
A_WEEK: Final = 604_800  # the longest life of a presigned URL, in seconds
# How far ahead of the server's the clock of a signer may be before S3 objects.
_SKEW: Final = timedelta(minutes=15)
_REQUIRED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)


class _Signer(S3SigV4QueryAuth):  # type: ignore[misc]  # botocore has no types
    """botocore's signer with a date that is handed in, and without its log of signatures."""

    def sign(self, request: AWSRequest, date: datetime) -> None:
        request.context["timestamp"] = date.strftime(_DATE)
        self._modify_request_before_signing(request)
        canonical = self.canonical_request(request)
        signature = self.signature(self.string_to_sign(request, canonical), request)
        self._inject_signature_to_request(request, signature)


def presign(
    method: str,
    url: str,
    *,
    credentials: ReadOnlyCredentials,
    region: str,
    date: datetime,
    expires: int,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """Return the URL with a signature over the method, the headers and the query.

    Args:
        method: The only HTTP method that the URL will work with.
        url: The URL without a query.
        credentials: The keys to sign with, and the session's token.
        region: The AWS region in whose name to sign.
        date: The moment from which the URL is valid.
        expires: How many seconds it is valid, at most a week's.
        headers: Headers that must be sent exactly like this.
        query: Query parameters that belong to the request.
    """
    request = AWSRequest(method=method, url=url, headers=headers, params=query)
    _Signer(credentials, "s3", region, expires).sign(request, date)
    return str(request.url)


@frozen
class SigningKey:
    """The secret that presigned URLs are checked against."""

    access_key: str
    secret_key: str = field(repr=False)
    region: str


@frozen
class Presigned:
    """What a request with a good signature says."""

    path: str
    query: Mapping[str, str] = field(repr=False)
    expires: str
    signature: str = field(repr=False)
    token: str = field(repr=False)
    signed_headers: frozenset[str]


def verify(
    method: str,
    target: bytes,
    headers: RawHeaders,
    *,
    key: SigningKey,
    now: datetime,
    check_token: Callable[[str], None] = lambda _: None,
    lenient: bool = False,
) -> Presigned:
    """Check a request against its presigned query.

    S3 checks in this order: that there is one mechanism, that the query can be read, that the
    headers are signed, that the time is right, that the session lives, and at last the
    signature itself.

    Args:
        method: The method of the request line.
        target: Path and query of the request line, byte for byte: ``%2F`` and ``/`` are not
            the same here.
        headers: The headers as they arrived.
        key: What to check the signature with.
        now: The time at the server.
        check_token: Told the session's token; raises if it is none, or has ended.
        lenient: Whether ``%2F`` and ``/`` are the same in the query after all, as at S3.

    Raises:
        S3Error: If it is not exactly the request that was signed, or not in its time.
    """
    path, _, raw_query = target.partition(b"?")
    query = _decoded(raw_query)
    sent = _joined(headers)
    if not any(name in query for name in _REQUIRED):
        raise s3.access_denied()
    if b"authorization" in sent:
        raise s3.two_mechanisms(sent[b"authorization"].decode("latin-1"))
    claim = _Claim.read(query, key)

    signed = query["X-Amz-SignedHeaders"].split(";")
    unsigned = [
        name.decode("latin-1")
        for name in sent
        if (name == b"host" or name.startswith(b"x-amz-")) and name.decode("latin-1") not in signed
    ]
    if unsigned:
        raise s3.not_signed(", ".join(unsigned))
    claim.check_time(now)
    check_token(query["X-Amz-Security-Token"])

    canonical = b"\n".join(
        [
            method.encode(),
            path,
            _canonical_query(raw_query, lenient=lenient),
            *(name.encode() + b":" + sent.get(name.encode(), b"") for name in signed),
            b"",
            query["X-Amz-SignedHeaders"].encode(),
            b"UNSIGNED-PAYLOAD",
        ]
    )
    string_to_sign = "\n".join(
        [_ALGORITHM, query["X-Amz-Date"], claim.scope, hashlib.sha256(canonical).hexdigest()]
    ).encode()
    expected = _signature(key.secret_key, claim.scope, string_to_sign)
    provided = query["X-Amz-Signature"]
    if not hmac.compare_digest(expected.encode(), provided.encode()):
        raise s3.wrong_signature(key.access_key, provided, string_to_sign, canonical)
    return Presigned(
        path=unquote_to_bytes(path).decode("utf-8", "replace"),
        query=query,
        expires=query["X-Amz-Expires"],
        signature=provided,
        token=query.get("X-Amz-Security-Token", ""),
        signed_headers=frozenset(signed),
    )


@frozen
class _Claim:
    """The parts of the query that can be judged without the signature."""

    scope: str
    begins: datetime
    ends: datetime
    expires: str

    @classmethod
    def read(cls, query: Mapping[str, str], key: SigningKey) -> "_Claim":
        if not all(query.get(name) for name in _REQUIRED):
            raise s3.bad_query(
                "Query-string authentication version 4 requires the X-Amz-Algorithm, "
                "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
                "X-Amz-Expires parameters."
            )
        if query["X-Amz-Algorithm"] != _ALGORITHM:
            raise s3.bad_query(f'X-Amz-Algorithm only supports "{_ALGORITHM}"')
        begins = _begin(query["X-Amz-Date"])
        scope = _scope(query["X-Amz-Credential"], query["X-Amz-Date"], key)
        expires = query["X-Amz-Expires"]
        if not re.fullmatch(r"-?[0-9]{1,18}", expires):
            raise s3.bad_query("X-Amz-Expires should be a number")
        seconds = int(expires)
        if seconds < 0:
            raise s3.bad_query("X-Amz-Expires must be non-negative")
        if seconds > A_WEEK:
            raise s3.bad_query(
                "X-Amz-Expires must be less than a week (in seconds); that is, the given "
                f"X-Amz-Expires must be less than {A_WEEK} seconds"
            )
        # The keys are those of a session and worth nothing without its token.
        if query["X-Amz-Credential"].split("/")[0] != key.access_key or not query.get(
            "X-Amz-Security-Token"
        ):
            raise s3.unknown_key(query["X-Amz-Credential"].split("/")[0])
        return cls(scope, begins, begins + timedelta(seconds=seconds), expires)

    def check_time(self, now: datetime) -> None:
        if self.begins - _SKEW > now:
            raise s3.not_yet_valid(self.begins, self.ends, now)
        if self.ends < now:
            raise s3.expired(self.expires, self.ends, now)


def _begin(date: str) -> datetime:
    try:
        begins = datetime.strptime(date, _DATE).replace(tzinfo=UTC)
    except ValueError:
        begins = None
    # `strptime` takes lower case and single digits, too; at the ends of the calendar there is
    # nothing to reckon with.
    if begins is None or begins.strftime(_DATE) != date or not 1970 <= begins.year < 9999:
        raise s3.bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    return begins


def _scope(credential: str, date: str, key: SigningKey) -> str:
    """Return the scope of the credential, once each of its five parts is what it must be."""
    where = "Error parsing the X-Amz-Credential parameter;"
    parts = credential.split("/")
    if len(parts) != 5:
        raise s3.bad_query(
            f"{where} the Credential is mal-formed; expecting "
            '"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
        )
    _, day, region, service, end = parts
    if end != "aws4_request":
        raise s3.bad_query(
            f'{where} incorrect terminal "{end}". This endpoint uses "aws4_request".'
        )
    if service != "s3":
        raise s3.bad_query(f'{where} incorrect service "{service}". This endpoint belongs to "s3".')
    if region != key.region:
        raise s3.bad_query(f"{where} the region '{region}' is wrong; expecting '{key.region}'")
    if day != date[:8]:
        raise s3.bad_query(
            f'Invalid credential date "{day}". This date is not the same as X-Amz-Date: '
            f'"{date[:8]}".'
        )
    return "/".join(parts[1:])


def _decoded(raw_query: bytes) -> dict[str, str]:
    decoded: dict[str, str] = {}
    for part in raw_query.split(b"&"):
        name, _, value = part.partition(b"=")
        decoded.setdefault(_text(name), _text(value))
    return decoded


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw).decode("utf-8", "replace")


def _canonical_query(raw_query: bytes, *, lenient: bool) -> bytes:
    """Sort the parameters, without the signature itself: as they were sent, or escaped anew."""
    read = _escaped if lenient else bytes
    pairs = (part.partition(b"=") for part in raw_query.split(b"&") if part)
    rest = sorted((read(name), read(value)) for name, _, value in pairs)
    return b"&".join(name + b"=" + value for name, value in rest if name != b"X-Amz-Signature")


def _escaped(part: bytes) -> bytes:
    """Escape what is read as SigV4 says: all but the unreserved characters of RFC 3986."""
    return quote(unquote_to_bytes(part), safe="").encode()


def _joined(headers: RawHeaders) -> dict[bytes, bytes]:
    """Lower-case the names, trim the values and join repeated ones, as SigV4 wants them."""
    joined: dict[bytes, bytes] = {}
    for name, value in headers:
        name, value = name.lower(), b" ".join(value.split())
        joined[name] = joined[name] + b"," + value if name in joined else value
    return joined


def _signature(secret: str, scope: str, string_to_sign: bytes) -> str:
    derived = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        derived = hmac.digest(derived, part.encode(), "sha256")
    return hmac.digest(derived, string_to_sign, "sha256").hex()
