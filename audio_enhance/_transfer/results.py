"""What can be a result, and what only looks like one."""

import aiohttp

from audio_enhance._core.errors import CorruptTransferError, ProtocolError

# A result is about as long as its source; formats differ in what a second of sound takes, from
# Opus to WAV a hundredfold.
_GROWTH = 100
_ROOM_BYTES = 256 << 20
_UNKNOWN_SOURCE_BYTES = 16 << 30
_NO_AUDIO = (
    "text/",
    "image/",
    "multipart/",
    "application/json",
    "application/xml",
    "application/xhtml",
    "application/javascript",
)


def most_bytes(source_bytes: int | None) -> int:
    """Return how long the result of a source of so many bytes can be at most."""
    if source_bytes is None:
        return _UNKNOWN_SOURCE_BYTES
    return _GROWTH * source_bytes + _ROOM_BYTES


def check_result(response: aiohttp.ClientResponse) -> None:
    """Raise a `CorruptTransferError` where an answer of success is a page of text, of a proxy."""
    kind = response.headers.get("Content-Type", "").strip().lower()
    if kind.startswith(_NO_AUDIO):
        raise CorruptTransferError(f"The result came as {kind.partition(';')[0]!r}, not as audio.")


def check_beginning(response: aiohttp.ClientResponse, beginning: bytes) -> None:
    """See whether a result can begin so.

    Raises:
        CorruptTransferError: It is empty, or begins like a page, as no format of audio does, and
            is not said to be audio.
    """
    if not beginning:
        raise CorruptTransferError("The result came without a single byte.")
    kind = response.headers.get("Content-Type", "").strip().lower()
    if not kind.startswith("audio/") and beginning.lstrip()[:1] == b"<":
        raise CorruptTransferError("The result is a page, not audio.")


def check_length(count: int, most: int) -> None:
    """Raise a `ProtocolError` if a result is, or will be, longer than it can be."""
    if count > most:
        raise ProtocolError(
            f"The result has more than {most} bytes, which is too much for its source.",
            hint="Allow more with EnhanceClient(max_result_bytes=…) if that is right.",
        )
