"""A report for programs: JSON."""

import json
from collections.abc import Iterable
from typing import IO

from audio_enhance import __version__

from .facts import FIGURES, Side
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
    return row | measured


def _figures(side: Side | None) -> Side | None:
    return side and {name: value for name, value in side.items() if name in (*FIGURES, "trouble")}
