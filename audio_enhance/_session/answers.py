"""What an HTTP answer means: from status, headers and body to an error of ours. No I/O."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeGuard, TypeVar
from urllib.parse import quote, quote_plus

import attrs

from audio_enhance._core.errors import (
    ApiError,
    AuthenticationError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    ServerError,
    StorageError,
    ValidationError,
)
from audio_enhance._core.json_data import is_object, parsed
from audio_enhance._core.redaction import redact

_T = TypeVar("_T")
REDIRECTS = frozenset({301, 302, 303, 307, 308})
# 409: another request about the same is under way. 425: too early. Proxies have names of their own
# for a 502, such as 520 to 530; only what is never going to be otherwise is left out.
_TRANSIENT = frozenset({408, 409, 425, *range(500, 600)}) - {505, 507}
# What S3 says with a 400, and a second try can mend.
_STORAGE_TRANSIENT = frozenset({"IncompleteBody", "RequestTimeout"})
_STORAGE_STATUSES = _TRANSIENT | {307, 429}  # 307: the next URL need not lead there
_SCOPE_HINT = (
    "Add the scope to the credentials in Adobe's developer console, and name it in"
    " ClientCredentials(…, scopes=…)."
)
_MESSAGE_CHARACTERS = 500


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the server's id of a request; S3 has a name of its own for it."""
    given = headers.get("x-request-id") or headers.get("x-amz-request-id")
    return None if given is None else redact(_plain(given))


@attrs.frozen(eq=False, repr=False)
class Answer:
    """An answer that was read whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def request_id(self) -> str | None:
        """The server's id of the request; S3 has a name of its own for it."""
        return request_id(self.headers)

    def without(self, secret: str) -> "Answer":
        """Return the answer as it is where it does not quote a secret that was sent."""
        body = self.body
        for known in {secret, quote(secret), quote_plus(secret)} - {""}:
            body = body.replace(known.encode(), "…".encode())
        return self if body == self.body else attrs.evolve(self, body=body)

    def read(self, from_json: Callable[[Any], _T], now: float) -> _T:
        """Return what the JSON in the body stands for.

        Args:
            from_json: Reads it.
            now: The seconds since 1970 in UTC.

        Raises:
            ProtocolError: It stands for nothing, being cut or what a proxy has made of it, for
                example. Whoever was asked has acted, and may answer another time better.
        """
        try:
            return from_json(parsed(self.body))
        except ProtocolError as error:
            said = error.message
        except (ValueError, RecursionError):
            said = f"The answer ({self.status}) is not JSON."
        raise self.unusable(said, now)

    def unusable(self, message: str, now: float) -> ProtocolError:
        """Return the error for an answer of success that is not what was asked for."""
        error = ProtocolError(
            message, request_id=self.request_id, retryable=True, outcome_unknown=True
        )
        error.retry_after = retry_after(self.headers, now)
        return error


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Return the seconds that `retry-after` asks for (RFC 9110 §10.2.3: a number or a date).

    Args:
        headers: The answer's headers.
        now: The seconds since 1970 in UTC, for a date in an answer that has none of its own.
    """
    value = headers.get("retry-after")
    if not value:
        return None
    value = value.strip()
    if re.fullmatch(r"[0-9]{1,12}(\.[0-9]*)?", value):
        return float(value)
    moment = http_date(value)
    if moment is None:
        return None
    sent = http_date(headers.get("date"))  # by the server's clock, as the moment is
    return max(0.0, moment.timestamp() - (now if sent is None else sent.timestamp()))


def http_date(value: str | None) -> datetime | None:
    """Return the moment that a date in a header means (RFC 9110 §5.6.7), `None` if it is none."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, OverflowError):  # of a year that there is not
        return None
    # "-0000": UTC of unknown origin
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def api_error(
    answer: Answer, now: float, *, expired: bool = False, early: bool = False
) -> ApiError:
    """Return the error that a refusal by the API or the token endpoint stands for.

    Args:
        answer: The refusal.
        now: The seconds since 1970 in UTC.
        expired: Whether the token was refused, and there is another one.
        early: Whether what was asked about may not be seen yet.
    """
    document = _document(answer.body)
    code = _text(document.get("error_code") or document.get("error") or document.get("code"))
    fields, complaints = _complaints(document)
    message = _text(document.get("message") or document.get("error_description")) or complaints
    if message is None:
        message = re.sub(r"<[^>]*>", " ", answer.body.decode("utf-8", "replace"))
    elif complaints is not None and complaints not in message:
        message = f"{message.rstrip('.')}: {complaints}"
    message = _plain(message) or f"The server answered {answer.status}."
    details: dict[str, Any] = {
        "status": answer.status,
        "code": code,
        "request_id": answer.request_id,
        "retry_after": retry_after(answer.headers, now),
    }
    status = answer.status
    if status in (401, 403):
        hint = _SCOPE_HINT if status == 403 and "scope" in message.lower() else None
        return AuthenticationError(message, expired=expired, hint=hint, **details)
    if status == 404:
        return NotFoundError(message, early=early, **details)
    if status == 422:
        return ValidationError(message, fields=fields, **details)
    if status == 429:
        return RateLimitError(message, **details)
    if status in _TRANSIENT:
        return ServerError(message, **details)
    return ApiError(message, **details)


