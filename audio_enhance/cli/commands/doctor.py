"""`audio-enhance doctor`: look whether everything is as it should be."""

import asyncio
from pathlib import Path

import click
from rich.console import Console, Group
from rich.table import Column, Table
from rich.text import Text

from audio_enhance.cli.display.screen import output_console, print_table
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.input.options import PATH
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.space import free_in

from .checks import Finding, Health, api, disk, engine, extras, versions

_WORDS = {
    Health.GOOD: ("ok", "green"),
    Health.NOTE: ("note", "yellow"),
    Health.BAD: ("bad", "bold red"),
}


@click.command(short_help="Check credentials, network, clock, disk and extras.")
@click.option(
    "-o",
    "--output-dir",
    type=PATH,
    default="enhanced",
    metavar="DIR",
    help="Where results will go. Default: enhanced.",
)
def doctor(output_dir: Path) -> int:
    """Check credentials, network, clock, disk, extras and versions.

    It asks for a token and for a recording that does not exist. Nothing is uploaded, created or
    paid for. The exit status is 1 if you have to fix something.
    """

    async def looked() -> int:
        folder = await asyncio.to_thread(output_dir.absolute)
        found = [versions(), *await api()]
        found.append(disk(folder, await asyncio.to_thread(free_in, folder)))
        found.append(await asyncio.to_thread(engine))
        found.extend(extras())
        _print(output_console(), found)
        return 1 if any(finding.health is Health.BAD for finding in found) else 0

    return run(looked())


def _print(console: Console, found: list[Finding]) -> None:
    table = Table.grid(Column(min_width=4), Column(min_width=11), Column(), padding=(0, 1))
    for finding in found:
        said = [Text(shown(finding.said), overflow="fold")]
        if finding.hint:
            said.append(Text(f"→ {shown(finding.hint)}", style="dim", overflow="fold"))
        table.add_row(Text(*_WORDS[finding.health]), shown(finding.subject), Group(*said))
    print_table(console, table)
