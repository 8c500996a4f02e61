"""The API's two nouns as frozen classes with the API's own field names (the guide, Concepts)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple, Self

import attrs

from .errors import InvalidStrengthError, ProtocolError
from .json_data import is_object
from .redaction import redacted_repr

# Reckoning with moments near the ends of the calendar would fail.
_EARLIEST, _LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)


class _Status(StrEnum):
    """A status whose unknown values stay what the server said; the case of letters is no matter."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        known = cls.__members__.get(value.upper())
        return cls._unknown(value) if known is None else known

    @classmethod
    def _unknown(cls, value: str) -> Self:
        member = str.__new__(cls, value)
        member._name_ = value.upper() if value.isprintable() else "UNKNOWN"  # shown by `repr`
        member._value_ = value
        return member


class AssetStatus(_Status):
    """How far an asset is; a value that is not listed here is kept as it came."""

    WAITING_FOR_UPLOAD = "waiting_for_upload"
    READY_FOR_PROCESSING = "ready_for_processing"
    INVALID_UPLOAD = "invalid_upload"
    UPLOAD_INVALID = "invalid_upload"  # the API's description has both names

    @property
    def final(self) -> bool:
        """Whether the server will not change it any more."""
        return self in (AssetStatus.READY_FOR_PROCESSING, AssetStatus.INVALID_UPLOAD)


class EnhancementStatus(_Status):
    """How far an enhancement is; a value that is not listed here is kept as it came."""

    QUEUED = "queued"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def finished(self) -> bool:
        """Whether the server will not work on it any more."""
        return self in (EnhancementStatus.SUCCEEDED, EnhancementStatus.FAILED)


def _id(value: str | int) -> str:
    # Ids go into addresses, errors and logs as they are.
    text = str(value)
    if text in ("", ".", "..") or not text.isprintable():  # as a part of a path, these lead away
        raise ValueError
    return text


def _number(value: float | str) -> int:
    return round(float(value))


def _timestamp(value: float | str) -> datetime:
    if not isinstance(value, str):
        moment = _counted(value)
    else:
        try:
            moment = datetime.fromisoformat(value)  # as nearly all of them are written
        except ValueError:
            moment = _written(value)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment if _EARLIEST <= moment <= _LATEST else min(max(moment, _EARLIEST), _LATEST)


