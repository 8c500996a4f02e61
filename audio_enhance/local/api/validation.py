"""The request bodies of the API, and everything that can be wrong with them."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from attrs import frozen

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
# As in openapi.json, which the tests compare with these. A name has no control characters or line
# separators, and one character at least that is no blank; half of a character (a lone
# surrogate) is none, which a pattern need not say.
_NAMED: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
FILENAME: Final = rf"^[^{_NAMED}]*[^{_NAMED}\u0020\u00a0][^{_NAMED}]*$"
LONGEST_FILENAME: Final = 255
# 16 bytes are 22 characters, of which the last one holds two bits.
CHECKSUM: Final = "^[A-Za-z0-9+/]{21}[AQgw]==$"
UPLOAD_ID: Final = "^audio-services:asset:[A-Za-z0-9-]+$"


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern of openapi.json holds; Python's ``$`` would let a newline pass."""
    return re.search(pattern.removesuffix("$") + r"\Z", text) is not None


@frozen
class NewAsset:
    """A valid body of ``POST assets``; ``checksum`` is None where none is asked for."""

    filename: str
    byte_size: int
    checksum: str | None
    content_type: str


@frozen
class NewEnhancement:
    """A valid body of ``POST speech-enhancements`` (v2)."""

    asset_id: str
    strength: int


def new_asset(body: bytes, *, checksum: bool) -> NewAsset:
    """Read the body of v1's ``POST assets``; without ``checksum`` none is asked for or read.

    Raises:
        ProblemError: 400 if it is no JSON, 422 with every field that is wrong.
    """
    values = _object(body)
    _raise_if_any(
        {
            "filename": _filename_error(values.get("filename")),
            "byte_size": _byte_size_error(values.get("byte_size")),
            "checksum": _checksum_error(values.get("checksum")) if checksum else None,
            "content_type": _content_type_error(values.get("content_type")),
        }
    )
    return NewAsset(
        filename=values["filename"],
        byte_size=int(values["byte_size"]),
        checksum=values["checksum"] if checksum else None,
        content_type=values["content_type"],
    )


def new_asset_v2(body: bytes) -> NewAsset:
    """Read the body of v2's ``POST assets``.

    Raises:
        ProblemError: 400 if it is no JSON, 422 with every field that is wrong.
    """
    values = _object(body)
    _raise_if_any(
        {
            "fileName": _filename_error(values.get("fileName")),
            "byteSize": _byte_size_error(values.get("byteSize")),
            "mediaType": _content_type_error(values.get("mediaType")),
        }
    )
    return NewAsset(values["fileName"], int(values["byteSize"]), None, values["mediaType"])


def strength(body: bytes) -> int:
    """Read the body of v1's ``POST speech_enhancements``.

    Raises:
        ProblemError: 400 if it is no JSON, 422 if ``strength`` is no integer from 0 to 100.
    """
    values = _object(body)
    value = values.get("strength")
    _raise_if_any({"strength": _strength_error(value, 0) or _integer_error(value)})
    return int(values["strength"])


def new_enhancement(body: bytes) -> NewEnhancement:
    """Read the body of v2's ``POST speech-enhancements``; its strength is any number.

    Raises:
        ProblemError: 400 if it is no JSON, 422 with every field that is wrong.
    """
    values = _object(body)
    given: Any = values.get("input")
    fields = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    _raise_if_any(
        {
            "input": None if fields else ("is required" if given is None else "must be an object"),
            "input.uploadId": _upload_id_error(fields.get("uploadId")) if fields else None,
            "strength": _strength_error(values.get("strength"), 1),
        }
    )
    asset_id = fields["uploadId"].removeprefix("audio-services:asset:")
    return NewEnhancement(asset_id, round(values["strength"]))


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


def _filename_error(value: object) -> str | None:
    match value:
        case None:
            return "is required"
        case str() as name if not name.strip(" \u00a0"):
            return "can't be blank"
        case str() as name if not matches(FILENAME, name) or not _is_unicode(name):
            return "must not contain control characters"
        case str() as name if len(name) > LONGEST_FILENAME:
            return f"is too long (maximum is {LONGEST_FILENAME} characters)"
        case str():
            return None
        case _:
            return "must be a string"


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _integer_error(value: object) -> str | None:
    # JSON has numbers only: 93.0 is the integer 93 (JSON Schema 2020-12, §6.1.1 too).
    if isinstance(value, int) and not isinstance(value, bool):
        return None
    return None if isinstance(value, float) and value.is_integer() else "must be an integer"


def _byte_size_error(value: object) -> str | None:
    match value:
        case None:
            return "is required"
        case int() | float() as size if not _integer_error(size):
            return None if size > 0 else "must be greater than 0"
        case _:
            return "must be an integer"


def _checksum_error(value: object) -> str | None:
    match value:
        case None:
            return "is required"
        case str() as checksum if matches(CHECKSUM, checksum):
            return None
        case str():
            return "must be the base64-encoded MD5 of the file"
        case _:
            return "must be a string"


def _content_type_error(value: object) -> str | None:
    match value:
        case None:
            return "is required"
        case str() as content_type:
            return None if content_type in CONTENT_TYPES else "is not supported"
        case _:
            return "must be a string"


def _upload_id_error(value: object) -> str | None:
    match value:
        case None:
            return "is required"
        case str() as upload_id:
            return None if matches(UPLOAD_ID, upload_id) else "is not the id of an upload"
        case _:
            return "must be a string"


def _strength_error(value: object, lowest: int) -> str | None:
    match value:
        case None:
            return "is required"
        case bool():
            return "must be a number"
        case int() | float() as number:
            return None if lowest <= number <= 100 else f"must be between {lowest} and 100"
        case _:
            return "must be a number"
