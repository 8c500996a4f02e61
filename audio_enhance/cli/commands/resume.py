"""`audio-enhance resume`: finish what is in a journal."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import attrs
import click

from audio_enhance import EntryState, Journal, JournalEntry, RemotePath, path_of
from audio_enhance.cli.display.painters import is_redrawn
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.execution.batch import Batch, Telling
from audio_enhance.cli.execution.credentials import check_owners
from audio_enhance.cli.execution.service import connection
from audio_enhance.cli.execution.unfinished import is_over
from audio_enhance.cli.execution.work import Work, by_strengths
from audio_enhance.cli.input.options import (
    journal_argument,
    only_failed_option,
    overwrite_option,
    redo_option,
    telling_options,
)
from audio_enhance.cli.input.places import check_results
from audio_enhance.cli.input.recordings import size_of
from audio_enhance.cli.input.server import Server, resumed_server_options
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_in

_EPILOG = """
\b
Examples:
  audio-enhance resume
  audio-enhance resume clean --only-failed
  audio-enhance resume enhanced/.audio-enhance.sqlite --json
"""


@click.command(epilog=_EPILOG, short_help="Finish what an interrupted run left.")
@journal_argument
@overwrite_option
@redo_option
@only_failed_option
@resumed_server_options
@telling_options
def resume(
    journal: Path,
    overwrite: bool,
    redo: bool,
    only_failed: bool,
    server: Server,
    as_json: bool,
    report: Path | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Finish what is in a journal, with the settings of the run that started it.

    JOURNAL is the output folder, or the journal's file. The default is the folder "enhanced".
    Finished recordings are skipped. What the server has finished is downloaded, and what failed
    is tried again.
    """
    telling = Telling(json=as_json, report=report, verbose=verbose, quiet=quiet)

    async def resumed() -> int:
        path = await asyncio.to_thread(lambda: journal_in(journal).absolute())
        batch: Batch | None = None
        try:
            async with AsyncExitStack() as stack:
                # Read first: opening it for a run would make one where there is none.
                async with await Journal.read(path) as reader:
                    settings = await Settings.of(reader)
                    settings = attrs.evolve(
                        settings,
                        server=settings.server.resumed(server),
                        overwrite=overwrite or settings.overwrite,
                    )
                    await settings.check(reader)
                service = await stack.enter_async_context(connection(settings.server, quiet=quiet))
                await asyncio.to_thread(check_results, settings.output_dir)
                opened = await stack.enter_async_context(await Journal.open(path))
                work = await _work_in(opened, only_failed=only_failed)
                if redo:
                    await opened.redo(work.jobs())
                else:
                    await check_owners(opened, service.client_ids, frozenset(work.jobs()))
                batch = Batch(work, settings, telling, path, redo=redo)
                ok = await batch.run(service.client, opened, service.explained, service.share_done)
                return 0 if ok else 1
        except asyncio.CancelledError:
            if batch is not None:
                batch.stopped()
            raise

    return run(resumed(), redraws=is_redrawn(error_console(), prints=as_json, quiet=quiet))


async def _work_in(journal: Journal, *, only_failed: bool) -> Work:
    states = [EntryState.FAILED] if only_failed else []
    entries = [entry async for entry in journal.entries(*states)]
    return await asyncio.to_thread(_work_of, entries)


def _work_of(entries: list[JournalEntry]) -> Work:
    jobs: list[tuple[str, int]] = []
    sizes: dict[str, int] = {}
    for entry in entries:
        source = entry.source
        if source not in sizes:
            sizes[source] = size_of(source)
            if isinstance(path_of(source), RemotePath) and not entry.gone:
                sizes[source] = entry.byte_size or 1  # asking for each would take a while
        # A recording that was moved away when it was done is nothing to be done again.
        if sizes[source] or not (entry.state == EntryState.SUCCEEDED or is_over(entry)):
            jobs.append((source, entry.strength))
    return Work(sources=by_strengths(jobs), sizes=sizes)
