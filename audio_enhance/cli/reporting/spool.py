"""Rows on disk, whatever their number, until a report is written."""

import json
import tempfile
from collections.abc import Iterator
from typing import IO, Any, Self, TypeAlias

#: What is known of one source at one strength, by names.
Row: TypeAlias = dict[str, Any]


class Spool:
    """Keeps rows in a temporary file, in their order. A context manager; everything blocks."""

    def __init__(self) -> None:
        self._lines: IO[str]
        self._error: OSError | None = None
        self._count = 0

    def __enter__(self) -> Self:
        # Without a name, so that nothing stays behind however the process ends.
        self._lines = tempfile.TemporaryFile("w+", encoding="utf-8")
        return self

    def __exit__(self, *exception: object) -> None:
        self._lines.close()

    def __len__(self) -> int:
        return self._count

    def add(self, row: Row) -> None:
        """Take in a row; that the disk is full shows when the rows are read."""
        try:
            self._lines.write(json.dumps(row) + "\n")
        except OSError as error:
            self._error = error
        else:
            self._count += 1

    def rows(self) -> Iterator[Row]:
        """Yield all rows, from the first on.

        Raises:
            OSError: One of them could not be kept.
        """
        if self._error is not None:
            raise self._error
        self._lines.seek(0)
        for line in self._lines:
            yield json.loads(line)
