"""Names, durations and sizes as people read them."""

import unicodedata

from rich.cells import cell_len, set_cell_size

# Joiners hold scripts and emoji together; the other format characters (Cf) can turn text around.
_JOINERS = "\u200c\u200d"
_UNSEEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def shown(text: object) -> str:
    """Return a text on one line, with everything escaped that a terminal would obey.

    File names and servers' messages may hold line breaks, escape sequences, marks that reverse
    the writing direction, and bytes that are no text at all.
    """
    return "".join(
        c if unicodedata.category(c) not in _UNSEEN or c in _JOINERS else _escaped(c)
        for c in str(text)
    )


def _escaped(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no text (PEP 383)
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def duration(seconds: float) -> str:
    """Return seconds in the two largest units that matter: `5 s`, `3 min 20 s`, `2 h 5 min`."""
    left = round(max(0.0, seconds))
    parts: list[str] = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, left = divmod(left, length)
        if parts or count:
            parts.append(f"{count} {unit}" if count else "")
    return " ".join(filter(None, parts[:2])) or "0 s"


def about(text: str, *, is_estimate: bool) -> str:
    """Return what is said of a figure: that it is estimated, where it is."""
    return f"about {text}" if is_estimate else text


def size(count: float) -> str:
    """Return bytes in decimal units, as disks are sold: `950 B`, `12.3 MB`."""
    if count < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 999.95 or unit == "TB":
            break
    return f"{count:.1f} {unit}"


def several(count: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `1,200 files`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def cropped(text: str, width: int) -> str:
    """Return a text in at most so many columns, without its middle if it is too long.

    Recordings' names often differ at their ends only.
    """
    if cell_len(text) <= width:
        return text
    head = set_cell_size(text, (width - 1) // 2).rstrip()
    tail = ""
    for character in reversed(text):
        if cell_len(head) + 1 + cell_len(character + tail) > width:
            break
        tail = character + tail
    return f"{head}…{tail.lstrip()}"
