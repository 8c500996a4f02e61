"""What a report says of all its rows together."""

import os
import statistics
from array import array
from collections import Counter

from .facts import WITH_RESULT, figure, is_elsewhere, noise_removed
from .spool import Row


class Tally:
    """Sums up rows as they come; it keeps a few bytes of each.

    Attributes:
        counts: How many rows have each status.
        seconds: How long the audio is that has a result.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.seconds: float = 0.0
        self._removed = array("d")
        self._recordings: set[int] = set()
        self._root: str | None = None

    def add(self, row: Row) -> None:
        """Take in a row with both its sides."""
        self.counts[row["status"]] += 1
        self._recordings.add(hash(row["source"]))
        if row["status"] in WITH_RESULT:
            self.seconds += figure(row.get("before"), "duration") or 0.0
        if (less := noise_removed(row)) is not None:
            self._removed.append(less)
        if is_elsewhere(row["source"]):
            return
        folder = os.path.dirname(os.path.abspath(row["source"]))  # noqa: PTH100, PTH120  pathlib keeps ".."
        self._root = folder if self._root is None else _common(self._root, folder)

    @property
    def recordings(self) -> int:
        """How many recordings there are; each has a row for every strength."""
        return len(self._recordings)

    @property
    def usual_noise_removed(self) -> float | None:
        """The median of the noise that was removed in pauses, in dB; `None` if none is known."""
        return statistics.median(self._removed) if self._removed else None

    @property
    def root(self) -> str:
        """The folder that all recordings are in or below; empty where there is none."""
        return self._root or ""


def _common(one: str, other: str) -> str:
    try:
        return os.path.commonpath([one, other])
    except ValueError:  # on two drives
        return ""
