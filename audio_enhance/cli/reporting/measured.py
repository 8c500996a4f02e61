"""Rows as they are, made into rows with what was measured of them, with a bar meanwhile."""

from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
)
from rich.table import Column
from rich.text import Text

from audio_enhance import MissingExtraError
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import duration, several
from audio_enhance.cli.threads import to_its_end

from .facts import MOST_PICTURED
from .spool import Row, Spool

# Terminals of fewer columns do not say what is measured for.
_WIDE = 60


async def measured(given: Spool, target: Spool, folder: Path, *, quiet: bool) -> str:
    """Copy rows, each with what was measured of its recording and its result.

    Args:
        given: The rows.
        target: What they are copied to.
        folder: For files that are needed meanwhile.
        quiet: Whether no progress is shown.

    Returns:
        Why nothing was measured; empty if it was.

    Raises:
        OSError: A row could not be kept.
    """
    from .measuring import Sides

    console = error_console()
    try:
        sides = Sides(folder, drawn=len(given) <= MOST_PICTURED)
    except MissingExtraError as error:
        why = f"Nothing was measured. To have it measured: {error.command}"
        console.print(Text(why), soft_wrap=True)
        for row in given.rows():
            target.add(row)
        return why
    bar = _bar(console)
    if not quiet and not console.is_terminal:
        console.print(f"Measuring {several(len(given), 'result')} for the report.")
    with bar if console.is_terminal and not quiet else nullcontext():
        what = "Measuring for the report" if console.width >= _WIDE else "Measuring"
        task = bar.add_task(what, total=len(given))

        async def take(row: Row) -> None:
            await to_its_end(lambda: target.add(row))
            bar.advance(task)

        await sides.measure(given.rows(), take)
    return ""


class _TimeLeft(ProgressColumn):
    max_refresh = 0.5  # seconds

    def render(self, task: Task) -> Text:
        seconds = task.time_remaining
        return Text("" if seconds is None else f"· {duration(seconds)}")


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(" of ", table_column=Column(no_wrap=True)),
        _TimeLeft(table_column=Column(no_wrap=True)),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
