"""`audio-enhance report`: what a journal holds, as a page with pictures, a table or JSON."""

import asyncio
from pathlib import Path

import click
from rich.text import Text

from audio_enhance import InvalidInputError, Journal
from audio_enhance.cli.display.painters import is_redrawn
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.input.options import journal_argument, report_place
from audio_enhance.cli.input.places import journal_files
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_in
from audio_enhance.cli.reporting.from_journal import write_journal
from audio_enhance.cli.reporting.report import Report

_NAME = "report.html"
# What a page of ours has in its first bytes.
_OURS = b'<meta name="generator" content="audio-enhance '
_FIRST_BYTES = 4096

_EPILOG = """
\b
Examples:
  audio-enhance report
  audio-enhance report enhanced -o results.html
  audio-enhance report enhanced -o results.csv
"""


@click.command(epilog=_EPILOG, short_help="Make a page of a run, with pictures and figures.")
@journal_argument
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    callback=report_place,
    metavar="FILE",
    help="The report: .html, .csv or .json. Default: report.html beside the journal.",
)
def report(journal: Path, output: Path | None) -> int:
    """Measure every recording and its result, and make a report of them.

    JOURNAL is the output folder, or the journal's file. The default is the folder "enhanced".
    The run can be over or under way. The page needs no other file; open it in a browser, send it
    to somebody, or print it.
    """

    async def reported() -> int:
        path = await asyncio.to_thread(lambda: journal_in(journal).absolute())
        async with await Journal.read(path) as reader:
            place = await asyncio.to_thread(lambda: output or _usual_place(path))
            spared: list[str | Path] = [*await reader.sources(), *journal_files(path)]
            made = await asyncio.to_thread(lambda: Report(place, spared, journal=path))
            with made:
                await write_journal(made, reader, measure=True)
        if not made.is_standard_output:
            error_console().print(Text(f"The report is in {shown(made.name)}."), soft_wrap=True)
        return 0

    return run(reported(), redraws=is_redrawn(error_console()))


def _usual_place(journal: Path) -> Path:
    """Return where a report goes if nobody says; a page of somebody else's stays."""
    place = journal.parent / _NAME
    if place.is_file():
        with place.open("rb") as file:
            if _OURS not in file.read(_FIRST_BYTES):
                raise InvalidInputError(
                    f"There is already another file: {place}",
                    hint="Name a file for the report with --output.",
                )
    return place
