"""`audio-enhance enhance`: recordings and folders of recordings in, clean ones out."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path, PurePath

import attrs
import click
from rich.text import Text

from audio_enhance import (
    VIDEO_SUFFIXES,
    EntryState,
    Journal,
    MissingExtraError,
    recording_suffixes,
)
from audio_enhance.cli.display.painters import is_redrawn
from audio_enhance.cli.display.screen import error_console, say
from audio_enhance.cli.display.summary import resume_command
from audio_enhance.cli.display.text import several, shown
from audio_enhance.cli.execution.batch import Batch, Telling
from audio_enhance.cli.execution.credentials import check_owners
from audio_enhance.cli.execution.pipe import Pipe, check_pipe, is_pipe
from audio_enhance.cli.execution.renamed import without_renamed
from audio_enhance.cli.execution.service import connection
from audio_enhance.cli.execution.unfinished import Unfinished, known_as, unfinished
from audio_enhance.cli.execution.work import Work, by_strengths
from audio_enhance.cli.input.options import (
    content_type_option,
    delete_uploads_option,
    journal_option,
    mirror_option,
    name_option,
    only_failed_option,
    output_place_option,
    overwrite_option,
    redo_option,
    selecting_options,
    strength_option,
    telling_options,
)
from audio_enhance.cli.input.places import check_names, check_results
from audio_enhance.cli.input.placing import Placing
from audio_enhance.cli.input.recordings import Recordings, as_written, find_recordings, size_of
from audio_enhance.cli.input.selection import Filter, expanded, names_in
from audio_enhance.cli.input.server import Server, server_options
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import journal_for

from .dry_run import DryRun

_LISTED = 5  # links by their names

_EPILOG = """
\b
Examples:
  audio-enhance enhance talk.mp3
  audio-enhance enhance recordings/ --output-dir clean
  audio-enhance enhance a.wav b.wav --strength 50 --strength 93
  audio-enhance enhance recordings/ --local
  audio-enhance enhance s3://bucket/raw/ -o s3://bucket/clean/
  audio-enhance enhance - < talk.mp3 > clean.mp3

Your credentials come from FIREFLY_SERVICES_CLIENT_ID and FIREFLY_SERVICES_CLIENT_SECRET
(or FIREFLY_SERVICES_ACCESS_TOKEN). With --local you need none.

