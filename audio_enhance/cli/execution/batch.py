"""A batch from the command line: done, shown while it is, and told of at its end."""

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, nullcontext, suppress
from functools import partial
from pathlib import Path

import attrs
from rich.text import Text

from audio_enhance import (
    AuthenticationError,
    ConnectionFailedError,
    EnhanceClient,
    Event,
    Finished,
    InvalidInputError,
    Journal,
    JournalError,
    Outcome,
    OutputError,
    RemotePath,
    RequestTimeoutError,
    ServerError,
    Source,
    SourceLike,
    SystemClock,
    path_of,
)
from audio_enhance.cli.display.log import logged
from audio_enhance.cli.display.outcome import advice, line_of, print_json
from audio_enhance.cli.display.painters import is_redrawn, painter_for
from audio_enhance.cli.display.progress import Progress
from audio_enhance.cli.display.screen import Screen, error_console, say
from audio_enhance.cli.display.summary import Summary, report_command, resume_command
from audio_enhance.cli.display.text import several, shown
from audio_enhance.cli.input.lengths import length_of
from audio_enhance.cli.input.places import check_output, is_full, journal_files, mark_results
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.reporting.report import Report
from audio_enhance.cli.threads import to_its_end

from .service import is_lost
from .work import Work, by_strengths

#: What need not be the same an hour later.
PASSING = (ConnectionFailedError, RequestTimeoutError, ServerError)
# Of more than so many results a terminal shows those that failed, and counts the others.
_FEW = 24


@attrs.frozen(kw_only=True)
class Telling:
    """How it is told what happens.

    Attributes:
        json: Whether every outcome is a line of JSON on standard output.
        report: The file for the report, if one is wanted.
        verbose: Whether the log is shown.
        quiet: Whether nothing is shown but what goes wrong.
    """

    json: bool
    report: Path | None
    verbose: bool
    quiet: bool = False


