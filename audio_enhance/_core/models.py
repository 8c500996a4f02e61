"""The API's two nouns as frozen classes with the API's own field names (the guide, Concepts)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

import attrs

from .errors import InvalidStrengthError, ProtocolError
from .redaction import redacted_repr

_T = TypeVar("_T")
_NoneType = type(None)


class _Status(StrEnum):
    """A status whose unknown values stay what the server said instead of raising."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = value.upper()
        member._value_ = value
        return member


class AssetStatus(_Status):
    """How far an asset is; a value that is not listed here is kept as it came."""

    WAITING_FOR_UPLOAD = "waiting_for_upload"
    READY_FOR_PROCESSING = "ready_for_processing"


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


def _timestamp(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


class _Fields:
    """Takes fields out of a JSON object and says which one does not fit."""

    def __init__(self, noun: str, data: object) -> None:
        if not isinstance(data, Mapping):
            raise ProtocolError(f"The API answered with something that is no {noun}.")
        self._noun = noun
        self._data: Mapping[str, Any] = data

    def take(
        self, name: str, kind: type | tuple[type, ...], convert: Callable[[Any], _T] = lambda x: x
    ) -> _T:
        value = self._data.get(name)
        if isinstance(value, kind) and not isinstance(value, bool):
            try:
                return convert(value)
            except ValueError:
                pass
        raise ProtocolError(f"The API's {self._noun} has no usable field {name!r}.")

    def optional(self, name: str, convert: Callable[[str], _T]) -> _T | None:
        return self.take(name, (str, _NoneType), lambda x: x if x is None else convert(x))


@attrs.frozen(kw_only=True)
class Asset:
    """A file that contains audio, as the server knows it.

    Attributes:
        upload_url: Where its bytes are PUT, valid for a few minutes; `None` once they are there.
        checksum: The base64 MD5 of its bytes; the API's later revision leaves it `None` until
            the upload has landed.
    """

    id: str
    filename: str
    upload_url: str | None = attrs.field(repr=redacted_repr)
    status: AssetStatus
    created_at: datetime
    updated_at: datetime
    byte_size: int
    content_type: str
    checksum: str | None

    @classmethod
    def from_json(cls, data: object) -> Self:
        """Read the API's JSON object; raises `ProtocolError` naming a field that does not fit."""
        fields = _Fields("asset", data)
        return cls(
            id=fields.take("id", str),
            filename=fields.take("filename", str),
            upload_url=fields.optional("upload_url", str),
            status=fields.take("status", str, AssetStatus),
            created_at=fields.take("created_at", str, _timestamp),
            updated_at=fields.take("updated_at", str, _timestamp),
            byte_size=fields.take("byte_size", int),
            content_type=fields.take("content_type", str),
            checksum=fields.optional("checksum", str),
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
            id=fields.take("id", str),
            asset_id=fields.take("asset_id", str),
            strength=fields.take("strength", int),
            status=fields.take("status", str, EnhancementStatus),
            download_url=fields.optional("download_url", str),
            requested_processing_at=fields.take("requested_processing_at", str, _timestamp),
            finished_processing_at=fields.optional("finished_processing_at", _timestamp),
            model_id=fields.optional("model_id", str),
        )


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
