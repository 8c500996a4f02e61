"""Which painter shows a run: one for a terminal, or one for plain lines."""

import sys

from rich.console import Console

from audio_enhance import SystemClock

from .plain import PlainPainter
from .progress import Progress
from .screen import Painter
from .terminal import TerminalPainter


def is_redrawn(console: Console, *, prints: bool = False, quiet: bool = False) -> bool:
    """Whether something is redrawn on a console.

    Args:
        console: Standard error.
        prints: Whether lines are printed on standard output meanwhile, which would tear it where
            both are one terminal.
        quiet: Whether nothing is shown but what goes wrong.
    """
    torn = prints and sys.stdout.isatty()
    return console.is_terminal and not (console.is_dumb_terminal or torn or quiet)


def painter_for(
    console: Console, progress: Progress, *, prints: bool = False, quiet: bool = False
) -> Painter:
    """Return what shows a run on a console; the arguments are those of `is_redrawn`."""
    if is_redrawn(console, prints=prints, quiet=quiet):
        return TerminalPainter(console, progress)
    return PlainPainter(console, progress, SystemClock(), quiet=quiet)