class Batch:
    """One run over some work.

    Raises:
        InvalidInputError: Standard output is closed, or the report could not be written where
            it belongs.
    """

    def __init__(
        self,
        work: Work,
        settings: Settings,
        telling: Telling,
        journal: Path | None,
        *,
        redo: bool = False,
    ) -> None:
        if telling.json:
            check_output()
        self._work = work
        self._settings = settings
        self._telling = telling
        self._summary = Summary()
        self._journal = journal
        self._redo = redo
        self._refused = set[str | None]()  # API clients
        self._explained: Callable[[Outcome], Outcome] = _as_told
        self._report = self._report_of(telling)
        self._console = error_console()
        self._progress = Progress(work.jobs(), work.sizes, SystemClock())
        how = {"prints": telling.json, "quiet": telling.quiet}
        self._screen = Screen(painter_for(self._console, self._progress, **how))
        redrawn = is_redrawn(self._console, **how)
        every = telling.verbose or not redrawn or work.count <= _FEW
        self._every_result = every and not telling.quiet
        self._advised = set[str]()

    def _report_of(self, telling: Telling) -> Report | None:
        if telling.report is None:
            return None
        beside = [] if self._journal is None else journal_files(self._journal)
        report = Report(
            telling.report,
            [*self._work.sizes, *beside],
            journal=self._journal,
            quiet=telling.quiet,
        )
        if telling.json and report.is_standard_output:
            raise InvalidInputError(
                "The report and --json would be mixed on standard output.",
                hint="Leave out one of them, or give the report a file.",
            )
        return report

    async def run(
        self,
        client: EnhanceClient,
        journal: Journal | None,
        explained: Callable[[Outcome], Outcome] | None = None,
        share_done: Callable[[str], float | None] | None = None,
    ) -> bool:
        """Do the work, and return whether every result is there.

        Args:
            client: What does it.
            journal: The journal, if there is one.
            explained: Given every outcome, it returns it with what else is known of a failure.
            share_done: Given an enhancement's id, it returns which share of it is done.

        Raises:
            OutputError: The report could not be written.
        """
        began = time.monotonic()
        self._explained = explained or _as_told
        self._progress.share_done = share_done
        with self._report or nullcontext():
            ended = False
            try:
                async with self._screen:
                    with logged(self._screen.say, verbose=self._telling.verbose, outcomes=True):
                        await self._run(client, journal)
                ended = True
            finally:
                seconds = time.monotonic() - began
                await self._write_report(journal, ended=ended)  # after Ctrl-C as well
        if self._telling.quiet:
            self._summary.print_end(self._console)
            return self._summary.ok
        self._summary.print(
            self._console,
            seconds=seconds,
            output_dir=self._settings.output_dir,
            journal=self._journal,
        )
        self._say_report()
        return self._summary.ok

    def _say_report(self) -> None:
        """Say where the report is, if somebody is to look at it."""
        if self._report is not None and self._report.kind != "document":
            where = f"The report is in {shown(self._report.name)}."
            self._console.print(Text(where), soft_wrap=True)

    async def _write_report(self, journal: Journal | None, *, ended: bool) -> None:
        if self._report is None:
            return
        try:
            await self._fill(self._report, journal, ended=ended)
            if not ended and not self._telling.quiet:
                self._say_report()
        except asyncio.CancelledError:
            text = "The report was not written."
            if self._journal is not None and self._report.file is not None:
                text += f" To make it:\n{report_command(self._journal, self._report.file)}"
            self._console.print(Text(text), soft_wrap=True)
            raise
        except (OutputError, JournalError) as error:
            if ended:
                raise
            # What stopped the run is told by whoever stops with it, a Ctrl-C's exit status too.
            say(self._console, shown(error.message), "red")

    async def _fill(self, report: Report, _journal: Journal | None, *, ended: bool) -> None:
        """Write the report of a run that has ended, or was stopped before."""
        unfinished = self._work.count - self._summary.ended
        await report.write(self._summary.totals | {"unfinished": unfinished}, wait=ended)

    @property
    def _protected(self) -> list[Path]:
        report = None if self._report is None else self._report.file
        return [] if report is None else [report]

    @property
    def skipped(self) -> int:
        """How many results an earlier run made."""
        return self._summary.totals["skipped"]

    def stopped(self) -> None:
        """Say how to resume after an interruption."""
        if self._journal is not None:
            how = "To resume:"
        else:
            how = "There is no journal. To continue, name the files that are left."
        done = f"{self._summary.ended:,} of {several(self._work.count, 'result')}"
        if failed := self._summary.totals["failed"]:
            done += f" ({failed:,} failed)"
        if not self._telling.quiet:
            self._summary.print_failures(self._console)
        say(self._console, f"Stopped after {done}. {how}")
        if self._journal is not None:  # a command is copied in one piece
            self._console.print(Text(resume_command(self._journal)), soft_wrap=True)

    async def _run(self, client: EnhanceClient, journal: Journal | None) -> None:
        task = asyncio.create_task(self._enhance(client, journal), name="command line")
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError:
            self._remark("Stopping. A second Ctrl-C exits at once.")
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise
        await task

    async def _enhance(self, client: EnhanceClient, journal: Journal | None) -> None:
        # Before there is a result: a run that dies has left none that is taken for a recording.
        settings = self._settings
        named = settings.placing.name
        await to_its_end(partial(mark_results, settings.output_dir, self._journal, named))
        again = await self._pass(client, journal, self._work.sources, last=journal is None)
        if not again:
            return
        count = several(len(again), "result")
        why = "because of the network or the server"
        self._remark(f"Retrying {count} that failed {why}.")
        sources = by_strengths((outcome.name, outcome.strength) for outcome in again)
        await self._pass(client, journal, sources, last=True)

    async def _pass(
        self,
        client: EnhanceClient,
        journal: Journal | None,
        work: Mapping[tuple[int, ...], Sequence[str]],
        *,
        last: bool,
    ) -> list[Outcome]:
        """Enhance everything, and return what failed and is worth another pass, not counted.

        A network that is away for minutes is no reason to leave recordings behind in a batch of
        hours: the journal knows what was paid for. Without any success there is no such reason
        to hope, and the last pass tells everything.
        """
        settings, held = self._settings, list[Outcome]()
        for strengths, names in work.items():
            sources = [
                name if settings.content_type is None else _sent_as(name, settings.content_type)
                for name in names
            ]
            run = self._outcomes(client, journal, sources, strengths)
            async with aclosing(run) as outcomes:
                async for told in outcomes:
                    outcome = await self._known(told, journal)
                    if not last and isinstance(outcome.error, PASSING):
                        held.append(outcome)
                        if not self._telling.quiet:  # which tells its end alone
                            self._screen.say(line_of(outcome, again=True))
                        continue
                    await self._take(outcome)
                    if why := self._why_stopped(outcome):
                        for one in held:
                            await self._take(one)
                        self._summary.stopped = why
                        self._summary.left = self._work.count - self._summary.ended
                        return []
        if held and self._summary.totals["succeeded"] and not self._is_refused(client):
            return held
        for outcome in held:
            await self._take(outcome)
        return []

    async def _known(self, told: Outcome, journal: Journal | None) -> Outcome:
        """Return an outcome with what else is known of a failure, which the journal keeps, too."""
        outcome = self._explained(told)
        error = outcome.error
        if journal is not None and error is not None and error is not told.error:
            with suppress(JournalError):  # on a full disk it has the API's word at least
                await journal.explain(outcome.name, outcome.strength, error)
        return outcome

    @staticmethod
    def _why_stopped(outcome: Outcome) -> str:
        """Return why everything after it would be processed, and paid for, in vain; or nothing."""
        if is_full(outcome.error):
            return "there is no room for more results"
        return "the cluster is gone" if is_lost(outcome.error) else ""

    def _outcomes(
        self,
        client: EnhanceClient,
        journal: Journal | None,
        sources: Iterable[SourceLike] | AsyncIterable[SourceLike],
        strengths: Sequence[int],
    ) -> AsyncGenerator[Outcome]:
        settings = self._settings
        return client.enhance_as_completed(
            sources,
            strength=strengths,
            output_dir=settings.output_dir,
            journal=journal,
            overwrite=settings.overwrite,
            redo=self._redo,
            delete_assets=settings.delete_uploads,
            protected=self._protected,
            root=settings.root,
            place=settings.placing if settings.placing.is_given else None,
            on_event=self._on_event,
        )

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Finished) and isinstance(event.error, AuthenticationError):
            self._refused.add(event.error.client_id)
        self._progress.on_event(event)

    def _is_refused(self, client: EnhanceClient) -> bool:
        """Whether the server refuses all credentials, which ends a run."""
        return self._refused.issuperset(client.client_ids)

    async def _measure(self, name: str) -> None:
        length = await to_its_end(partial(length_of, name))
        if length is not None:
            self._progress.lasts(name, length.seconds)
            self._summary.add_audio(length.seconds, is_estimate=length.is_estimate)

    async def _take(self, outcome: Outcome) -> None:
        self._progress.ended(outcome)
        self._summary.add(outcome)
        if outcome.status == "succeeded":
            await self._measure(outcome.name)
        if self._is_news(outcome):
            self._screen.say(line_of(outcome))
            self._advise(outcome)
        if self._telling.json:
            await to_its_end(partial(print_json, outcome))
        await self._keep(outcome)

    async def _keep(self, outcome: Outcome) -> None:
        """Take an outcome into the report."""
        if self._report is not None:
            await self._report.add(outcome)

    def _remark(self, text: str) -> None:
        """Say what is of no interest to those who want to hear of failures only."""
        if not self._telling.quiet:
            self._screen.say(Text(text))

    def _advise(self, outcome: Outcome) -> None:
        """Say what to do about a failure, the first time, where nothing at the end does."""
        hint = advice(outcome.error) if self._telling.quiet and outcome.error else ""
        if hint and hint not in self._advised:
            self._advised.add(hint)
            self._screen.say(Text(f"        → {shown(hint)}"))

    def _is_news(self, outcome: Outcome) -> bool:
        """Whether something is said when an outcome comes, and not only at the end."""
        if outcome.status == "failed" and self._telling.quiet:
            # What stops all of them is told at the end, once.
            return not isinstance(outcome.error, AuthenticationError)
        if outcome.status == "failed":
            # What the server could not enhance is told once, with all that it could not.
            return self._telling.verbose or not outcome.failed_enhancements
        if outcome.status == "skipped" and not (outcome.note or self._telling.verbose):
            return False
        return self._every_result


def _sent_as(name: str, content_type: str) -> Source:
    made = Source.from_url if isinstance(path_of(name), RemotePath) else Source.from_path
    return made(name, content_type=content_type)


def _as_told(outcome: Outcome) -> Outcome:
    return outcome
