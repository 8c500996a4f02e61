"""Pages of Ogg (RFC 3533), and the tags of Vorbis in them (Vorbis I, 4.2 and 5).

FFmpeg copies a stream of Vorbis with another length than it had, so tags are put in page by page.
"""

import zlib
from collections.abc import Iterator
from itertools import count
from typing import IO

import attrs

_MARK = b"OggS"
_HEADER = 27
_MOST = 255  # segments of a page, and bytes of a segment
_CONTINUED, _FIRST = 1, 2
_IDENTIFICATION, _COMMENTS = b"\x01vorbis", b"\x03vorbis"
_BACKWARDS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@attrs.frozen(kw_only=True)
class Page:
    """A page.

    Attributes:
        flags: Whether it continues a packet, and is a stream's first or last.
        granule: Its position, eight bytes.
        serial: The stream's number, four bytes.
        lacing: The length of each segment; a packet ends with one shorter than 255.
        body: The segments.
    """

    flags: int
    granule: bytes
    serial: bytes
    lacing: bytes
    body: bytes

    def numbered(self, number: int) -> bytes:
        """Return it as it stands in a file, as the page of this number."""
        head = _MARK + bytes([0, self.flags]) + self.granule + self.serial
        head += number.to_bytes(4, "little")
        tail = bytes([len(self.lacing)]) + self.lacing + self.body
        return head + _checksum(head + bytes(4) + tail) + tail


def pages(file: IO[bytes]) -> Iterator[Page]:
    """Yield the pages of a file from its beginning on, as far as one follows another."""
    file.seek(0)
    while len(head := file.read(_HEADER)) == _HEADER and head.startswith(_MARK):
        lacing = file.read(head[26])
        yield Page(
            flags=head[5],
            granule=head[6:14],
            serial=head[14:18],
            lacing=lacing,
            body=file.read(sum(lacing)),
        )


def vorbis_headers(file: IO[bytes]) -> list[bytes]:
    """Return the three packets that Vorbis begins with: what it is, tags, tables.

    Fewer, where they are not to be found.
    """
    packets: list[bytes] = []
    serial, begun = b"", b""
    for page in pages(file):
        if not serial and page.body.startswith(_IDENTIFICATION):
            serial = page.serial
        if page.serial != serial:
            continue
        place = 0
        for size in page.lacing:
            begun += page.body[place : place + size]
            place += size
            if size < _MOST:
                packets.append(begun)
                begun = b""
        if len(packets) >= 3:
            break
    return packets[:3]


def comments_like(own: bytes, other: bytes) -> bytes:
    """Return a packet of tags: who encoded it out of one, the tags out of another."""
    vendor, tags = _vendor_end(own), _vendor_end(other)
    return own[:vendor] + other[tags:] if other.startswith(_COMMENTS) else own


def copy_with_comments(source: IO[bytes], target: IO[bytes], comments: bytes) -> None:
    """Write a file of one stream of Vorbis into another, with these tags."""
    _, _, tables = vorbis_headers(source)
    number, packets = count(), 0
    for page in pages(source):
        if page.flags & _FIRST:
            target.write(page.numbered(next(number)))
        if packets >= 3:
            target.write(page.numbered(next(number)))
            continue
        # Sound begins on a page of its own.
        packets += sum(size < _MOST for size in page.lacing)
        if packets >= 3:
            for new in _laid_out([comments, tables], page.serial):
                target.write(new.numbered(next(number)))


def _laid_out(packets: list[bytes], serial: bytes) -> Iterator[Page]:
    lacing = b"".join(bytes([_MOST] * (len(p) // _MOST) + [len(p) % _MOST]) for p in packets)
    body, place = b"".join(packets), 0
    for start in range(0, len(lacing), _MOST):
        part = lacing[start : start + _MOST]
        continues = start > 0 and lacing[start - 1] == _MOST
        # A page on which no packet ends has no position.
        granule = bytes(8) if min(part) < _MOST else b"\xff" * 8
        yield Page(
            flags=_CONTINUED if continues else 0,
            granule=granule,
            serial=serial,
            lacing=part,
            body=body[place : place + sum(part)],
        )
        place += sum(part)


def _vendor_end(packet: bytes) -> int:
    start = len(_COMMENTS)
    return start + 4 + int.from_bytes(packet[start : start + 4], "little")


def _checksum(page: bytes) -> bytes:
    # Ogg's is that of zlib with each byte's bits the other way round, without its inversions.
    reversed_bits = zlib.crc32(page.translate(_BACKWARDS), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return reversed_bits.to_bytes(4, "big").translate(_BACKWARDS)