def storage_error(answer: Answer, now: float) -> StorageError | ServerError:
    """Return the error that a refusal by the object store stands for (S3: Error Responses)."""
    from html import unescape  # rarely needed, and it takes a while

    text = answer.body.decode("utf-8", "replace")

    def element(name: str) -> str | None:
        found = re.search(rf"<{name}>([^<]*)</{name}>", text)
        return unescape(found[1]) if found else None

    code = element("Code")
    message = element("Message") or f"The object store answered {answer.status}."
    kind = (
        ServerError
        if answer.status in _STORAGE_STATUSES or code in _STORAGE_TRANSIENT
        else StorageError
    )
    return kind(
        _plain(f"{code}: {message}" if code else message),
        status=answer.status,
        code=code,
        request_id=answer.request_id or _plain(element("RequestId") or "") or None,
        retry_after=retry_after(answer.headers, now),
    )


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = parsed(body)
    except (ValueError, RecursionError):
        return {}
    return document if is_object(document) else {}


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _text(value: object) -> str | None:
    return (_plain(value) or None) if isinstance(value, str) else None


def _plain(text: str) -> str:
    """Return a text from outside as one line, without what a terminal would obey."""
    printable = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(printable.split())[:_MESSAGE_CHARACTERS]


def _complaints(document: dict[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """Return the fields that a 422 names, and what it says of them, in the shapes that occur.

    The guide leaves the shape of a 422 open. Objects such as `{"errors": {"field": ["text"]}}`,
    lists of objects with `field`, `param` or `loc` and `message`, `msg` or `detail`, and plain
    lists of texts are understood.
    """
    errors = document.get("errors") or document.get("detail")
    pairs: list[tuple[str, str]] = []
    if is_object(errors):
        for field, said in errors.items():
            pairs.extend((field, str(text)) for text in (said if _is_list(said) else [said]))
    elif _is_list(errors):
        pairs.extend(_complaint(item) for item in errors)
    elif isinstance(errors, str):
        pairs.append(("", errors))
    if not pairs:
        return (), None
    fields = tuple(dict.fromkeys(field for field, _ in pairs if field))
    told = "; ".join(f"{field}: {text}" if field else text for field, text in pairs)
    return fields, told[:_MESSAGE_CHARACTERS]


def _complaint(item: Any) -> tuple[str, str]:
    if not is_object(item):
        return "", str(item)
    field = item.get("field") or item.get("param") or item.get("loc") or ""
    said = item.get("message") or item.get("msg") or item.get("detail") or "invalid"
    if _is_list(field):
        field = ".".join(str(part) for part in field if part != "body")
    return str(field), str(said)
