"""A picture that is written column by column, and made smaller when it is complete."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .pyramid import FACTOR, Pyramid

Columns: TypeAlias = npt.NDArray[Any]
_AT_ONCE = FACTOR * 4096  # columns


class Drawing:
    """A picture under way.

    Args:
        path: Its file.
        kind: The type of its values, in small order of bytes.
        height: How many values a column has.
        joined: Makes one column of several, along the second axis.
    """

    def __init__(
        self, path: Path, kind: str, height: int, joined: Callable[[Columns], Columns]
    ) -> None:
        self._path = path
        self._kind = np.dtype(kind)
        self._height = height
        self._joined = joined
        self._columns = 0
        path.unlink(missing_ok=True)
        path.touch(0o600)

    def add(self, columns: Columns) -> None:
        """Write further columns, one a row."""
        self._columns += len(columns)
        with self._path.open("ab") as file:
            file.write(columns.astype(self._kind).tobytes())

    def finished(self) -> Pyramid:
        """Write the coarser levels, and return the picture."""
        width = self._height * self._kind.itemsize
        pyramid = Pyramid(self._path, width, self._columns)
        for level in range(1, len(pyramid.levels)):
            self._write_level(pyramid, level)
        return pyramid

    def _write_level(self, pyramid: Pyramid, level: int) -> None:
        for first in range(0, pyramid.levels[level - 1], _AT_ONCE):
            data = pyramid.read(level - 1, first, _AT_ONCE)
            fine = np.frombuffer(data, self._kind).reshape(-1, self._height)
            surplus = -len(fine) % FACTOR  # the last column stands for fewer
            fine = np.pad(fine, ((0, surplus), (0, 0)), mode="edge")
            coarse = self._joined(fine.reshape(-1, FACTOR, self._height))
            with self._path.open("ab") as file:
                file.write(coarse.astype(self._kind).tobytes())
