"""A report for spreadsheets: CSV."""

import csv
from collections.abc import Iterable
from typing import IO

from audio_enhance.cli.display.outcome import in_our_words
from audio_enhance.cli.display.text import shown

from .facts import figure, hint, noise_removed, reason, why_no_figure
from .spool import Row

# Spreadsheets take a text that begins like this for a formula, and run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
# By it, spreadsheets tell that the letters are UTF-8.
_MARK = "\ufeff"

_TEXTS = ("source", "strength", "status", "path", "reason", "hint", "note")
_IDS = ("asset_id", "enhancement_id", "extra_enhancements")
_FIGURES = {
    "duration": "seconds",
    "noise_floor": "noise_dbfs",
    "speech_level": "speech_dbfs",
    "above": "speech_above_noise_db",
    "loudness": "loudness_lufs",
    "true_peak": "true_peak_dbtp",
}
_SIDES = ("before", "after")

_Cell = str | int | float | None


def write(file: IO[str], rows: Iterable[Row]) -> None:
    """Write everything, row by row.

    Raises:
        OSError: The file cannot be written.
    """
    measured = [f"{called}_{side}" for called in _FIGURES.values() for side in _SIDES]
    file.write(_MARK)
    table = csv.writer(file, lineterminator="\n")
    table.writerow([*_TEXTS, *measured, "noise_removed_db", "noise_removed_note", *_IDS])
    for row in rows:
        table.writerow([_safe(cell) for cell in _cells(row)])


def _cells(row: Row) -> Iterable[_Cell]:
    texts = row
    if row["status"] == "failed":
        texts = row | {"reason": reason(row), "hint": in_our_words(hint(row))}
    yield from (texts.get(name) for name in _TEXTS)
    for name in _FIGURES:
        for side in _SIDES:
            yield _rounded(figure(row.get(side), name))
    yield _rounded(noise_removed(row))
    yield why_no_figure(row)
    yield from (row.get(name) for name in _IDS)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


def _safe(cell: _Cell) -> _Cell:
    """Return a cell on one line that no spreadsheet takes for a formula."""
    if not isinstance(cell, str):
        return cell
    text = shown(cell)
    return f"'{text}" if text.startswith(_FORMULA) else text
