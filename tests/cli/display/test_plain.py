import io

import attrs
from rich.console import Console
from rich.text import Text

from audio_enhance import Outcome
from audio_enhance.cli.display.plain import PlainPainter, plain_line
from audio_enhance.cli.display.progress import Progress
from tests.cli.display.test_terminal import EMPTY, FULL
from tests.support.clock import ManualClock


def test_a_line_says_how_far_it_is() -> None:
    snapshot = attrs.evolve(FULL, retries=FULL.retries[1:])
    assert plain_line(snapshot) == (
        "12,345 done, 67 failed, 89,012 left, about 2 h 5 min, the server works on "
        f"{FULL.server.name}, 1 waiting to retry, the next in 9 s (?)"
    )
    assert plain_line(EMPTY) == "0 done, 0 failed, 3 left"


def test_progress_is_told_every_ten_seconds_at_most(clock: ManualClock) -> None:
    file = io.StringIO()
    progress = Progress([("a.wav", 93), ("b.wav", 93)], {}, clock)
    painter = PlainPainter(Console(file=file, width=40), progress, clock)
    painter.begin()
    for _ in range(5):
        painter.draw()
        clock.pass_by(3.0)
    painter.line(Text("a line that is longer than the console is wide, and is not wrapped"))
    progress.ended(Outcome(source="a.wav", name="a.wav", strength=93, status="succeeded"))
    clock.pass_by(7.0)
    painter.draw()
    painter.end()
    assert file.getvalue().splitlines() == [
        "0 done, 0 failed, 2 left",
        "a line that is longer than the console is wide, and is not wrapped",
        "1 done, 0 failed, 1 left",
    ]
