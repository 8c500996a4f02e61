"""What identifies a file's content: its length and MD5, and how they are computed."""

import base64
import hashlib
import io
import mmap
import threading
from functools import cached_property
from typing import NamedTuple

import attrs

# One buffer however long the file is; at this size the cost is that of `openssl dgst`.
_BUFFER_BYTES = 1 << 20
# What is shorter does without: to map and unmap the buffer would take longer than to hash it.
_SHORT_BYTES = 1 << 15


@attrs.frozen
class Fingerprint:
    """The length and MD5 of some content, and the version of the file it was read from.

    Attributes:
        byte_size: Length in bytes.
        md5: The 16 bytes of the digest. Identity, not secrecy (the guide, Checksum Computation).
        version: What changes when the file does; `None` for content that cannot.
        checksum: The MD5 as the API and `Content-MD5` write it: base64.
    """

    byte_size: int
    md5: bytes
    version: tuple[int, ...] | None = None

    @cached_property
    def checksum(self) -> str:
        """The MD5 as the API and `Content-MD5` write it: base64."""
        return base64.b64encode(self.md5).decode("ascii")


def digest(file: io.RawIOBase, cancelled: threading.Event) -> tuple[int, bytes]:
    """Read a file to its end and return its length and MD5; stops early when cancelled."""
    md5 = hashlib.md5(usedforsecurity=False)
    length = 0
    beginning = memoryview(bytearray(_SHORT_BYTES))
    while length < _SHORT_BYTES and not cancelled.is_set():
        count = file.readinto(beginning)
        if not count:
            return length, md5.digest()
        md5.update(beginning[:count])
        length += count
    # At the start of a page: copying there costs the kernel clearly less than copying
    # to where a bytearray begins, 16 bytes later.
    with mmap.mmap(-1, _BUFFER_BYTES) as area, memoryview(area) as buffer:
        while not cancelled.is_set() and (count := file.readinto(buffer)):
            with buffer[:count] as piece:
                md5.update(piece)
            length += count
    return length, md5.digest()


class ContentKey(NamedTuple):
    """What makes two recordings the same to the server: their bytes and their type."""

    md5: bytes
    byte_size: int
    content_type: str