\b
Exit status: 0 if every file succeeded, 1 if some did not, 2 for wrong
usage, 130 after Ctrl-C, which also prints how to resume.
"""


@click.command(epilog=_EPILOG, short_help="Enhance recordings, or folders of recordings.")
@click.argument("files", nargs=-1, type=click.Path(), metavar="FILES...")
@selecting_options
@strength_option
@output_place_option
@journal_option
@click.option("--no-journal", is_flag=True, help="Keep no journal. You cannot resume.")
@overwrite_option
@redo_option
@only_failed_option
@mirror_option
@name_option
@click.option(
    "--dry-run", is_flag=True, help="Show what would be done and what it costs, and send nothing."
)
@content_type_option
@delete_uploads_option
@click.option(
    "--filename",
    metavar="NAME",
    help="With -: what the recording is called. Without it, its first bytes tell its type.",
)
@server_options
@telling_options
@click.pass_context
def enhance(
    context: click.Context,
    files: tuple[str, ...],
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    files_from: str | None,
    limit: int | None,
    strengths: tuple[int, ...],
    output_dir: PurePath,
    journal: Path | None,
    no_journal: bool,
    overwrite: bool,
    redo: bool,
    only_failed: bool,
    mirror: bool,
    name: str | None,
    dry_run: bool,
    content_type: str | None,
    delete_uploads: bool,
    filename: str | None,
    server: Server,
    as_json: bool,
    report: Path | None,
    verbose: bool,
    quiet: bool,
) -> int:
    """Remove noise and echo from recordings of speech.

    FILES can be folders: all audio files in them and in the folders below are enhanced. With the
    extra `video`, the sound of videos is enhanced too, and the results are videos. With the extra
    `remote`, FILES and DIR can be URLs of buckets.
    If you run the command again, it skips finished recordings.

    If FILES is -, one recording comes in on standard input, and its result goes to standard output.
    """
    if is_pipe(files):
        check_pipe(context, strengths, filename, content_type)
        pipe = Pipe(
            strength=strengths[0],
            filename=filename,
            content_type=content_type,
            delete_uploads=delete_uploads,
            quiet=quiet,
            verbose=verbose,
        )
        return run(_through(pipe, server), redraws=is_redrawn(error_console(), quiet=quiet))
    if filename is not None:
        raise click.UsageError("--filename is for a recording on standard input: give - for FILES.")
    if journal is not None and no_journal:
        raise click.UsageError("Use either --journal or --no-journal, not both.")
    if only_failed and no_journal:
        raise click.UsageError("--only-failed needs the journal, which knows what failed.")
    if isinstance(output_dir, Path):
        output_dir = output_dir.absolute()
    journal = None if no_journal else journal or journal_for(output_dir)
    if dry_run and report is not None:
        raise click.UsageError("--dry-run writes no report. Leave out one of them.")
    telling = Telling(json=as_json, report=report, verbose=verbose, quiet=quiet)

    async def enhanced() -> int:
        named = await _named(files, files_from)
        wanted = Filter(include, exclude)
        found = await asyncio.to_thread(find_recordings, named, output_dir, wanted)
        found = await without_renamed(found)
        _say(found, quiet=quiet)
        settings = Settings(
            output_dir=output_dir,
            overwrite=overwrite,
            root=found.root,
            content_type=content_type,
            server=server,
            delete_uploads=delete_uploads,
            placing=Placing(mirror=mirror, name=name, tops=tuple(found.tops)),
        )
        left = Unfinished()
        if journal is not None:
            left = await unfinished(journal, named, found.sizes, strengths)
            if include or exclude:  # what is gone can be matched with no pattern
                left = attrs.evolve(left, meant=())
        work = await asyncio.to_thread(_work_of, found, strengths, left)
        if only_failed:
            work = work.only(await known_as(EntryState.FAILED, journal))
        if limit is not None:
            work = work.first(limit, await known_as(EntryState.SUCCEEDED, journal))
        check_names(settings, work.jobs())
        if dry_run:
            told = DryRun(work=work, settings=settings, journal=journal, redo=redo)
            fine = await told.tell(as_json=as_json, quiet=quiet)
            return 0 if fine and not found.unreadable else 1
        batch = Batch(work, settings, telling, journal, redo=redo)
        try:
            async with AsyncExitStack() as stack:
                service = await stack.enter_async_context(connection(server, quiet=quiet))
                await asyncio.to_thread(check_results, output_dir)
                opened = None
                if journal is not None:
                    opened = await stack.enter_async_context(await Journal.open(journal.absolute()))
                    planned = list(_planned(work, settings))
                    if not redo:
                        await check_owners(opened, service.client_ids, frozenset(planned))
                    await settings.write(opened)
                    await opened.plan(planned)
                    if redo:
                        await opened.redo(planned)
                ok = await batch.run(service.client, opened, service.explained, service.share_done)
            if overwrite and batch.skipped and not quiet:
                error_console().print(
                    "--overwrite does not repeat finished recordings; --redo does."
                )
            if left.others and journal is not None and not quiet:
                _say_others(left.others, journal)
        except asyncio.CancelledError:
            batch.stopped()
            raise
        return 0 if ok and not found.unreadable else 1

    redraws = is_redrawn(error_console(), prints=as_json, quiet=quiet or dry_run)
    return run(enhanced(), redraws=redraws)


async def _through(pipe: Pipe, server: Server) -> int:
    async with connection(server, quiet=pipe.quiet) as service:
        return await pipe.run(service)


async def _named(files: Sequence[str], files_from: str | None) -> list[str]:
    named = await asyncio.to_thread(expanded, files)
    if files_from is not None:
        named += await names_in(files_from)
    if not named:
        raise click.UsageError("Missing argument 'FILES...'.")
    return named


def _work_of(found: Recordings, strengths: tuple[int, ...], left: Unfinished) -> Work:
    jobs = [(name, strength) for name in found.sizes for strength in strengths]
    return Work(
        sources=by_strengths([*dict.fromkeys(jobs), *left.meant]),
        sizes=found.sizes | {name: size_of(name) for name, _ in left.meant},
    )


def _say_others(count: int, journal: Path) -> None:
    are, them = ("is", "it") if count == 1 else ("are", "them")
    text = (
        f"{several(count, 'result')} of other recordings or strengths {are} not done yet."
        f" To finish {them}: {resume_command(journal)}"
    )
    error_console().print(Text(text), soft_wrap=True)


def _planned(work: Work, settings: Settings) -> Iterator[tuple[str, int]]:
    """Yield what a journal is to know; a mistyped name is nothing that could be resumed."""
    taken = recording_suffixes()
    for source, strength in work.jobs():
        known = settings.content_type or PurePath(source).suffix.lower() in taken
        if known and work.sizes[source]:
            yield as_written(source), strength


def _counted(left_out: Counter[str]) -> str:
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in left_out.most_common())
    return f"Left out {several(left_out.total(), 'file')}: {kinds}."


def _say(found: Recordings, *, quiet: bool) -> None:
    console = error_console()

    def told(text: str, style: str = "") -> None:
        if not quiet:
            say(console, text, style)

    for folder in found.unreadable:  # which is a failure
        say(console, f"Cannot search this folder: {shown(folder)}", "yellow")
    if found.filtered:
        told(f"Left out {several(found.filtered, 'file')} by --include and --exclude.")
    if found.results:
        told(f"Left out {several(found.results, 'result')} of earlier runs.")
    videos: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for suffix, count in found.not_taken.items():
        (videos if suffix in VIDEO_SUFFIXES else others)[suffix] = count
    if videos:
        command = MissingExtraError("video", "av").command
        told(f"{_counted(videos)} To enhance videos: {command}", "yellow")
    if others:
        told(
            f"{_counted(others)} The API does not take these. Convert them, to .flac for example.",
            "yellow",
        )
    if found.links:
        named = ", ".join(map(shown, found.links[:_LISTED]))
        more = len(found.links) - _LISTED
        unnamed = f" and {more:,} more" if more > 0 else ""
        told(f"Left out links to folders: {named}{unnamed}. To search them, name them.")
    if not found.sizes:
        raise click.UsageError("Found no recording that the API takes.")
