"""`audio-enhance watch`: a folder whose recordings are enhanced as they come."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, aclosing
from functools import partial
from pathlib import Path

import click
from rich.text import Text

from audio_enhance import EnhanceClient, Journal, Outcome, Source
from audio_enhance.cli.display.outcome import line_of, near
from audio_enhance.cli.display.painters import is_redrawn
from audio_enhance.cli.display.screen import error_console, say
from audio_enhance.cli.display.summary import report_command
from audio_enhance.cli.display.text import several, shown
from audio_enhance.cli.execution.batch import PASSING, Batch, Telling
from audio_enhance.cli.execution.credentials import check_owners
from audio_enhance.cli.execution.hot_folder import HotFolder
from audio_enhance.cli.execution.service import connection
from audio_enhance.cli.execution.work import Work
from audio_enhance.cli.input.options import (
    PATH,
    content_type_option,
    delete_uploads_option,
    exclude_option,
    include_option,
    journal_option,
    json_option,
    name_option,
    output_dir_option,
    overwrite_option,
    quiet_option,
    report_option,
    strength_option,
    verbose_option,
)
from audio_enhance.cli.input.places import check_names, check_results, mark_results
from audio_enhance.cli.input.placing import Placing
from audio_enhance.cli.input.recordings import as_written
from audio_enhance.cli.input.selection import Filter
from audio_enhance.cli.input.server import Server, server_options
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.interrupt import run
from audio_enhance.cli.journals import JOURNAL_NAME
from audio_enhance.cli.reporting.from_journal import write_journal
from audio_enhance.cli.reporting.report import Report
from audio_enhance.cli.threads import to_its_end

_SETTLE_SECONDS = 5.0

_EPILOG = """
\b
Examples:
  audio-enhance watch incoming
  audio-enhance watch incoming --output-dir clean
  audio-enhance watch /mnt/studio/incoming --poll --settle 30
