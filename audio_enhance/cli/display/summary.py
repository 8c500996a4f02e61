"""What is said at the end of a batch: counts, failures, and what to do about each."""

import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePath

import attrs
from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from audio_enhance import (
    AudioEnhanceError,
    AuthenticationError,
    InvalidSourceError,
    Outcome,
    UnsupportedMediaTypeError,
)
from audio_enhance.cli.journals import meant_by

from .outcome import advice, in_our_words, near
from .screen import print_table
from .text import about, duration, several, shown

# Of each kind of failure so many are listed; a batch may have thousands.
_LISTED = 10
_WASTED = "wasted"
_NAMES = len(_WASTED)  # the longest name in the table
# What fails like this is not in the journal: a name that was mistyped, for example.
_NO_RECORDING = (InvalidSourceError, UnsupportedMediaTypeError)


@attrs.define
class _Same:
    """Failures with the same message: the first one's name, and how many there are."""

    name: str
    count: int = 1


class Summary:
    """Counts outcomes, and remembers enough of the failures to say what to do.

    Attributes:
        left: How many have no outcome since the run was stopped.
        stopped: Why it was; empty if it was not.
    """

    def __init__(self) -> None:
        self.left = 0
        self.stopped = ""
        self._counts: Counter[str] = Counter()  # by status, as --json calls it
        self._not_started = 0
        self._resumable = False
        self._failures: dict[str, dict[str, _Same]] = {}  # by what to do, by message
        self._notes: dict[str, _Same] = {}
        self._more: Counter[str] = Counter()
        self._audio_seconds = 0.0
        self._estimated = False
        self._extra = self._failed_enhancements = 0
        self._refused: AuthenticationError | None = None

    @property
    def ok(self) -> bool:
        """Whether every result is there."""
        return not self._counts["failed"]

    @property
    def totals(self) -> dict[str, int]:
        """How many outcomes there are of each status, and enhancements made in vain.

        What was not started is among the failed.
        """
        return {
            "succeeded": self._counts["succeeded"],
            "skipped": self._counts["skipped"],
            "failed": self._counts["failed"],
            "not_started": self._not_started,
            "extra_enhancements": self._extra,
            "failed_enhancements": self._failed_enhancements,
        }

    @property
    def ended(self) -> int:
        """How many outcomes there are."""
        return self._counts.total()

    def add(self, outcome: Outcome) -> None:
        """Take in one outcome."""
        self._counts[outcome.status] += 1
        self._not_started += outcome.not_started
        self._resumable |= not outcome.ok and not isinstance(outcome.error, _NO_RECORDING)
        self._extra += outcome.extra_enhancements
        self._failed_enhancements += outcome.failed_enhancements
        if outcome.note is not None:
            if (same := self._notes.get(outcome.note)) is None:
                self._notes[outcome.note] = _Same(outcome.name)
            else:
                same.count += 1
        if isinstance(outcome.error, AuthenticationError):
            self._refused = outcome.error  # said once, for all
        elif outcome.error is not None:
            self._add_failure(outcome.name, outcome.error)

    def add_audio(self, seconds: float, *, is_estimate: bool = False) -> None:
        """Take in how long a recording lasts that was enhanced."""
        self._audio_seconds += seconds
        self._estimated |= is_estimate

    def _add_failure(self, name: str, error: AudioEnhanceError) -> None:
        kind = advice(error)
        messages = self._failures.setdefault(kind, {})
        if (same := messages.get(error.message)) is not None:
            same.count += 1
        elif len(messages) < _LISTED:
            messages[error.message] = _Same(name)
        else:
            self._more[kind] += 1

    def print(
        self, console: Console, *, seconds: float, output_dir: PurePath, journal: Path | None
    ) -> None:
        """Print everything.

        Args:
            console: Where to.
            seconds: How long it took.
            output_dir: Where the results are.
            journal: The journal, if there is one.
        """
        counts = self._counts
        parts = [f"{counts['succeeded']:,} enhanced"]
        if counts["skipped"]:
            parts.append(f"{counts['skipped']:,} done before")
        if counts["failed"]:
            begun = f" ({self._not_started:,} not started)" if self._not_started else ""
            parts.append(f"{counts['failed']:,} failed{begun}")
        if self.left:
            parts.append(f"{self.left:,} left")
        head = f"{', '.join(parts)}, in {duration(seconds)}"
        if counts["succeeded"] or counts["skipped"]:
            head += f"; results are in {_name(output_dir)}"
        self._line(console, Text(head, style="bold"))
        self._print_table(console, seconds)
        if self.stopped:
            self._line(console, f"Stopped: {self.stopped}.")
        for note, same in self._notes.items():
            self._line(console, _told(same, in_our_words(note), "yellow"), indent=2)
        self.print_failures(console)
        if (self._resumable or self.left) and journal is not None:
            # Not wrapped by us: a command is copied in one piece.
            console.print(Text(f"To try them again: {resume_command(journal)}"), soft_wrap=True)

    def print_failures(self, console: Console) -> None:
        """Print what failed and why, with what to do about it."""
        for kind, messages in self._failures.items():
            self._print_failures(console, kind, messages)
        self._print_refused(console, indent=2)

    def print_end(self, console: Console) -> None:
        """Print why the run did not get to its end, and nothing if it did."""
        if self.stopped:
            left = f" {several(self.left, 'result')} left." if self.left else ""
            self._line(console, f"Stopped: {self.stopped}.{left}")
        self._print_refused(console)

    def _print_refused(self, console: Console, indent: int = 0) -> None:
        if self._refused is not None:
            text = f"The credentials were refused: {shown(self._refused.message)}"
            self._line(console, Text(text, "red"), indent)
            self._line(console, f"→ {shown(self._refused.hint or '')}", indent + 2)

    def _print_table(self, console: Console, seconds: float) -> None:
        for name, value in self._rows(seconds):
            row = Table.grid(Column(width=_NAMES), Column(), padding=(0, 1))
            row.add_row(Text(name, "dim"), Text(value, overflow="fold"))
            print_table(console, Padding(row, (0, 0, 0, 2)))

    def _rows(self, seconds: float) -> Iterator[tuple[str, str]]:
        """Yield what the table at the end says."""
        if self._audio_seconds:
            length, speed = duration(self._audio_seconds), _speed(self._audio_seconds, seconds)
            yield "audio", about(length, is_estimate=self._estimated)
            yield "speed", about(speed, is_estimate=self._estimated)
        if self._extra:
            count = several(self._extra, "enhancement")
            yield _WASTED, f"perhaps {count}: an answer was lost, so the request was sent again"
        if self._failed_enhancements:
            count = several(self._failed_enhancements, "enhancement")
            yield _WASTED, f"{count} that failed at the server"
        if self._audio_seconds and not self._extra + self._failed_enhancements:
            yield _WASTED, "nothing"

    def _print_failures(self, console: Console, kind: str, messages: dict[str, _Same]) -> None:
        for message, same in messages.items():
            self._line(console, _told(same, message, "red"), indent=2)
        if self._more[kind]:
            self._line(console, f"and {self._more[kind]:,} more like these", indent=2)
        if kind:
            self._line(console, f"→ {shown(kind)}", indent=4)

    @staticmethod
    def _line(console: Console, text: str | Text, indent: int = 0) -> None:
        text = Text(text) if isinstance(text, str) else text
        if console.is_terminal:
            console.print(Padding(text, (0, 0, 0, indent)))
        else:
            console.print(Text(" " * indent) + text, soft_wrap=True)


def _speed(audio: float, seconds: float) -> str:
    times = audio / max(seconds, 0.1)
    fast = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"
    return f"{fast} times as fast as it plays"


def _told(same: _Same, message: str, style: str) -> Text:
    others = f" and {same.count - 1:,} more" if same.count > 1 else ""
    return Text.assemble((shown(near(same.name)), style), f"{others}: {shown(message)}")


def resume_command(journal: Path) -> str:
    """Return what to type to finish what is in a journal."""
    return f"audio-enhance resume {shlex.quote(_name(meant_by(journal)))}"


def report_command(journal: Path, place: Path | None = None) -> str:
    """Return what to type for a report of what is in a journal."""
    command = f"audio-enhance report {shlex.quote(_name(meant_by(journal)))}"
    return command if place is None else f"{command} -o {shlex.quote(_name(place))}"


def _name(path: PurePath) -> str:
    name = near(path)
    return shown(f"./{name}" if name.startswith("-") else name)
