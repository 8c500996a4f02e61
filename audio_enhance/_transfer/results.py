"""What can be a result, and what only looks like one."""

from codecs import BOM_UTF8

import aiohttp

from audio_enhance._core.errors import CorruptTransferError, ProtocolError

# A result is about as long as its source; formats differ in what a second of sound takes, from
# Opus to WAV a hundredfold.
_GROWTH = 100
_ROOM_BYTES = 256 << 20
_UNKNOWN_SOURCE_BYTES = 16 << 30
_NO_AUDIO_SUFFIXES = ("+json", "+xml")  # such as application/problem+json (RFC 6838 §4.2.8)
# Of a page and of JSON, behind a mark of UTF-8 or without one.
_NO_AUDIO_BEGINS = (b"<", b"{")
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
    """See whether an answer of success can be the object store's, byte for byte.

    Raises:
        CorruptTransferError: A proxy has made something else of it. Another try may miss it.
    """
    if response.status not in (200, 206):
        raise CorruptTransferError(f"The result came with the status {response.status}.")
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in ("", "identity"):
        raise CorruptTransferError(f"The result came encoded: {encoding}.")
    kind = _kind(response)
    if kind.startswith(_NO_AUDIO) or kind.endswith(_NO_AUDIO_SUFFIXES):
        raise CorruptTransferError(f"The result came as {kind!r}, not as audio.")


def check_beginning(response: aiohttp.ClientResponse, beginning: bytes) -> None:
    """See whether a result can begin so.

    Raises:
        CorruptTransferError: It is empty, or begins like a page or like JSON, as no format of
            audio does, and is not said to be audio.
    """
    if not beginning:
        raise CorruptTransferError("The result is empty.")
    text = beginning.removeprefix(BOM_UTF8).lstrip()
    if text.startswith(_NO_AUDIO_BEGINS) and not _kind(response).startswith("audio/"):
        raise CorruptTransferError("The result is a page, not audio.")


def _kind(response: aiohttp.ClientResponse) -> str:
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def check_length(count: int, most: int) -> None:
    """Raise a `ProtocolError` if a result is, or will be, longer than it can be."""
    if count > most:
        raise ProtocolError(
            f"The result has more than {most} bytes, which is too much for its source.",
            hint="Allow more with EnhanceClient(max_result_bytes=…) if that is right.",
        )
