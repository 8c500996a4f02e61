"""A report for programs: JSON."""

import json
from collections.abc import Iterable
from typing import IO

from audio_enhance import __version__

from .facts import FIGURES, Side, figure, noise_removed, why_no_figure
from .head import Head
from .spool import Row


def write(file: IO[str], head: Head, rows: Iterable[Row]) -> None:
    """Write everything, row by row.

    Raises:
        OSError: The file cannot be written.
    """
    fields = {
        "version": __version__,
        "began_at": head.began.isoformat(),
        "ended_at": head.ended.isoformat(),
        "totals": dict(head.totals),
    }
    file.write(json.dumps(fields, indent=2).removesuffix("\n}") + ',\n  "outcomes": [')
    for index, row in enumerate(rows):
        file.write(("," if index else "") + "\n    " + json.dumps(_without_pictures(row)))
    file.write("\n  ]\n}\n")


def _without_pictures(row: Row) -> Row:
    measured = {name: _figures(row[name]) for name in ("before", "after") if name in row}
    removed = {
        "noise_removed": noise_removed(row),
        "noise_removed_note": why_no_figure(row) or None,
    }
    return row | measured | (removed if measured else {})


def _figures(side: Side | None) -> Side | None:
    if side is None or "trouble" in side:
        return side
    return {name: figure(side, name) for name in FIGURES if name in side}
