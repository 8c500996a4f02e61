"""Columns of a picture in one file: as they were measured, and ever fewer of them behind.

A player that shows two hours needs a thousand columns, and one that shows a syllable needs them
just as close. Whichever it shows, it reads a few kilobytes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

FACTOR = 8  # columns of a level that become one of the next
_FEWEST = 512  # columns of the last level, at the most


@attrs.frozen
class Pyramid:
    """Where the levels of a picture are in its file.

    Attributes:
        path: The file.
        width: The bytes of a column.
        columns: How many columns the first level has.
    """

    path: Path
    width: int
    columns: int

    @property
    def levels(self) -> list[int]:
        """How many columns each level has, from the finest on."""
        return list(_levels(self.columns))

    def read(self, level: int, first: int, count: int) -> bytes:
        """Return some columns of a level; fewer where it ends before. Blocks.

        Raises:
            IndexError: There is no such level.
            OSError: The file cannot be read.
        """
        levels = self.levels
        columns = levels[level]
        start = sum(levels[:level]) + min(first, columns)
        count = max(0, min(count, columns - first))
        with self.path.open("rb") as file:
            file.seek(start * self.width, os.SEEK_SET)
            return file.read(count * self.width)


def _levels(columns: int) -> Iterator[int]:
    yield columns
    while columns > _FEWEST:
        columns = -(-columns // FACTOR)
        yield columns
