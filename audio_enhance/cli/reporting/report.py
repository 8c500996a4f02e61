"""A report: rows are collected on disk, looked at where that is wanted, and written at the end."""

import importlib.util
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, Self

from audio_enhance import MissingExtraError, Outcome, OutputError
from audio_enhance.cli.threads import to_its_end

from .facts import of_outcome
from .head import Head
from .measured import measured
from .place import ReportPlace
from .spool import Row, Spool
from .tally import Tally

Kind = Literal["page", "sheet", "document"]

_KINDS: dict[str, Kind] = {".html": "page", ".htm": "page", ".csv": "sheet"}


class Report:
    """Collects rows, whatever their number, and writes the file at the end.

    A context manager. A file appears whole, and replaces an earlier one. What its name ends in
    says what it is: `.html` is a page with pictures, `.csv` a table; everything else is JSON.

    Args:
        path: The file; `-` is standard output.
        spared: Files that it must not replace.
        journal: The journal, which a page names where something is left to do.
        quiet: Whether nothing is said while recordings are measured or somebody is waited for.

    Raises:
        InvalidInputError: It could not be written there.
        MissingExtraError: What a page is made with is not installed.
    """

    def __init__(
        self,
        path: Path,
        spared: Iterable[str | Path] = (),
        *,
        journal: Path | None = None,
        quiet: bool = False,
    ) -> None:
        self._place = ReportPlace(path)
        self._place.check(spared)
        self.kind: Kind = _KINDS.get(path.suffix.lower(), "document")
        if self.kind == "page" and importlib.util.find_spec("jinja2") is None:
            raise MissingExtraError("cli", "jinja2")
        self._journal = journal
        self._quiet = quiet
        self._spool = Spool()
        self._began = datetime.now(UTC)

    @property
    def is_standard_output(self) -> bool:
        """Whether it goes where results are printed."""
        return self._place.is_standard_output

    @property
    def file(self) -> Path | None:
        """Return the file that it will be, if it is one."""
        return self._place.file

    @property
    def name(self) -> str:
        """What it is called, as seen from the current folder."""
        return self._place.name

    def __enter__(self) -> Self:
        self._spool.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._spool.__exit__(*exception)

    async def add(self, outcome: Outcome) -> None:
        """Take in one outcome; a full disk shows when the report is written."""
        await self.add_row(of_outcome(outcome))

    async def add_row(self, row: Row) -> None:
        """Take in what is known of one source at one strength; see `add`."""
        await to_its_end(partial(self._spool.add, row))

    async def write(
        self,
        totals: Mapping[str, Any],
        *,
        wait: bool = True,
        times: tuple[datetime, datetime] | None = None,
        measure: bool | None = None,
    ) -> None:
        """Write the file. Cancelling this leaves what was there before.

        Args:
            totals: What stands at its head.
            wait: Whether to wait until somebody reads it, where it is a pipe, and until what it
                is about was measured. A run that is being stopped has no time for either.
            times: When the run began and ended, if it is not the one that collected.
            measure: Whether recordings are measured; if it is not given, that depends on the kind
                of report and on `wait`.

        Raises:
            OutputError: It cannot be written.
        """
        began, ended = times or (self._began, datetime.now(UTC))
        if measure is None:
            measure = wait and self.kind != "document"
        with ExitStack() as stack:
            rows, why = self._spool, "" if measure else "Nothing was measured: the run was stopped."
            try:
                if measure:
                    rows = stack.enter_context(Spool())
                    folder = stack.enter_context(
                        tempfile.TemporaryDirectory(prefix="audio-enhance-")
                    )
                    why = await measured(self._spool, rows, Path(folder), quiet=self._quiet)
                if wait:
                    await self._place.wait_for_reader(quiet=self._quiet)
                head = Head(
                    began=began, ended=ended, totals=totals, journal=self._journal, unmeasured=why
                )
                await to_its_end(partial(self._write, head, rows))
            except OSError as error:
                raise OutputError(
                    f"The report cannot be written to {self._place.name}: {error.strerror}."
                ) from error

    def _write(self, head: Head, rows: Spool) -> None:
        if self.kind == "document":
            from . import document

            with self._place.opened() as file:
                document.write(file, head, rows.rows())
        elif self.kind == "sheet":
            from . import sheet

            with self._place.opened() as file:
                sheet.write(file, rows.rows())
        else:
            from . import page

            tally = Tally()
            for row in rows.rows():
                tally.add(row)
            folder = None if self.file is None else self.file.parent
            with self._place.opened() as file:
                page.write(file, head, tally, rows.rows(), folder)
