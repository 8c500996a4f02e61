"""A report for people: one page of HTML that needs nothing else."""

import base64
import hashlib
import os
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import attrs
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from audio_enhance import __version__
from audio_enhance.cli.display.outcome import in_our_words
from audio_enhance.cli.display.summary import resume_command
from audio_enhance.cli.display.text import duration, several, shown

from .facts import (
    MOST_PICTURED,
    Side,
    figure,
    hint,
    is_elsewhere,
    noise_removed,
    reason,
    why_no_figure,
)
from .head import Head
from .spool import Row
from .tally import Tally

# Where there is no figure, though it was measured.
_DASH = "\N{EM DASH}"
# Of more results than this the pictures are closed until somebody opens them.
_OPEN = 30
_NAMES = {
    "succeeded": "Enhanced",
    "skipped": "Done before",
    "failed": "Failed",
    "unfinished": "Not finished",
}
_UNITS = (
    ("noise in the pauses", "noise_floor", "dBFS"),
    ("speech", "speech_level", "dBFS"),
    ("speech above noise", "above", "dB"),
    ("loudness", "loudness", "LUFS"),
    ("true peak", "true_peak", "dBTP"),
    ("length", "duration", "s"),
)


def write(
    file: IO[str], head: Head, tally: Tally, rows: Iterable[Row], folder: Path | None
) -> None:
    """Write everything, row by row.

    Args:
        file: What is written to.
        head: What stands at its head.
        tally: What was counted of the rows.
        rows: The rows.
        folder: Where the page will be, if it will be a file: recordings in there, and in the
            folder above, get players.

    Raises:
        OSError: The file cannot be written.
    """
    template = _environment().from_string(_text("page.html"))
    style, script = _text("page.css"), _text("page.js")
    count = tally.counts.total()
    pictured = count <= MOST_PICTURED
    shown_rows = (_shown(row, tally.root, folder, sides=pictured) for row in rows)
    for piece in template.generate(
        style=Markup(style),  # noqa: S704  of our own
        script=Markup(script),  # noqa: S704  of our own
        style_hash=_hash(style),
        script_hash=_hash(script),
        version=__version__,
        head=head,
        totals=list(_totals(head, tally)),
        statuses=[(key, name) for key, name in _NAMES.items() if tally.counts[key]],
        results=several(count, "result"),
        again=_again(head, tally),
        open=count <= _OPEN,
        pictured=pictured,
        most_pictured=f"{MOST_PICTURED:,}",
        rows=shown_rows,
    ):
        file.write(piece)


@attrs.frozen(kw_only=True)
class _ShownSide:
    """What the page shows of a file."""

    called: str
    figures: list[tuple[str, str]]
    trouble: str
    wave: Markup
    columns: int
    scale: str
    spectrogram: Markup
    player: str


@attrs.frozen(kw_only=True)
class _ShownRow:
    """What the page shows of one source at one strength."""

    name: str
    strength: int
    status: str
    status_name: str
    cells: list[tuple[str, str, str]]
    sides: list[_ShownSide]
    reason: str
    hint: str
    note: str
    no_figure: str


def _shown(row: Row, root: str, folder: Path | None, *, sides: bool) -> _ShownRow:
    before, after = row.get("before"), row.get("after")
    loudest = max((figure(side, "highest") or 0.0 for side in (before, after)), default=0.0)
    named = [("Before", before, row["source"]), ("After", after, row["path"])] if sides else []
    failed = row["status"] == "failed"
    return _ShownRow(
        name=_short(row["source"], root),
        strength=row["strength"],
        status=row["status"],
        status_name=_NAMES[row["status"]],
        cells=list(_cells(row)),
        sides=[_side(called, side, path, loudest, folder) for called, side, path in named if side],
        reason=reason(row) if failed else "",
        hint=in_our_words(hint(row)) if failed else "",
        note=in_our_words(row.get("note") or ""),
        no_figure=why_no_figure(row),
    )


def _cells(row: Row) -> Iterator[tuple[str, str, str]]:
    """Yield the figures of a row: what it is called, how it is sorted, what is shown."""
    before, after = row.get("before"), row.get("after")
    length, less = figure(before, "duration"), noise_removed(row)
    none = _DASH if all(side and "trouble" not in side for side in (before, after)) else ""
    yield "length", _key(length), "" if length is None else duration(length)
    yield "removed", _key(less), none if less is None else f"{_number(less)} dB"
    for called, name, unit in (
        ("above", "above", "dB"),
        ("loudness", "loudness", "LUFS"),
        ("peak", "true_peak", "dBTP"),
    ):
        old, new = figure(before, name), figure(after, name)
        both = none if old is None or new is None else f"{_number(old)} → {_number(new)} {unit}"
        yield called, _key(new), both


def _side(
    called: str, side: Side, path: str | None, loudest: float, folder: Path | None
) -> _ShownSide:
    wave = side.get("wave") or ""
    values = [(label, figure(side, name), unit) for label, name, unit in _UNITS]
    return _ShownSide(
        called=called,
        figures=[
            (label, _DASH if value is None else f"{_number(value)} {unit}")
            for label, value, unit in values
        ],
        trouble=side.get("trouble", ""),
        wave=Markup(wave),  # noqa: S704  numbers of our own
        columns=wave.count(" ") // 4,
        scale=f"{(side.get('highest') or 0.0) / (loudest or 1.0):.3f}",
        spectrogram=Markup(side.get("spectrogram") or ""),  # noqa: S704  base64 of our own
        player="" if path is None or "trouble" in side else _url(Path(path), folder),
    )


def _url(path: Path, folder: Path | None) -> str:
    """Return how a page in a folder calls a file that lies beside it; empty if it does not."""
    path = path.absolute()
    if folder is None or not path.is_relative_to(folder.parent):
        return ""
    parts = Path(os.path.relpath(path, folder)).parts
    # A name with a colon would be taken for a scheme without what comes first.
    return "./" + "/".join(quote(os.fsencode(part), safe="") for part in parts)


def _short(name: str, root: str) -> str:
    if is_elsewhere(name) or not root:
        return name
    return os.path.relpath(os.path.abspath(name), root)  # noqa: PTH100  pathlib keeps ".."


def _totals(head: Head, tally: Tally) -> Iterator[tuple[str, str]]:
    yield "Recordings", f"{tally.recordings:,}"
    for key, name in _NAMES.items():
        if count := tally.counts[key]:
            yield name, f"{count:,}"
    if tally.seconds:
        yield "Audio", duration(tally.seconds)
    yield "Time", duration((head.ended - head.began).total_seconds())
    if tally.usual_noise_removed is not None:
        yield "Noise removed, median", f"{_number(tally.usual_noise_removed)} dB"


def _again(head: Head, tally: Tally) -> str:
    """Return what to type to finish the rest; empty if nothing is left, or nobody could."""
    left = tally.counts["failed"] or tally.counts["unfinished"]
    return resume_command(head.journal) if left and head.journal is not None else ""


def _number(value: float) -> str:
    return f"{round(value, 1) + 0.0:,.1f}"  # never -0.0


def _key(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _environment() -> Environment:
    return Environment(
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def _printable(value: Any) -> Any:
    """Return what is shown of a value: names may hold bytes that are no text."""
    return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _text(name: str) -> str:
    return files("audio_enhance.cli.reporting").joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