"""


@click.command(epilog=_EPILOG, short_help="Enhance what is put into a folder, as it comes.")
@click.argument("folder", type=PATH)
@include_option
@exclude_option
@strength_option
@output_dir_option
@journal_option
@click.option(
    "--settle",
    type=click.FloatRange(min=0, min_open=True),
    default=_SETTLE_SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="Start on a recording once it has not changed for this long.",
)
@click.option(
    "--poll",
    is_flag=True,
    help="Look into the folder every SECONDS. Network drives need this: they report no changes.",
)
@overwrite_option
@name_option
@content_type_option
@delete_uploads_option
@server_options
@json_option
@report_option
@quiet_option
@verbose_option
def watch(
    folder: Path,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    strengths: tuple[int, ...],
    output_dir: Path,
    journal: Path | None,
    settle: float,
    poll: bool,
    overwrite: bool,
    name: str | None,
    content_type: str | None,
    delete_uploads: bool,
    server: Server,
    as_json: bool,
    report: Path | None,
    quiet: bool,
    verbose: bool,
) -> int:
    """Enhance what is in FOLDER and the folders below it, and whatever is put there, until Ctrl-C.

    It enhances a recording when that has stopped growing, and again when it changes. It leaves
    alone files that somebody is still writing, such as talk.wav.part. The folder for the results
    gets the same folders. If you run the command again, it skips finished recordings.

    With --report, you get a report after Ctrl-C, of all that the journal holds. Earlier runs are
    in it, too.
    """
    strengths = tuple(dict.fromkeys(strengths))
    output_dir = output_dir.absolute()
    journal = journal or output_dir / JOURNAL_NAME
    telling = Telling(json=as_json, report=report, verbose=verbose, quiet=quiet)

    async def watched() -> int:
        top = Path(as_written(folder))
        if not await asyncio.to_thread(top.is_dir):
            raise click.UsageError(f"{shown(folder)} is not a folder.")
        settings = Settings(
            output_dir=output_dir,
            overwrite=overwrite,
            root=top,
            content_type=content_type,
            server=server,
            delete_uploads=delete_uploads,
            placing=Placing(mirror=True, name=name, tops=(top,)),
        )
        check_names(settings, [(str(top / "a.wav"), strength) for strength in strengths])
        batch = _Watch(settings, telling, journal, strengths)
        batch.hot = HotFolder(
            folder,
            output_dir,
            Filter(include, exclude),
            settle=settle,
            poll=poll,
            expect=batch.expect,
            withdraw=batch.withdraw,
        )
        try:
            async with AsyncExitStack() as stack:
                service = await stack.enter_async_context(connection(server, quiet=quiet))
                await asyncio.to_thread(check_results, output_dir)
                opened = await stack.enter_async_context(await Journal.open(journal.absolute()))
                await check_owners(opened, service.client_ids, None)
                await settings.write(opened)
                batch.say_what_is_watched(folder)
                ok = await batch.run(service.client, opened, service.explained, service.share_done)
        except asyncio.CancelledError:
            batch.stopped()
            raise
        return 0 if ok else 1

    return run(watched(), redraws=is_redrawn(error_console(), prints=as_json, quiet=quiet))


class _Watch(Batch):
    """A batch that grows while it runs, and ends when it is stopped.

    Attributes:
        hot: What gives out the recordings.
    """

    hot: HotFolder

    def __init__(
        self, settings: Settings, telling: Telling, journal: Path, strengths: Sequence[int]
    ) -> None:
        super().__init__(Work(sources={}, sizes={}), settings, telling, journal)
        self._strengths = strengths
        self._missing = Counter[str]()  # results of those that were given out, without an outcome
        self._next: str | None = None
        self._later = set[str]()  # recordings with a result that will be tried again
        self._is_away = False  # the network or the server
        self._reported = False

    def expect(self, name: str, size: int) -> None:
        """Take in a recording that will be given out."""
        self._progress.expect(name, size, len(self._strengths))

    def withdraw(self, name: str) -> None:
        """Take in that a recording will be given out later."""
        self._progress.withdraw(name, len(self._strengths))

    def say_what_is_watched(self, folder: Path) -> None:
        """Say what goes where."""
        if not self._telling.quiet:
            results = shown(near(self._settings.output_dir))
            said = f"Watching {shown(folder)}. Results go to {results}. Ctrl-C stops."
            say(self._console, said)

    def stopped(self) -> None:
        """Say how to go on after an interruption."""
        if not self._telling.quiet:
            done = several(self._summary.totals["succeeded"], "result")
            said = f"Stopped after {done}. To go on, run the same command again."
            say(self._console, said)
            if self._reported:
                self._say_report()
            elif self._journal is not None:
                report = Text(f"For a report: {report_command(self._journal)}")
                self._console.print(report, soft_wrap=True)  # a command is copied in one piece

    async def _keep(self, outcome: Outcome) -> None:
        """Do nothing: the journal has it, and those of earlier runs."""

    async def _fill(self, report: Report, journal: Journal | None, *, ended: bool) -> None:
        assert journal is not None
        measure = report.kind != "document"  # though it was stopped: that is how it ends
        await write_journal(report, journal, wait=ended, measure=measure)
        self._reported = True

    def _is_news(self, outcome: Outcome) -> bool:
        if outcome.status == "failed" and not self._telling.quiet:
            return True  # there is no end at which it could be told
        return super()._is_news(outcome)

    async def _enhance(self, client: EnhanceClient, journal: Journal | None) -> None:
        assert journal is not None
        settings = self._settings
        named = settings.placing.name
        await to_its_end(partial(mark_results, settings.output_dir, self._journal, named))
        async with self.hot.watched() as ready, aclosing(ready):
            while not await self._stream(client, journal, ready):
                pass

    async def _stream(
        self, client: EnhanceClient, journal: Journal, ready: AsyncGenerator[str]
    ) -> bool:
        """Enhance what is ready, and return whether that has to be the end of it.

        It is not where a recording comes for the second time: in one batch, no result takes the
        place of another. It is the first one of the next.
        """
        run = self._outcomes(client, journal, self._sources(ready, journal), self._strengths)
        async with aclosing(run) as outcomes:
            async for told in outcomes:
                outcome = await self._known(told, journal)
                await self._take_or_try_again(outcome)
                if why := self._why_stopped(outcome):
                    self._summary.stopped = why
                    self._summary.left = self._progress.snapshot().left
                if why or self._is_refused(client):
                    return True
        return False

    async def _sources(
        self, ready: AsyncGenerator[str], journal: Journal
    ) -> AsyncGenerator[str | Source]:
        kind, given = self._settings.content_type, set[str]()
        while True:
            name = await anext(ready) if self._next is None else self._next
            self._next = None
            if name in given:
                self._next = name
                return
            given.add(name)
            await journal.plan((as_written(name), strength) for strength in self._strengths)
            self._missing[name] = len(self._strengths)
            yield name if kind is None else Source.from_path(name, content_type=kind)

    async def _take_or_try_again(self, outcome: Outcome) -> None:
        name = outcome.name
        if isinstance(outcome.error, PASSING):
            self._later.add(name)
            self._progress.withdraw(name, 1)
            if not (self._telling.quiet and self._is_away):  # an outage is told once
                self._screen.say(line_of(outcome, again=True))
            self._is_away = True
        else:
            self._is_away = False
            await self._take(outcome)
        self._missing[name] -= 1
        if self._missing[name]:
            return
        del self._missing[name]
        if name in self._later:
            self._later.discard(name)
            self.hot.again(name)
        else:
            self.hot.done(name)
