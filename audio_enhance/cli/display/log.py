"""The log, for people: warnings always, everything on demand."""

import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial

from rich.console import Console
from rich.text import Text

from .screen import say
from .text import shown

# What reads buckets logs what it raises as well, again and again and with its traceback.
_TALKATIVE = ("azure", "gcsfs")
_SILENCE = logging.NullHandler()


def quieten() -> None:
    """Keep from the terminal what packages log beside the errors that they raise."""
    for name in _TALKATIVE:
        logging.getLogger(name).addHandler(_SILENCE)


@contextmanager
def logged(
    say: Callable[[Text], object], *, verbose: bool, outcomes: bool = False
) -> Generator[None]:
    """Show what the package logs, as long as this lasts.

    Args:
        say: What shows it.
        verbose: Everything, with tracebacks; otherwise warnings, without.
        outcomes: Whether what becomes of recordings is told anyway, so that the local service's
            warnings about that are not.
    """
    log, handler = (
        logging.getLogger("audio_enhance"),
        _Handler(say, verbose=verbose, outcomes=outcomes),
    )
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG if verbose else logging.WARNING)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def log_to(console: Console) -> Callable[[Text], None]:
    """Return what prints a line of the log: whole, where it is no terminal."""
    return partial(say, console)


class _Handler(logging.Handler):
    def __init__(self, say: Callable[[Text], object], *, verbose: bool, outcomes: bool) -> None:
        super().__init__()
        self._outcomes = outcomes
        self._say = say
        self._verbose = verbose
        self._formatter = logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S")

    def emit(self, record: logging.LogRecord) -> None:
        if self._outcomes and not self._verbose and hasattr(record, "failed_enhancement"):
            return
        lines = self._formatter.format(record).splitlines()
        if not self._verbose:
            lines = lines[:1]
        self._say(Text("\n".join(map(shown, lines)), style="dim"))
