"""S3's errors, in S3's words: status, code, message and the details each one carries."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final
from xml.sax.saxutils import escape

from aiohttp import hdrs

_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class S3Error(Exception):
    """An error answer of the object store.

    Attributes:
        status: The HTTP status.
        code: S3's error code.
        headers: Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        details: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self._message = message
        self._details = details or {}

    def document(self, request_id: str, host_id: str) -> bytes:
        """Return the XML body (Amazon S3 API Reference, "REST error responses")."""
        fields = {
            "Code": self.code,
            "Message": self._message,
            **self._details,
            "RequestId": request_id,
            "HostId": host_id,
        }
        inner = "".join(f"<{name}>{_text(text)}</{name}>" for name, text in fields.items())
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}</Error>'.encode()


def access_denied() -> S3Error:
    """No authentication at all."""
    return S3Error(403, "AccessDenied", "Access Denied")


def two_mechanisms(authorization: str) -> S3Error:
    """An ``Authorization`` header beside a presigned query."""
    return S3Error(
        400,
        "InvalidArgument",
        "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
        "query string parameter or the Authorization header should be specified",
        {"ArgumentName": hdrs.AUTHORIZATION, "ArgumentValue": authorization},
    )


def bad_query(message: str) -> S3Error:
    """A presigned query that cannot be read."""
    return S3Error(400, "AuthorizationQueryParametersError", message)


def unknown_key(access_key: str) -> S3Error:
    """A key that was never issued, or one of a session without its token."""
    return S3Error(
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": access_key},
    )


def not_signed(names: str) -> S3Error:
    """Headers that a presigned request must sign, or else leave out."""
    return S3Error(
        403,
        "AccessDenied",
        "There were headers present in the request which were not signed",
        {"HeadersNotSigned": names},
    )


def expired(expires: str, ended: datetime, now: datetime) -> S3Error:
    """A presigned URL whose time is over."""
    return S3Error(
        403,
        "AccessDenied",
        "Request has expired",
        {"X-Amz-Expires": expires, "Expires": _second(ended), "ServerTime": _second(now)},
    )


def expired_token(token: str) -> S3Error:
    """A presigned URL whose session is over, whatever its own time says."""
    return S3Error(400, "ExpiredToken", "The provided token has expired.", {"Token-0": token})


def invalid_token(token: str) -> S3Error:
    """A security token that is none."""
    return S3Error(
        400,
        "InvalidToken",
        "The provided token is malformed or otherwise invalid.",
        {"Token-0": token},
    )


def not_yet_valid(begins: datetime, ends: datetime, now: datetime) -> S3Error:
    """A presigned URL from the future."""
    return S3Error(
        403,
        "AccessDenied",
        "Request is not yet valid",
        {
            "X-Amz-Date": str(int(begins.timestamp() * 1000)),
            "Expires": _second(ends),
            "ServerTime": _second(now),
        },
    )


def wrong_signature(
    access_key: str, provided: str, string_to_sign: bytes, canonical: bytes
) -> S3Error:
    """A request that is not the one that was signed."""
    return S3Error(
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check "
        "your key and signing method.",
        {
            "AWSAccessKeyId": access_key,
            "StringToSign": string_to_sign.decode("utf-8", "replace"),
            "SignatureProvided": provided,
            "StringToSignBytes": string_to_sign.hex(" "),
            "CanonicalRequest": canonical.decode("utf-8", "replace"),
            "CanonicalRequestBytes": canonical.hex(" "),
        },
    )


def not_implemented(header: str) -> S3Error:
    """A header that asks for what S3 does not do, such as a body of unknown length."""
    return S3Error(
        501,
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        {"Header": header},
    )


def no_length() -> S3Error:
    """Neither a length nor a chunked body."""
    return S3Error(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")


def too_large(proposed: int, maximum: int) -> S3Error:
    """More than a single PUT may carry."""
    return S3Error(
        400,
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        {"ProposedSize": str(proposed), "MaxSizeAllowed": str(maximum)},
    )


def invalid_digest(content_md5: str) -> S3Error:
    """A ``Content-MD5`` that is no base64 of 16 bytes."""
    return S3Error(
        400,
        "InvalidDigest",
        "The Content-MD5 you specified was invalid.",
        {"Content-MD5": content_md5},
    )


def bad_digest(expected: bytes, calculated: str) -> S3Error:
    """A body that is not the one the ``Content-MD5`` is of.

    S3 writes the two in different ways: the expected one in hexadecimal digits.
    """
    return S3Error(
        400,
        "BadDigest",
        "The Content-MD5 you specified did not match what we received.",
        {"ExpectedDigest": expected.hex(), "CalculatedDigest": calculated},
    )


def stalled() -> S3Error:
    """A body that stopped arriving."""
    return S3Error(
        400,
        "RequestTimeout",
        "Your socket connection to the server was not read from or written to within the timeout "
        "period. Idle connections will be closed.",
    )


def no_such_key(key: str) -> S3Error:
    """A rightly signed request for nothing."""
    return S3Error(404, "NoSuchKey", "The specified key does not exist.", {"Key": key})


def precondition_failed(header: str) -> S3Error:
    """A condition of the caller's that does not hold."""
    return S3Error(
        412,
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        {"Condition": header},
    )


def wrong_method(method: str) -> S3Error:
    """A rightly signed request of a kind that objects do not have."""
    return S3Error(
        405,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        {"Method": method, "ResourceType": "OBJECT"},
        {hdrs.ALLOW: "GET, HEAD, PUT"},
    )


def invalid_range(requested: str, size: int) -> S3Error:
    """A range that begins behind the end."""
    return S3Error(
        416,
        "InvalidRange",
        "The requested range is not satisfiable",
        {"RangeRequested": requested, "ActualObjectSize": str(size)},
        {hdrs.CONTENT_RANGE: f"bytes */{size}"},
    )


_PASSING: Final = {
    400: (
        "IncompleteBody",
        "You did not provide the number of bytes specified by the Content-Length HTTP header",
    ),
    409: (
        "OperationAborted",
        "A conflicting conditional operation is currently in progress against this resource.",
    ),
    500: ("InternalError", "We encountered an internal error. Please try again."),
    503: ("SlowDown", "Please reduce your request rate."),
}


def passing(status: int) -> S3Error:
    """What S3 says when it has too much to do (503), has failed (500) or is at it (409)."""
    return S3Error(status, *_PASSING[status])


def no_http(status: int) -> S3Error:
    """Something that cannot be read as an HTTP request."""
    return S3Error(status, "BadRequest", "An error occurred when parsing the HTTP request.")


def _text(text: str) -> str:
    """Escape a text that came from outside; some characters cannot be in XML at all (§2.2)."""
    return escape(_NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text))


def _second(date: datetime) -> str:
    return date.strftime("%Y-%m-%dT%H:%M:%SZ")