def _written(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        from email.utils import parsedate_to_datetime  # rarely needed, and it takes a while

        return parsedate_to_datetime(text)


def _counted(seconds: float) -> datetime:
    # Milliseconds, where as seconds they would be thousands of years ahead.
    milliseconds = seconds > _LATEST.timestamp()
    return _EARLIEST + timedelta(seconds=seconds / 1000 if milliseconds else seconds)


class _Field(NamedTuple):
    """How a field is read.

    Attributes:
        kinds: What it may be in JSON; to Python `true` is a number, but none of these types.
        convert: Makes of it what the model holds; `None` where that is the same.
        may_lack: Whether it may be missing, null or empty.
    """

    kinds: tuple[type, ...]
    convert: Callable[[Any], Any] | None = None
    may_lack: bool = False


def _read(noun: str, data: object, readers: Mapping[str, _Field]) -> dict[str, Any]:
    """Return the fields of a JSON object; raises `ProtocolError` naming one that does not fit."""
    if not is_object(data):
        raise ProtocolError(f"The API's answer is not a usable {noun}.")
    fields: dict[str, Any] = {}
    for name, (kinds, convert, may_lack) in readers.items():
        value = data[name] if name in data else None  # noqa: SIM401  without a call
        if may_lack and (value is None or value == ""):
            fields[name] = None
            continue
        try:
            if type(value) not in kinds:
                raise ValueError
            fields[name] = value if convert is None else convert(value)
        except (ValueError, OverflowError):
            message = f"The API's {noun} has no usable field {name!r}."
            raise ProtocolError(message) from None
    return fields


@attrs.frozen(kw_only=True)
class Asset:
    """A file that contains audio, as the server knows it.

    Attributes:
        id: Its id.
        filename: The name it was registered under.
        status: How far it is.
        created_at: When it was created.
        upload_url: Where its bytes are PUT, valid for a few minutes; `None` once they are there.
        updated_at: When it changed last; if the server does not tell, when it was created.
        byte_size: Its length in bytes; `None` if the server does not tell.
        content_type: Its type; `None` if the server does not tell.
        checksum: The base64 MD5 of its bytes; the API's later revision leaves it `None` until
            the upload has landed.
        retry_after: The seconds that the server asks to wait before it is asked again, if it
            does (`retry-after`).
    """

    id: str
    filename: str
    upload_url: str | None = attrs.field(repr=redacted_repr)
    status: AssetStatus
    created_at: datetime
    updated_at: datetime
    byte_size: int | None
    content_type: str | None
    checksum: str | None
    retry_after: float | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the API's JSON object; raises `ProtocolError` naming a field that does not fit."""
        fields = _read("asset", data, _ASSET)
        fields["updated_at"] = fields["updated_at"] or fields["created_at"]
        return cls(**fields)


@attrs.frozen(kw_only=True)
class SpeechEnhancement:
    """An asset that has been, or will be, enhanced at one strength.

    Attributes:
        id: Its id.
        asset_id: The asset it is made from.
        status: How far it is.
        requested_processing_at: When it was asked for.
        finished_processing_at: When the server finished it; `None` until then.
        model_id: The model that enhances; `None` if the server does not tell.
        strength: 0 to 100: how much of the enhanced audio is in the result.
        download_url: Where the result is, once the status is `succeeded`: an address of the API
            that redirects, or itself a presigned URL, depending on the API's revision.
        retry_after: The seconds that the server asks to wait before it is asked again, if it
            does (`retry-after`).
    """

    id: str
    asset_id: str
    strength: int
    status: EnhancementStatus
    download_url: str | None = attrs.field(repr=redacted_repr)
    requested_processing_at: datetime
    finished_processing_at: datetime | None
    model_id: str | None
    retry_after: float | None = attrs.field(default=None, eq=False, repr=False)

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the API's JSON object; raises `ProtocolError` naming a field that does not fit."""
        return cls(**_read("speech enhancement", data, _ENHANCEMENT))

    @property
    def finished(self) -> bool:
        """Whether the server will not work on it any more, whatever it calls that."""
        if self.status.finished:
            return True
        unknown = self.status not in EnhancementStatus.__members__.values()
        return unknown and self.finished_processing_at is not None


_TEXT, _ID, _NUMBER = (str,), (str, int), (int, float, str)
_ASSET = {
    "id": _Field(_ID, _id),
    "filename": _Field(_TEXT),
    "upload_url": _Field(_TEXT, may_lack=True),
    "status": _Field(_TEXT, AssetStatus),
    "created_at": _Field(_NUMBER, _timestamp),
    "updated_at": _Field(_NUMBER, _timestamp, may_lack=True),
    "byte_size": _Field(_NUMBER, _number, may_lack=True),
    "content_type": _Field(_TEXT, may_lack=True),
    "checksum": _Field(_TEXT, may_lack=True),
}
_ENHANCEMENT = {
    "id": _Field(_ID, _id),
    "asset_id": _Field(_ID, _id),
    "strength": _Field(_NUMBER, _number),
    "status": _Field(_TEXT, EnhancementStatus),
    "download_url": _Field(_TEXT, may_lack=True),
    "requested_processing_at": _Field(_NUMBER, _timestamp),
    "finished_processing_at": _Field(_NUMBER, _timestamp, may_lack=True),
    "model_id": _Field(_ID, _id, may_lack=True),
}


def check_strength(strength: object) -> int:
    """Return the strength if it is a whole number from 0 to 100.

    Raises:
        InvalidStrengthError: It is not (the API's later revision gives the range).
    """
    if isinstance(strength, int) and not isinstance(strength, bool) and 0 <= strength <= 100:
        return strength
    raise InvalidStrengthError(
        f"The strength {strength!r} is not a whole number from 0 to 100.",
        hint="0 keeps the original, 100 is the fully enhanced audio; the guide uses 93.",
    )


def check_strengths(strengths: int | Iterable[int]) -> list[int]:
    """Return one or several strengths as a list without repetitions, in the order given.

    Raises:
        InvalidStrengthError: One is out of range, or there is none.
    """
    try:
        if isinstance(strengths, int | str | bytes):  # bytes would be taken for numbers
            strengths = [check_strength(strengths)]
        several = list(strengths)
    except TypeError:  # from callers whose code is not type-checked
        several = [check_strength(strengths)]
    if not several:
        raise InvalidStrengthError("There is no strength to enhance at.")
    return list(dict.fromkeys(check_strength(strength) for strength in several))
