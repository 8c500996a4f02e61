"""What draws on standard error, in a thread: a terminal that stands still stops no batch."""

import sys
import threading
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console, RenderableType
from rich.text import Text

from audio_enhance.cli.threads import to_its_end

_INTERVAL = 0.125
# Columns, where it is no terminal that has them: enough for any line.
_ENDLESS = 100_000


def error_console() -> Console:
    """Return standard error as a console that interprets nothing and colours only terminals."""
    return Console(
        stderr=True,
        force_terminal=sys.stderr.isatty(),  # also where FORCE_COLOR would say otherwise
        highlight=False,
        markup=False,
        emoji=False,
    )


def output_console() -> Console:
    """Return standard output as a console like that of `error_console`."""
    return Console(force_terminal=sys.stdout.isatty(), highlight=False, markup=False, emoji=False)


def say(console: Console, text: str | Text, style: str = "") -> None:
    """Print a sentence: by whole words on a terminal, and on one line for whoever searches it."""
    text = Text(text, style) if isinstance(text, str) else text
    console.print(text, soft_wrap=not console.is_terminal)


def print_table(console: Console, table: RenderableType) -> None:
    """Print a table: its cells wrap on a terminal, and elsewhere each line of a cell is whole."""
    if console.is_terminal:
        console.print(table)
        return
    for line in console.render_lines(table, console.options.update(width=_ENDLESS), pad=False):
        console.print(Text("".join(part.text for part in line).rstrip()), soft_wrap=True)


class Painter(Protocol):
    """How things are shown: on a terminal, or as plain lines."""

    def begin(self) -> None:
        """Prepare to draw."""
        ...

    def line(self, text: Text) -> None:
        """Print something that stays."""
        ...

    def draw(self) -> None:
        """Show how things are now."""
        ...

    def end(self) -> None:
        """Take away what does not stay."""
        ...


class Screen:
    """Takes lines from the event loop, and has a painter draw them now and then.

    Used as an async context; whatever was said is on the screen when it ends.
    """

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._lines: deque[Text] = deque()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="screen", daemon=True)

    def say(self, text: Text) -> None:
        """Print something that stays; returns at once."""
        self._lines.append(text)

    async def __aenter__(self) -> Self:
        self._thread.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        await to_its_end(self._thread.join)

    def _run(self) -> None:
        with suppress(OSError):  # standard error was closed: the work goes on
            self._painter.begin()
            try:
                while not self._closing.wait(_INTERVAL):
                    self._print_lines()
                    self._painter.draw()
                self._print_lines()
            finally:
                self._painter.end()

    def _print_lines(self) -> None:
        while self._lines:
            self._painter.line(self._lines.popleft())
