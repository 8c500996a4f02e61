"""`audio-enhance status`: what a journal holds."""

import asyncio
import json
import time
from pathlib import Path

import attrs
import click
from rich.table import Table
from rich.text import Text

from audio_enhance import ConfigurationError, EntryState, Journal, JournalEntry
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.display.screen import output_console, print_table, say
from audio_enhance.cli.display.summary import resume_command
from audio_enhance.cli.display.text import duration, several, shown
from audio_enhance.cli.execution.unfinished import is_over
from audio_enhance.cli.input.options import journal_argument
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_in
from audio_enhance.cli.pacing.journal_pace import results_of, seconds_left

_LISTED = 20

_MEANINGS = {
    EntryState.QUEUED: "nothing sent yet",
    EntryState.UPLOADING: "the upload has started",
    EntryState.UPLOADED: "uploaded, no enhancement requested yet",
    EntryState.SUBMITTING: "the enhancement is being requested",
    EntryState.SUBMITTED: "queued or processing at the server",
    EntryState.PROCESSED: "enhanced, the result is still at the server",
    EntryState.DOWNLOADING: "the result is being downloaded",
    EntryState.SUCCEEDED: "the result is saved",
    EntryState.FAILED: "see below",
}
# Of a run whose own local service has ended with it.
_ENDED = "begun at the local service, which ended with its run; resume begins it again"
_AT_THE_SERVICE = frozenset(_MEANINGS) - {
    EntryState.QUEUED,
    EntryState.SUCCEEDED,
    EntryState.FAILED,
}


@attrs.frozen
class _Status:
    """What is shown of a journal; of the failures, the first ones.

    Attributes:
        process: The process of the run that is at work on it, if there is one.
        seconds_left: How long that run will probably take, from the pace of its latest results.
        local: Whether the run had a local service of its own.
    """

    journal: Path
    counts: dict[EntryState, int]
    failures: list[JournalEntry]
    gone: int
    process: int | None = None
    seconds_left: float | None = None
    local: bool = False

    @property
    def unfinished(self) -> int:
        return sum(self.counts.values()) - self.counts[EntryState.SUCCEEDED] - self.gone

    def meaning(self, state: EntryState) -> str:
        """Return what a state means for whoever reads it."""
        ended = self.local and self.process is None and state in _AT_THE_SERVICE
        return _ENDED if ended else _MEANINGS[state]


@click.command(short_help="Show how far a run is, or was.")
@journal_argument
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every failure.")
def status(journal: Path, as_json: bool) -> int:
    """Show how many recordings are done, under way and failed, and what to do about failures.

    JOURNAL is the output folder, or the journal's file. The default is the folder "enhanced".
    You can look while a run uses it.
    """

    async def shown_status() -> int:
        path = await asyncio.to_thread(lambda: journal_in(journal).absolute())
        found = await _read(path, listed=None if as_json else _LISTED)
        if as_json:
            click.echo(json.dumps(_fields(found)))
        else:
            _print(found)
        return 0

    return run(shown_status())


async def _read(path: Path, *, listed: int | None) -> _Status:
    async with await Journal.read(path) as reader:
        counts = await reader.counts()
        failures: list[JournalEntry] = []
        gone: list[JournalEntry] = []
        async for entry in reader.entries(EntryState.FAILED):
            if listed is None or len(failures) < listed:
                failures.append(entry)
            if entry.gone:
                gone.append(entry)
        over = await asyncio.to_thread(lambda: sum(map(is_over, gone)))
        process = await asyncio.to_thread(Journal.in_use_by, path)
        seconds = None if process is None else await _seconds_left(reader)
        local = await _is_local(reader)
        return _Status(path, counts, failures, over, process, seconds, local)


async def _is_local(journal: Journal) -> bool:
    try:
        return (await Settings.of(journal)).server.local
    except ConfigurationError:  # a program's
        return False


async def _seconds_left(journal: Journal) -> float | None:
    done, left = await results_of(journal)
    return seconds_left(done, left, now=time.time())


def _fields(status: _Status) -> dict[str, object]:
    return {
        "journal": str(status.journal),
        "total": sum(status.counts.values()),
        "unfinished": status.unfinished,
        "gone": status.gone,
        "process": status.process,
        "seconds_left": None if status.seconds_left is None else round(status.seconds_left),
        "counts": {state.value: count for state, count in status.counts.items()},
        "failures": [
            {
                "source": entry.source,
                "strength": entry.strength,
                "asset_id": entry.asset_id,
                "enhancement_id": entry.enhancement_id,
                "error": entry.error,
            }
            for entry in status.failures
        ],
    }


def _print(status: _Status) -> None:
    console = output_console()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(justify="right")
    table.add_column()
    table.add_column(style="dim")
    for state, count in status.counts.items():
        if count:
            style = {EntryState.SUCCEEDED: "green", EntryState.FAILED: "red"}.get(state, "")
            table.add_row(f"{count:,}", Text(state.value, style), status.meaning(state))
    table.add_row(f"{sum(status.counts.values()):,}", Text("in total", "bold"), "")
    print_table(console, table)
    for entry in status.failures:
        name = Text(shown(near(entry.source)), "red")
        text = Text.assemble("\n", name, f" at {entry.strength}: {shown(_reason(entry))}")
        say(console, text)
    unlisted = status.counts[EntryState.FAILED] - len(status.failures)
    if unlisted:
        console.print(f"\nand {unlisted:,} more failures; --json lists all of them")
    if status.gone:
        gone = several(status.gone, "result")
        console.print(f"\n{gone} of recordings that are gone; resume skips them")
    if status.process is not None:
        left = (
            "" if status.seconds_left is None else f", about {duration(status.seconds_left)} left"
        )
        console.print(f"\nA run is at work: process {status.process}{left}.")
    elif status.unfinished:
        command = resume_command(status.journal)
        console.print(Text(f"\nTo finish it: {command}"), soft_wrap=True)


def _reason(entry: JournalEntry) -> str:
    """Return why it failed, without the name that the text of an error begins with."""
    text = entry.error or "no reason was recorded"
    name, colon, rest = text.partition(": ")
    return rest if colon and shown(entry.source).endswith(shown(name).lstrip("./")) else text
