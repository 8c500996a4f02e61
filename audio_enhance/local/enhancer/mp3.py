"""What the first frame of an MP3 says of the others."""

from pathlib import Path

_ID3_HEADER = 10
_NEAR = 4096  # bytes behind the tags within which the first frame is, and what is in it
_VARIABLE = (b"Xing", b"VBRI")  # of LAME and its kin, and of Fraunhofer's
_CONSTANT = (b"Info",)  # of LAME


def varies_bit_rate(path: Path) -> bool:
    """Return whether an MP3 says that its bit rate varies."""
    begin = _beginning(path)
    return any(mark in begin for mark in _VARIABLE)


def has_index(path: Path) -> bool:
    """Return whether an MP3 says how many frames it has."""
    begin = _beginning(path)
    return any(mark in begin for mark in (*_VARIABLE, *_CONSTANT))


def _beginning(path: Path) -> bytes:
    """Return the first frame of an MP3, and some bytes more."""
    with path.open("rb") as file:
        head = file.read(_ID3_HEADER)
        while head.startswith(b"ID3"):
            # Seven bits a byte (ID3v2.4, 3.1).
            size = sum(
                (byte & 0x7F) << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True)
            )
            file.seek(size, 1)
            head = file.read(_ID3_HEADER)
        return head + file.read(_NEAR)
