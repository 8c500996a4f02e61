"""`audio-enhance doctor`: look whether everything is as it should be."""

import asyncio
from pathlib import Path

import click
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from audio_enhance.cli.display.screen import output_console, print_table
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.input.options import PATH
from audio_enhance.cli.input.server import Server, checked_server_options
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.space import free_in

from .checks import Finding, Health, api, cluster, disk, engine, extras, versions

# Terminals of fewer columns have what was found below what it is about.
_NARROW = 60
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
@checked_server_options
def doctor(output_dir: Path, server: Server) -> int:
    """Check credentials, network, clock, disk, extras and versions.

    It asks for a token and for a recording that does not exist, once for each API client. Nothing
    is uploaded, created or paid for. Give it the options of the run that you are going to start.
    With --local, it looks at what that needs, and not at the API.

    The exit status is 1 if you have to fix something.
    """

    async def looked() -> int:
        server.check()
        folder = await asyncio.to_thread(output_dir.absolute)
        found = [versions(), *([] if server.local else await api(server))]
        found.append(disk(folder, await asyncio.to_thread(free_in, folder)))
        if server.cluster is not None:
            found.append(await cluster(server))
        found.append(await asyncio.to_thread(engine, server))
        found.extend(extras())
        print_findings(output_console(), found)
        return 1 if any(finding.health is Health.BAD for finding in found) else 0

    return run(looked())


def print_findings(console: Console, found: list[Finding]) -> None:
    """Print what was found, each with what to do."""
    narrow = console.is_terminal and console.width < _NARROW
    table = Table.grid(Column(min_width=4), Column(min_width=11), Column(), padding=(0, 1))
    for finding in found:
        said = [Text(shown(finding.said), overflow="fold")]
        if finding.hint:
            said.append(Text(f"→ {shown(finding.hint)}", style="dim", overflow="fold"))
        head = Text(*_WORDS[finding.health]), Text(shown(finding.subject))
        if narrow:
            console.print(*head)
            console.print(Padding(Group(*said), (0, 0, 0, 2)))
        else:
            table.add_row(*head, Group(*said))
    print_table(console, table)
