"""`audio-enhance forget`: take recordings out of a journal."""

import asyncio
import os
from pathlib import Path

import click
from rich.text import Text

from audio_enhance import InvalidInputError, Journal
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import several, shown
from audio_enhance.cli.input.options import PATH
from audio_enhance.cli.input.recordings import as_written
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_in

_EPILOG = """
\b
Examples:
  audio-enhance forget enhanced recordings/talk.mp3
  audio-enhance forget enhanced recordings/old/ --strength 50
"""


@click.command(epilog=_EPILOG, short_help="Take recordings out of a journal.")
@click.argument("journal", type=PATH)
@click.argument("files", nargs=-1, required=True, type=click.Path(), metavar="FILES...")
@click.option(
    "-s", "--strength", type=click.IntRange(0, 100), metavar="N", help="Only at this strength."
)
def forget(journal: Path, files: tuple[str, ...], strength: int | None) -> int:
    """Take recordings out of a journal, so that resume skips them.

    JOURNAL is the output folder, or the journal's file. FILES need not exist any more. A
    folder stands for everything below it. No file is deleted.
    """

    async def forgotten() -> int:
        path = await asyncio.to_thread(lambda: journal_in(journal).absolute())
        # Read first: opening it for a run would make one where there is none.
        async with await Journal.read(path) as reader:
            known = {entry.source async for entry in reader.entries()}
        meant = _meant(files, known)
        async with await Journal.open(path) as opened:
            count = await opened.forget(meant, strength=strength)
        text = f"{several(count, 'result')} forgotten, of {several(len(meant), 'recording')}."
        error_console().print(Text(text))
        return 0

    return run(forgotten())


def _meant(files: tuple[str, ...], known: set[str]) -> list[str]:
    """Return the recordings that names stand for.

    Raises:
        InvalidInputError: The journal knows nothing by one of the names.
    """
    meant: set[str] = set()
    for name in files:
        path = as_written(name)
        below = os.path.join(path, "")  # noqa: PTH118
        found = {each for each in known if each in (path, name) or each.startswith(below)}
        if not found:
            raise InvalidInputError(
                f"The journal has no recording called {shown(name)}.",
                hint="Nothing was forgotten. Check the path.",
            )
        meant |= found
    return sorted(meant)
