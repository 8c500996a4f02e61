"""`audio-enhance report`: what a journal holds, as a page with pictures, a table or JSON."""

import asyncio
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.text import Text

from audio_enhance import InvalidInputError, Journal
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.input.options import journal_argument, report_place
from audio_enhance.cli.input.places import journal_files
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_in
from audio_enhance.cli.reporting import facts
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
                await _write(made, reader)
        if not made.is_standard_output:
            error_console().print(Text(f"The report is in {shown(made.name)}."), soft_wrap=True)
        return 0

    return run(reported())


async def _write(report: Report, journal: Journal) -> None:
    totals: Counter[str] = Counter(succeeded=0, failed=0, unfinished=0, extra_enhancements=0)
    began, ended = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
    async for entry in journal.entries():
        row = facts.of_entry(entry)
        totals[row["status"]] += 1
        totals["extra_enhancements"] += entry.extra
        began = min(began, datetime.fromtimestamp(entry.created_at, UTC))
        ended = max(ended, datetime.fromtimestamp(entry.updated_at, UTC))
        await report.add_row(row)
    if began > ended:
        began = ended = datetime.now(UTC)
    await report.write(totals, times=(began, ended), measure=True)


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
