"""A batch where there is no terminal: a plain line now and then."""

from rich.console import Console
from rich.text import Text

from audio_enhance import Clock

from .progress import Progress, Snapshot
from .text import duration, shown

_SECONDS_BETWEEN = 10.0


class PlainPainter:
    """Prints lines that stay, and how far the batch is at most every 10 seconds, unless quiet."""

    def __init__(
        self, console: Console, progress: Progress, clock: Clock, *, quiet: bool = False
    ) -> None:
        self._quiet = quiet
        self._console = console
        self._progress = progress
        self._clock = clock
        self._last = clock.monotonic()

    def begin(self) -> None:
        """Do nothing: nothing is redrawn."""

    def line(self, text: Text) -> None:
        """Print a line, however long."""
        self._console.print(text, soft_wrap=True)

    def draw(self) -> None:
        """Print how far the batch is, if the last time was long enough ago."""
        now = self._clock.monotonic()
        if not self._quiet and now - self._last >= _SECONDS_BETWEEN:
            self._last = now
            self.line(Text(plain_line(self._progress.snapshot())))

    def end(self) -> None:
        """Do nothing: everything stays."""


def plain_line(snapshot: Snapshot) -> str:
    """Return how far a batch is, in one line."""
    parts = [f"{snapshot.done:,} done", f"{snapshot.failed:,} failed", f"{snapshot.left:,} left"]
    if snapshot.seconds_left is not None and snapshot.left:
        parts.append(f"about {duration(snapshot.seconds_left)}")
    if snapshot.server.name:
        share = snapshot.server.share
        far = "" if share is None else f" ({100 * share:.0f} % done)"
        parts.append(f"the server works on {shown(snapshot.server.name)}{far}")
    if snapshot.retries:
        first = snapshot.retries[0]
        parts.append(
            f"{len(snapshot.retries)} waiting to retry, the next in {duration(first.seconds)}"
            f" ({shown(first.reason)})"
        )
    return ", ".join(parts)
