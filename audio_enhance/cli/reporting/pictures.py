"""A waveform and a spectrogram as small pictures, from what measuring left on the disk.

The waveform is a path for SVG, which takes the page's colours; the spectrogram is a PNG of sixteen
colours. Each has a few hundred columns, however long the recording is.
"""

import base64
import struct
import zlib
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from audio_enhance.local.measuring import Pyramid

#: How many columns a picture has at most.
COLUMNS = 288
#: The bytes of a column of each kind, as `survey` writes them.
PEAKS_WIDTH = 4
SPECTRUM_WIDTH = 96

_FULL_SCALE = 32767
_STEPS = 100  # from the middle of a waveform to its loudest
_ROWS = 48  # of a spectrogram
# What is as loud as this and louder is brightest, what is this quiet is dark: dBFS in a band.
_LOUDEST, _QUIETEST = -25.0, -95.0
# As `survey` writes levels: half a decibel a step, from -120 dBFS on.
_STEP, _ZERO = 0.5, -120.0
# From the quietest to the loudest: red, green, blue.
_COLOURS = (
    (9, 9, 24),
    (62, 20, 98),
    (148, 38, 104),
    (221, 81, 58),
    (251, 160, 58),
    (252, 244, 190),
)
_SHADES = 16

_Numbers = npt.NDArray[Any]


def wave(pyramid: Pyramid) -> str:
    """Return a path around a waveform, the loudest sample being 100 away from its middle."""
    ends = np.frombuffer(_columns(pyramid), "<i2").reshape(-1, 2) / _FULL_SCALE
    low, high = _fewer(ends[:, :1], np.min)[:, 0], _fewer(ends[:, 1:], np.max)[:, 0]
    most = max(float(np.abs(ends).max(initial=0.0)), 1e-9)
    top = np.round(-high * _STEPS / most).astype(int)
    bottom = np.maximum(np.round(-low * _STEPS / most).astype(int), top + 1)
    there = " ".join(f"{x} {y}" for x, y in enumerate(top))
    back = " ".join(f"{x} {y}" for x, y in reversed(list(enumerate(bottom))))
    return f"M{there} {back}z"


def spectrogram(pyramid: Pyramid) -> str:
    """Return a PNG with time to the right and pitch upwards, as text in base64."""
    levels = np.frombuffer(_columns(pyramid), "u1").reshape(-1, SPECTRUM_WIDTH)
    levels = _fewer(levels, np.mean)
    bands: _Numbers = levels.reshape(len(levels), _ROWS, -1).mean(axis=2).T[::-1]
    share = (bands * _STEP + _ZERO - _QUIETEST) / (_LOUDEST - _QUIETEST)
    shades: _Numbers = np.clip(np.round(share * (_SHADES - 1)), 0, _SHADES - 1).astype("u1")
    return base64.b64encode(_png(shades)).decode()


def _columns(pyramid: Pyramid) -> bytes:
    """Return the columns of the coarsest level that has enough of them."""
    levels = pyramid.levels
    level = max(n for n, columns in enumerate(levels) if n == 0 or columns >= COLUMNS)
    return pyramid.read(level, 0, levels[level])


def _fewer(columns: _Numbers, joined: Any) -> _Numbers:
    """Return as many columns as a picture has, each made of several by `joined`."""
    count = min(COLUMNS, len(columns))
    edges = np.linspace(0, len(columns), count + 1).astype(int)
    return np.stack([joined(columns[a:b], axis=0) for a, b in pairwise(edges)])


def _png(shades: _Numbers) -> bytes:
    """Return a picture of sixteen colours (the PNG specification, colour type 3, 4 bits)."""
    height, width = shades.shape
    pairs = np.pad(shades, ((0, 0), (0, width % 2)))
    lines = pairs[:, ::2] << 4 | pairs[:, 1::2]
    raw = b"".join(b"\0" + line.tobytes() for line in lines)
    head = struct.pack(">IIBBBBB", width, height, 4, 3, 0, 0, 0)
    parts = (
        (b"IHDR", head),
        (b"PLTE", _palette()),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _palette() -> bytes:
    places = np.linspace(0, len(_COLOURS) - 1, _SHADES)
    one_colour = list(zip(*_COLOURS, strict=True))
    shades = [np.interp(places, range(len(_COLOURS)), shade) for shade in one_colour]
    return np.round(np.stack(shades, axis=1)).astype("u1").tobytes()
