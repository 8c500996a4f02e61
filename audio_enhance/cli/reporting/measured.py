"""Rows as they are, made into rows with what was measured of them, with a bar meanwhile."""

from contextlib import nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from audio_enhance import MissingExtraError
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import several
from audio_enhance.cli.threads import to_its_end

from .facts import MOST_PICTURED
from .spool import Row, Spool


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
        task = bar.add_task("Measuring for the report", total=len(given))

        async def take(row: Row) -> None:
            await to_its_end(lambda: target.add(row))
            bar.advance(task)

        await sides.measure(given.rows(), take)
    return ""


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
