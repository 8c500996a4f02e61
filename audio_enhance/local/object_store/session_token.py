"""Security tokens of the sessions that sign presigned URLs: when they end is written in them."""

import base64
import secrets
import struct
from typing import Final

from attrs import frozen

from audio_enhance.local.object_store import errors as s3

# Base64 of these has ten slashes and four pluses in a row, so that every URL holds %2F and %2B:
# a client that decodes and encodes it again on the way breaks the signature.
_HEAD: Final = base64.b64decode("FwoGZXIvYXdzEPf//////////wEa++++")
_ENDS: Final = struct.Struct(">dd")
_TAIL: Final = 192


@frozen
class Lives:
    """When a URL and its session end, in seconds since the epoch."""

    url: float
    session: float


def session_token(lives: Lives) -> str:
    """Return a security token; no two are the same."""
    tail = secrets.token_bytes(_TAIL)
    return base64.b64encode(_HEAD + _ENDS.pack(lives.url, lives.session) + tail).decode()


def lives(token: str) -> Lives:
    """Return what is written in a security token.

    Raises:
        S3Error: 400 ``InvalidToken`` if it is none.
    """
    try:
        raw = base64.b64decode(token, validate=True)
    except ValueError:
        raw = b""
    if not raw.startswith(_HEAD) or len(raw) != len(_HEAD) + _ENDS.size + _TAIL:
        raise s3.invalid_token(token)
    return Lives(*_ENDS.unpack_from(raw, len(_HEAD)))
