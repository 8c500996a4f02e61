import asyncio
import io
import threading

from rich.console import Console
from rich.table import Table
from rich.text import Text

from audio_enhance.cli.display.screen import Screen, print_table


def test_a_line_of_a_table_is_whole_where_there_is_no_terminal() -> None:
    table = Table.grid(padding=(0, 1))
    table.add_row("1", "word " * 40 + "end", "")
    table.add_row("", "short", "")
    seen: dict[bool, list[str]] = {}
    for terminal in (False, True):
        file = io.StringIO()
        console = Console(file=file, width=80, force_terminal=terminal, color_system=None)
        print_table(console, table)
        seen[terminal] = file.getvalue().splitlines()
    assert seen[False] == ["1 " + "word " * 40 + "end", "  short"]
    assert len(seen[True]) == 4
    assert all(len(line) <= 80 for line in seen[True])


class Recorder:
    """A painter that writes down what it is asked, and can be held up."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.free = threading.Event()
        self.free.set()

    def begin(self) -> None:
        self.calls.append("begin")

    def line(self, text: Text) -> None:
        self.free.wait()
        self.calls.append(text.plain)

    def draw(self) -> None:
        self.calls.append("draw")

    def end(self) -> None:
        self.calls.append("end")


async def test_everything_that_was_said_is_shown() -> None:
    painter = Recorder()
    async with Screen(painter) as screen:
        screen.say(Text("one"))
        while "draw" not in painter.calls:
            await asyncio.sleep(0.01)
        screen.say(Text("two"))
    assert painter.calls[:3] == ["begin", "one", "draw"]
    assert painter.calls[-2:] == ["two", "end"]


async def test_a_terminal_that_stands_still_stops_nobody() -> None:
    painter = Recorder()
    painter.free.clear()
    async with Screen(painter) as screen:
        for number in range(1000):
            screen.say(Text(str(number)))
        await asyncio.sleep(0)
        assert "0" not in painter.calls
        painter.free.set()
    assert painter.calls.count("999") == 1


async def test_a_closed_standard_error_stops_nobody() -> None:
    class Closed(Recorder):
        def line(self, text: Text) -> None:
            raise BrokenPipeError

    painter = Closed()
    async with Screen(painter) as screen:
        screen.say(Text("one"))
    assert painter.calls[-1] == "end"
