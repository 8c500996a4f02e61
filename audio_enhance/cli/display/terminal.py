"""A batch on a terminal: a line for the batch, and one for each transfer under way."""

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.live import Live
from rich.measure import Measurement
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from .progress import Progress, Snapshot, Transfer
from .text import cropped, duration, shown, size

# Terminals of fewer columns than the usual 80 leave out what matters least.
_WIDE = 75  # without the spinner and the echo
# Of fewer columns beside the counts, the server has a line of its own.
_ROOM = 36
# Of fewer, the bar leaves out how long the recordings last.
_LENGTHS = 60
_DOT = " · "
# Terminals write "^C" where the cursor is: at the end of what is redrawn. Were that to begin
# another line, the wrong ones would be removed.
_ECHO = 3


class TerminalPainter:
    """Draws at the bottom of a terminal, below the lines that stay."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._spinner = Spinner("line" if console.options.ascii_only else "dots", style="cyan")
        self._live = Live(
            console=console,
            get_renderable=self._picture,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,  # which is for programs, and may be another terminal
            redirect_stderr=False,
        )

    def begin(self) -> None:
        """Start the part that is redrawn."""
        self._live.start()

    def line(self, text: Text) -> None:
        """Print a line above it, and go on in the next row where it does not fit."""
        self._console.print(text, overflow="fold")

    def draw(self) -> None:
        """Redraw it."""
        self._live.refresh()

    def end(self) -> None:
        """Remove it."""
        self._live.stop()

    def _picture(self) -> RenderableType:
        width = self._console.width - _ECHO
        return Constrain(picture(self._progress.snapshot(), self._spinner, width), width)


def picture(snapshot: Snapshot, spinner: RenderableType, width: int) -> RenderableType:
    """Return what a terminal of some width shows of a batch."""
    width -= 2  # of the spinner
    counts = _counts(snapshot)
    known = snapshot.left and snapshot.seconds_left is not None
    time = [_time(snapshot.seconds_left or 0.0)] if known else []
    first = Text(_DOT).join([counts, *time])
    # At the end of the counts it would be cut off: it has a line of its own instead.
    lines = [first] if first.cell_len <= width else [counts, *time]
    room = width - lines[-1].cell_len - len(_DOT)
    if len(lines) == 1 and room >= _ROOM:
        first.append(_DOT).append_text(_activity(snapshot, room))
    else:
        lines.append(_activity(snapshot, width))
    head = Table.grid(padding=(0, 1))
    head.add_row(spinner, Text("\n", no_wrap=True, overflow="ellipsis").join(lines))
    return Group(
        head, *_overall(snapshot, width), *_retries(snapshot), _transfers(snapshot.transfers, width)
    )


def _counts(snapshot: Snapshot) -> Text:
    parts = [Text(f"{snapshot.done:,} done", "green" if snapshot.done else "")]
    if snapshot.failed:
        parts.append(Text(f"{snapshot.failed:,} failed", "red"))
    parts.append(Text(f"{snapshot.left:,} left"))
    return Text(_DOT).join(parts)


def _time(seconds: float) -> Text:
    return Text(f"about {duration(seconds)}")


def _overall(snapshot: Snapshot, width: int) -> list[Table]:
    """Return the bar for the whole batch, where there is more than one result and some are left."""
    ended = snapshot.done + snapshot.failed
    total = ended + snapshot.left
    if total < 2 or not snapshot.left or not snapshot.audio_total:
        return []
    said = f"{ended:,} of {total:,}"
    if width >= _LENGTHS and snapshot.audio_known:
        lengths = duration(snapshot.audio_done), duration(snapshot.audio_total)
        said += f"{_DOT}{lengths[0]} of {lengths[1]} of audio"
    row = Table.grid(padding=(0, 1), expand=True)
    row.add_column(width=1)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True, justify="right")
    # By length, which tells more of the time than the number does.
    share = snapshot.audio_done / snapshot.audio_total
    bar = ProgressBar(
        total=1.0, completed=share, style="dim", complete_style="green", finished_style="green"
    )
    row.add_row("", bar, said)
    return [row]


def _activity(snapshot: Snapshot, room: int) -> Text:
    """Return what the server is at, or what it waits for."""
    server = snapshot.server
    if server.name:
        head, name = "server: ", server.name
    elif snapshot.reading and not snapshot.transfers:
        head, name = "server: idle, reading ", snapshot.reading
    else:
        head, name = "server: idle", ""
    soon = "" if server.share is None else f", {100 * server.share:.0f} %"
    if server.seconds is not None and round(server.seconds):  # or it is late
        soon += f", {duration(server.seconds)}"
    return Text.assemble(head, (cropped(shown(name), room - len(head) - len(soon)), "cyan"), soon)


class _Name:
    """A name that is cropped to the column it stands in."""

    def __init__(self, name: str) -> None:
        self._name = shown(name)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(cropped(self._name, options.max_width), no_wrap=True)

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(8, max(8, cell_len(self._name)))


def _retries(snapshot: Snapshot) -> list[Text]:
    if not snapshot.retries:
        return []
    first = snapshot.retries[0]
    others = f" (and {len(snapshot.retries) - 1} more)" if len(snapshot.retries) > 1 else ""
    return [
        Text(
            f"  retry in {duration(first.seconds)}{others}: {shown(first.name)}: "
            f"{shown(first.reason)}",
            style="yellow",
            no_wrap=True,
            overflow="ellipsis",
        )
    ]


def _transfers(transfers: list[Transfer], width: int) -> Table:
    wide = width >= _WIDE
    table = Table.grid(padding=(0, 1), expand=True)
    table.add_column(width=1)
    table.add_column(no_wrap=True, style="dim")
    table.add_column(ratio=1)
    table.add_column(width=14 if wide else 10)
    table.add_column(width=5, justify="right")
    if wide:
        table.add_column(width=8, justify="right", no_wrap=True)
        table.add_column(width=10, justify="right", no_wrap=True, style="dim")
    for transfer in transfers:
        bar = ProgressBar(
            total=transfer.total,
            completed=transfer.moved,
            pulse=transfer.total is None,
            style="dim",
            complete_style="cyan",
            finished_style="cyan",
        )
        share = f"{100 * transfer.moved // transfer.total} %" if transfer.total else ""
        row: list[RenderableType] = ["", transfer.verb, _Name(transfer.name), bar, share]
        if wide:
            row.append(size(transfer.total) if transfer.total else "")
            row.append(f"{size(transfer.rate)}/s" if transfer.moved else "")
        table.add_row(*row)
    return table
