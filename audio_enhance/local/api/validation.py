"""The request bodies of the API, and everything that can be wrong with them."""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from attrs import frozen

from audio_enhance.local.conditions.behaviour import Revision

from .problems import bad_request, invalid

# The Enhance Speech API reference, "Create an asset", content_type.
CONTENT_TYPES: Final = frozenset(
    {
        "audio/aac",
        "audio/flac",
        "audio/m4a",
        "audio/mp4",
        "audio/mpeg",
        "audio/mpeg4-generic",
        "audio/ogg",
        "audio/opus",
        "audio/vnd.dlna.adts",
        "audio/vorbis",
        "audio/wav",
        "audio/x-aac",
        "audio/x-aiff",
        "audio/x-flac",
        "audio/x-m4a",
        "audio/x-wav",
    }
)
_LONGEST_FILENAME: Final = 255


@frozen
class NewAsset:
    """A valid body of ``POST assets``; ``checksum`` is None in the later revision."""

    filename: str
    byte_size: int
    checksum: str | None
    content_type: str


def new_asset(body: bytes, revision: Revision) -> NewAsset:
    """Read the body of ``POST assets``.

    Raises:
        ProblemError: 400 if it is no JSON, 422 with every field that is wrong.
    """
    values = _object(body)
    errors = {
        "filename": _filename_error(values),
        "byte_size": _byte_size_error(values),
        # The later revision neither asks for a checksum nor looks at one.
        "checksum": _checksum_error(values) if revision == "2024-04" else None,
        "content_type": _content_type_error(values),
    }
    _raise_if_any(errors)
    return NewAsset(
        filename=values["filename"],
        byte_size=values["byte_size"],
        checksum=values["checksum"] if revision == "2024-04" else None,
        content_type=values["content_type"],
    )


def strength(body: bytes) -> int:
    """Read the body of ``POST speech_enhancements``.

    Raises:
        ProblemError: 400 if it is no JSON, 422 if ``strength`` is no integer from 0 to 100.
    """
    values = _object(body)
    _raise_if_any({"strength": _strength_error(values)})
    value: int = values["strength"]
    return value


def _object(body: bytes) -> dict[str, Any]:
    try:
        # Decoded here: `json` would take UTF-16 and UTF-32 too, which JSON between systems must
        # not be (RFC 8259 §8.1).
        values: Any = json.loads(body.decode(), parse_constant=_refuse)
    except (ValueError, RecursionError):
        # Nothing could be read, so there is no field to name; 422 is for what could be read.
        raise bad_request("the request body is not valid JSON") from None
    if not isinstance(values, dict):
        raise invalid({"body": "must be a JSON object"})
    return cast("dict[str, Any]", values)


def _refuse(constant: str) -> NoReturn:
    """Take no ``NaN`` and no ``Infinity``: Python knows them, JSON does not (RFC 8259 §6)."""
    raise ValueError(constant)


def _raise_if_any(errors: Mapping[str, str | None]) -> None:
    wrong = {name: error for name, error in errors.items() if error}
    if wrong:
        raise invalid(wrong)


def _filename_error(values: Mapping[str, Any]) -> str | None:
    match values.get("filename"):
        case None:
            return "is required"
        case str() as name if not name.strip():
            return "can't be blank"
        case str() as name if not name.isprintable():
            return "must not contain control characters"
        case str() as name if len(name) > _LONGEST_FILENAME:
            return f"is too long (maximum is {_LONGEST_FILENAME} characters)"
        case str():
            return None
        case _:
            return "must be a string"


def _byte_size_error(values: Mapping[str, Any]) -> str | None:
    match values.get("byte_size"):
        case None:
            return "is required"
        case bool():
            return "must be an integer"
        case int() as size:
            return None if size > 0 else "must be greater than 0"
        case _:
            return "must be an integer"


def _checksum_error(values: Mapping[str, Any]) -> str | None:
    match values.get("checksum"):
        case None:
            return "is required"
        case str() as checksum:
            try:
                digest = base64.b64decode(checksum, validate=True)
            except ValueError:
                digest = b""
            # Compared once more: b64decode lets stray bits in the last character pass.
            if len(digest) == 16 and base64.b64encode(digest).decode() == checksum:
                return None
            return "must be the base64-encoded MD5 of the file"
        case _:
            return "must be a string"


def _content_type_error(values: Mapping[str, Any]) -> str | None:
    match values.get("content_type"):
        case None:
            return "is required"
        case str() as content_type:
            return None if content_type in CONTENT_TYPES else "is not supported"
        case _:
            return "must be a string"


def _strength_error(values: Mapping[str, Any]) -> str | None:
    match values.get("strength"):
        case None:
            return "is required"
        case bool():
            return "must be an integer"
        case int() as value:
            return None if 0 <= value <= 100 else "must be between 0 and 100"
        case _:
            return "must be an integer"
