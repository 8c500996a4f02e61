"""Errors as answers over HTTP: which status each has, and the body (RFC 9457, Problem Details)."""

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

import attrs

from audio_enhance import (
    ApiError,
    AudioEnhanceError,
    ClientClosedError,
    ConfigurationError,
    ConnectionFailedError,
    EnhancementFailedError,
    InvalidInputError,
    JobCancelledError,
    MissingExtraError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
    RequestTimeoutError,
    SourceTooLargeError,
    TooManyWaitingError,
    UnsupportedMediaTypeError,
    WaitTimeoutError,
)

from ._disconnect import ClientDisconnectedError
from ._results import NoResultError, UnknownJobError

__all__ = ["STATUSES", "Problem", "problem", "status_of"]

STATUSES: Mapping[type[AudioEnhanceError], int] = {
    # What the sender can do something about.
    InvalidInputError: 400,
    ClientDisconnectedError: 400,
    UnknownJobError: 404,
    NotFoundError: 404,
    JobCancelledError: 410,
    NoResultError: 410,
    SourceTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    EnhancementFailedError: 422,
    # What is the backend's own: its settings, its disk.
    AudioEnhanceError: 500,
    ConfigurationError: 500,
    MissingExtraError: 500,
    # What the API, the object store or the network did.
    ApiError: 502,
    ProtocolError: 502,
    ConnectionFailedError: 502,
    ClientClosedError: 503,
    RateLimitError: 503,
    TooManyWaitingError: 503,
    RequestTimeoutError: 504,
    WaitTimeoutError: 504,
}
"""The status of an error is that of the nearest of its classes here."""


@attrs.frozen
class Problem:
    """An answer that says what went wrong.

    Attributes:
        status: The HTTP status, 400 to 599.
        headers: `Content-Type`, `Cache-Control`, and `Retry-After` where it is known when to
            come again.
        body: JSON in UTF-8.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def status_of(error: AudioEnhanceError) -> int:
    """Return the HTTP status for an error."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


def problem(error: AudioEnhanceError) -> Problem:
    """Return an error as an answer for a browser or another program.

    An error of the backend itself gets status 500 without its message, which may contain the
    backend's folders or settings.
    """
    status = status_of(error)
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    told: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "error": type(error).__name__,
        "retryable": error.retryable,
    }
    if status != 500:
        told["detail"] = error.message
    if error.retry_after is not None:
        headers["Retry-After"] = str(max(1, math.ceil(error.retry_after)))
    return Problem(status, headers, json.dumps(told, ensure_ascii=False).encode())
