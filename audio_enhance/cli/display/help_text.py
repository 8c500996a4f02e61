"""The text of `--help`, as wide as the terminal is."""

import shutil
from collections.abc import Iterable

import click

_WIDEST, _NARROWEST = 80, 20
# Of fewer columns, less than half are for the names of options.
_NARROW = 60


class _Formatter(click.HelpFormatter):
    """That of click, which takes every terminal for at least 50 columns wide."""

    def __init__(self) -> None:
        columns = min(shutil.get_terminal_size().columns, _WIDEST)
        super().__init__(width=max(columns - 2, _NARROWEST))

    def write_dl(
        self, rows: Iterable[tuple[str, str]], col_max: int = 30, col_spacing: int = 2
    ) -> None:
        if self.width < _NARROW:
            col_max = min(col_max, self.width // 4)
        super().write_dl(rows, col_max, col_spacing)


class HelpContext(click.Context):
    """The context of a command whose help fits the terminal."""

    def make_formatter(self) -> click.HelpFormatter:
        """Return what lays out the help."""
        return _Formatter()
