"""The API's two nouns as frozen classes with the API's own field names (the guide, Concepts)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

import attrs

from .errors import InvalidStrengthError, ProtocolError
from .redaction import redacted_repr

_T = TypeVar("_T")


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
        member._name_ = value.upper()
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


def _id(value: object) -> str:
    # Ids go into addresses, errors and logs as they are.
    text = str(value) if isinstance(value, int) else value
    if not isinstance(text, str) or not text or not text.isprintable():
        raise ValueError
    return text


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int | float | str):
        raise ValueError
    return round(float(value))


def _timestamp(value: object) -> datetime:
    moment = datetime.fromisoformat(_text(value))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


class _Fields:
    """Takes fields out of a JSON object and says which one does not fit."""

    def __init__(self, noun: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise ProtocolError(f"The API answered with something that is no {noun}.")
        self._noun = noun
        self._data: Mapping[str, Any] = data

    def take(self, name: str, read: Callable[[Any], _T]) -> _T:
        value = self._data.get(name)
        if not isinstance(value, bool):
            try:
                return read(value)
            except (ValueError, OverflowError):
                pass
        raise ProtocolError(f"The API's {self._noun} has no usable field {name!r}.")

    def optional(self, name: str, read: Callable[[Any], _T]) -> _T | None:
        return None if self._data.get(name) is None else self.take(name, read)


@attrs.frozen(kw_only=True)
class Asset:
    """A file that contains audio, as the server knows it.

    Attributes:
        upload_url: Where its bytes are PUT, valid for a few minutes; `None` once they are there.
        updated_at: When it changed last; when it was created, where the server does not tell.
        byte_size: Its length; `None` where the server does not tell.
        content_type: Its type; `None` where the server does not tell.
        checksum: The base64 MD5 of its bytes; the API's later revision leaves it `None` until
            the upload has landed.
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

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the API's JSON object; raises `ProtocolError` naming a field that does not fit."""
        fields = _Fields("asset", data)
        created_at = fields.take("created_at", _timestamp)
        return cls(
            id=fields.take("id", _id),
            filename=fields.take("filename", _text),
            upload_url=fields.optional("upload_url", _text),
            status=fields.take("status", AssetStatus),
            created_at=created_at,
            updated_at=fields.optional("updated_at", _timestamp) or created_at,
            byte_size=fields.optional("byte_size", _number),
            content_type=fields.optional("content_type", _text),
            checksum=fields.optional("checksum", _text),
        )


@attrs.frozen(kw_only=True)
class SpeechEnhancement:
    """An asset that has been, or will be, enhanced at one strength.

    Attributes:
        strength: 0 to 100: how much of the enhanced audio is in the result.
        download_url: Where the result is, once the status is `succeeded`: an address of the API
            that redirects, or itself a presigned URL, depending on the API's revision.
    """

    id: str
    asset_id: str
    strength: int
    status: EnhancementStatus
    download_url: str | None = attrs.field(repr=redacted_repr)
    requested_processing_at: datetime
    finished_processing_at: datetime | None
    model_id: str | None

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the API's JSON object; raises `ProtocolError` naming a field that does not fit."""
        fields = _Fields("speech enhancement", data)
        return cls(
            id=fields.take("id", _id),
            asset_id=fields.take("asset_id", _id),
            strength=fields.take("strength", _number),
            status=fields.take("status", EnhancementStatus),
            download_url=fields.optional("download_url", _text),
            requested_processing_at=fields.take("requested_processing_at", _timestamp),
            finished_processing_at=fields.optional("finished_processing_at", _timestamp),
            model_id=fields.optional("model_id", _id),
        )

    @property
    def finished(self) -> bool:
        """Whether the server will not work on it any more, whatever it calls that."""
        unknown = self.status not in EnhancementStatus.__members__.values()
        return self.status.finished or (unknown and self.finished_processing_at is not None)


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
