"""Pieces of the waveform and the spectrogram, as the page asks for them."""

import asyncio
import re

from ._kept import Kept

# Columns of one answer; the page's `tiles.js` counts in them, too.
_COLUMNS = 2048
# The width of a column in bytes.
_WIDTHS = {"peaks": 4, "spectrum": 96}
_NUMBER = re.compile(r"[0-9]{1,6}")


async def columns(kept: Kept, picture: str, level: str, tile: str) -> bytes | None:
    """Return one tile of a picture; `None` where there is no such thing.

    Args:
        kept: What was measured.
        picture: ``"peaks"`` or ``"spectrum"``.
        level: A number: 0 is the finest, and a column of the next stands for eight of the last.
        tile: Its number, from 0.
    """
    if kept.figures is None or kept.path is None or picture not in _WIDTHS:
        return None
    if not (_NUMBER.fullmatch(level) and _NUMBER.fullmatch(tile)):
        return None
    from audio_enhance.local.measuring import Pyramid

    path = kept.path.with_name(f"{kept.path.name}.{picture}")
    pyramid = Pyramid(path, _WIDTHS[picture], kept.figures[picture])
    try:
        return await asyncio.to_thread(pyramid.read, int(level), int(tile) * _COLUMNS, _COLUMNS)
    except (IndexError, OSError):  # no such level, or it has just been removed
        return None
