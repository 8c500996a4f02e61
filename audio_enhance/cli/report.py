"""The file of `--report`: every outcome with its ids, and the totals."""

import json
import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Self

from audio_enhance import Outcome, OutputError, __version__

from .outcome import fields_of
from .report_place import ReportPlace
from .threads import to_its_end


class Report:
    """Collects outcomes on disk, whatever their number, and writes the file at the end.

    A context manager. A file appears whole, and replaces an earlier one.

    Args:
        path: The file; `-` is standard output.
        spared: Files that it must not replace.

    Raises:
        InvalidInputError: It could not be written there.
    """

    def __init__(self, path: Path, spared: Iterable[str | Path] = ()) -> None:
        self._place = ReportPlace(path)
        self._place.check(spared)
        self._began = datetime.now(UTC)
        self._lines: IO[str]
        self._error: OSError | None = None

    @property
    def is_standard_output(self) -> bool:
        """Whether it goes where results are printed."""
        return self._place.is_standard_output

    @property
    def file(self) -> Path | None:
        """Return the file that it will be, if it is one."""
        return self._place.file

    def __enter__(self) -> Self:
        # Without a name, so that nothing stays behind however the process ends.
        self._lines = tempfile.TemporaryFile("w+", encoding="utf-8")
        return self

    def __exit__(self, *exception: object) -> None:
        self._lines.close()

    async def add(self, outcome: Outcome) -> None:
        """Take in one outcome; a full disk shows when the report is written."""
        error = outcome.error
        fields = fields_of(outcome) | {
            "not_started": outcome.not_started,
            "note": outcome.note,
            "hint": error and error.hint,
            "retryable": error and error.retryable,
            "extra_enhancements": outcome.extra_enhancements,
            "failed_enhancements": outcome.failed_enhancements,
        }
        line = json.dumps(fields) + "\n"
        try:
            await to_its_end(lambda: self._lines.write(line))
        except OSError as trouble:
            self._error = trouble

    async def write(self, totals: Mapping[str, Any], *, wait: bool = True) -> None:
        """Write the file.

        Args:
            totals: What stands at its head.
            wait: Whether to wait until somebody reads it, where it is a pipe.

        Raises:
            OutputError: It cannot be written.
        """
        if wait:
            await self._place.wait_for_reader()
        await to_its_end(lambda: self._write(totals))

    def _write(self, totals: Mapping[str, Any]) -> None:
        head = {
            "version": __version__,
            "began_at": self._began.isoformat(),
            "ended_at": datetime.now(UTC).isoformat(),
            "totals": dict(totals),
        }
        try:
            if self._error is not None:
                raise self._error
            self._lines.seek(0)
            with self._place.opened() as file:
                file.write(json.dumps(head, indent=2).removesuffix("\n}") + ',\n  "outcomes": [')
                for index, line in enumerate(self._lines):
                    file.write(("," if index else "") + "\n    " + line.rstrip("\n"))
                file.write("\n  ]\n}\n")
        except OSError as error:
            raise OutputError(
                f"The report cannot be written to {self._place.name}: {error.strerror}."
            ) from error
