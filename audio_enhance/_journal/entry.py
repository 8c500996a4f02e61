"""What a journal knows of one source at one strength, and how it is read from a row."""

import math
from collections.abc import Callable, Sequence
from enum import StrEnum, auto
from typing import Any

import attrs


class EntryState(StrEnum):
    """How far one source at one strength is; the order is that of the work."""

    QUEUED = auto()
    """Nothing was asked of the server yet."""
    UPLOADING = auto()
    """There is an asset; its upload may be under way."""
    UPLOADED = auto()
    """The asset is ready for processing."""
    SUBMITTING = auto()
    """An enhancement is about to be asked for: a run that ends here may have made one more."""
    SUBMITTED = auto()
    """There is an enhancement, and the server has not finished it as far as we know."""
    PROCESSED = auto()
    """The server has finished it."""
    DOWNLOADING = auto()
    """The result is on its way into the file `temporary`."""
    SUCCEEDED = auto()
    """The result is in its place."""
    FAILED = auto()
    """It came to nothing; `error` says why."""


@attrs.frozen(kw_only=True)
class JournalEntry:
    """What is known of one source at one strength.

    Attributes:
        source: The absolute path, or else its name.
        strength: 0 (the original) to 100 (fully enhanced).
        key: Your own key for the job; empty if you gave none.
        state: How far it is.
        byte_size: Length of the source in bytes.
        modified_ns: When the source was last modified, in nanoseconds since 1970.
        filename: The name under which the API knows it.
        content_type: The content type that was sent.
        md5: The source's MD5, as 32 hexadecimal digits.
        client_id: The API client that the asset and the enhancement belong to.
        asset_id: The asset, as soon as there is one.
        enhancement_id: The speech enhancement, as soon as there is one.
        output: The path of the result.
        output_size: Length of the result in bytes.
        output_modified_ns: When the result was last modified, in nanoseconds since 1970.
        output_md5: The result's MD5, as 32 hexadecimal digits.
        placing: The path that a complete result is about to get; the file shows whether it got it.
        placing_size: Length of that result in bytes.
        placing_modified_ns: When that result was last modified, in nanoseconds since 1970.
        placing_md5: That result's MD5, as 32 hexadecimal digits.
        temporary: The temporary file of a download under way.
        spooled: Where data that arrived is kept until the job is over.
        gone: Whether the recording was missing when its turn came.
        tries: How many enhancements were created for it.
        extra: How many enhancements may exist beyond the one that is needed.
        error: Why it failed, without secrets.
        created_at: When it was first written, in seconds since 1970 (UTC); set by the journal.
        updated_at: When it was last written, in seconds since 1970 (UTC); set by the journal.
    """

    source: str
    strength: int
    key: str = ""
    state: EntryState = EntryState.QUEUED
    byte_size: int | None = None
    modified_ns: int | None = None
    filename: str | None = None
    content_type: str | None = None
    md5: str | None = None
    client_id: str | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None
    output: str | None = None
    output_size: int | None = None
    output_modified_ns: int | None = None
    output_md5: str | None = None
    placing: str | None = None
    placing_size: int | None = None
    placing_modified_ns: int | None = None
    placing_md5: str | None = None
    temporary: str | None = None
    spooled: str | None = None
    gone: bool = False
    tries: int = 0
    extra: int = 0
    error: str | None = None
    created_at: float = 0.0
    updated_at: float = 0.0


NAMES = tuple(field.name for field in attrs.fields(JournalEntry))


class DamagedError(Exception):
    """A row holds what no version of this library writes."""


def stored(value: Any) -> Any:
    """Return what SQLite can take: names of files need not be Unicode (PEP 383), its texts must."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return value.encode("utf-8", "surrogatepass")
    return value


def loaded(value: Any) -> Any:
    """Return what `stored` was given; raises `DamagedError` for bytes that it cannot have made."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise DamagedError("text") from None


def text_of(value: Any) -> str:
    """Return the text of a value that has to be one; raises `DamagedError` for any other."""
    value = loaded(value)
    if not isinstance(value, str):
        raise DamagedError("text")
    return value


def state_of(value: Any) -> EntryState:
    """Return the state that a row has; raises `DamagedError` for none."""
    if value not in set(EntryState):
        raise DamagedError("state")
    return EntryState(value)


def entry_of(row: Sequence[Any]) -> JournalEntry:
    """Return the entry of a row, whose values come in the order of `NAMES`.

    Raises:
        DamagedError: A value is not what was written: a disk may change any bit.
    """
    values = {name: loaded(value) for name, value in zip(NAMES, row, strict=False)}
    for name, value in values.items():
        if not _RULES[name](value):
            raise DamagedError(name)
    values["state"] = state_of(values["state"])
    values["gone"] = bool(values["gone"])
    return JournalEntry(**values)


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _number(value: Any) -> bool:
    return isinstance(value, int) and value >= 0


def _strength(value: Any) -> bool:
    return _number(value) and value <= 100


def _moment(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _integer(value: Any) -> bool:
    return isinstance(value, int)  # a file may be older than 1970


def _md5(value: Any) -> bool:
    return _text(value) and len(value) == 32 and not set(value) - set("0123456789abcdef")


def _or_none(rule: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or rule(value)


_RULES: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(NAMES, _or_none(_text)),
    **dict.fromkeys(("source", "key"), _text),
    **dict.fromkeys(("md5", "output_md5", "placing_md5"), _or_none(_md5)),
    **dict.fromkeys(("byte_size", "output_size", "placing_size"), _or_none(_number)),
    **dict.fromkeys(
        ("modified_ns", "output_modified_ns", "placing_modified_ns"), _or_none(_integer)
    ),
    **dict.fromkeys(("tries", "extra", "gone"), _number),
    **dict.fromkeys(("created_at", "updated_at"), _moment),
    "strength": _strength,
    "state": _text,
}
