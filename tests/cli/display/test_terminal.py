import io
import re

import attrs
import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from audio_enhance import Uploading
from audio_enhance.cli.display.progress import Progress, Retry, Server, Snapshot, Transfer
from audio_enhance.cli.display.terminal import TerminalPainter, picture
from tests.support.clock import ManualClock

WIDE = "講演会の録音、第一部「午前」と第二部「午後」、質疑応答を含む完全版.mp3"
LONG = "interview with somebody important, part 07 of 30.wav"
FULL = Snapshot(
    done=12_345,
    skipped=0,
    failed=67,
    left=89_012,
    seconds_left=7_512.0,
    server=Server(WIDE, 12.0),
    reading="c.wav",
    transfers=[
        Transfer("download", LONG, 5_000_000, None, 1_000_000.0),
        Transfer("upload", WIDE, 999_000_000, 999_999_999, 99_900_000.0),
        Transfer("upload", "\x1b[2J[red]x\n.wav", 0, 10, 0.0),
    ],
    retries=[Retry(LONG, "Too many requests: " + "x" * 200, 8.0), Retry("b.wav", "?", 9.0)],
)
EMPTY = Snapshot(
    done=0,
    skipped=0,
    failed=0,
    left=3,
    seconds_left=None,
    server=Server(),
    reading="",
    transfers=[],
    retries=[],
)


def drawn(snapshot: Snapshot, width: int) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=width, color_system=None)
    console.print(picture(snapshot, Text("*"), width))
    return [line.rstrip() for line in file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_line_fits(width: int) -> None:
    lines = drawn(FULL, width)
    assert all(cell_len(line) <= width for line in lines)
    # Counts, perhaps the time and the server, a retry, three transfers.
    assert 5 <= len(lines) <= 7
    assert not any(re.search(r"[\x00-\x1f\x7f]", line) for line in lines)


def test_everything_is_there_on_a_wide_terminal() -> None:
    lines = drawn(FULL, 140)
    assert lines[0].startswith(
        "* 12,345 done · 67 failed · 89,012 left · about 2 h 5 min · server: 講演"
    )
    assert lines[0].endswith(".mp3, 12 s")
    assert "retry in 8 s (and 1 more): interview" in lines[1]
    assert lines[2].split()[0] == "download"
    assert re.search(r"99 %\s+1\.0 GB\s+99\.9 MB/s$", lines[3])
    assert r"\x1b[2J[red]x\x0a.wav" in lines[4]


def test_a_terminal_of_the_usual_width_shows_how_fast_a_transfer_is() -> None:
    file, clock = io.StringIO(), ManualClock()
    progress = Progress([("talk.mp3", 93)], {"talk.mp3": 10_000_000}, clock)
    progress.on_event(
        Uploading(source="talk.mp3", strength=93, job_id="1", sent=5_000_000, total=10_000_000)
    )
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    painter = TerminalPainter(console, progress)
    painter.begin()
    painter.draw()
    painter.end()
    assert re.search(r"upload +talk\.mp3 .* 50 % +10\.0 MB +50\.0 MB/s", file.getvalue())


def test_a_server_that_takes_longer_than_expected_is_not_said_to_be_done() -> None:
    late = attrs.evolve(EMPTY, server=Server("talk.mp3", 0.3))
    assert drawn(late, 80) == ["* 0 done · 3 left · server: talk.mp3"]


def test_a_narrow_terminal_gives_the_server_a_line_of_its_own() -> None:
    lines = drawn(FULL, 60)
    assert lines[0] == "* 12,345 done · 67 failed · 89,012 left · about 2 h 5 min"
    assert re.fullmatch(r"  server: 講演会.*….*版\.mp3, 12 s", lines[1])


@pytest.mark.parametrize("width", [40, 44, 60, 80])
def test_the_time_left_is_seen_whatever_the_width(width: int) -> None:
    server = Server("talk.mp3", 12.0)
    few = attrs.evolve(FULL, done=2, failed=1, left=2, seconds_left=29.0, server=server)
    assert any("about 29 s" in line for line in drawn(few, width)[:2])
    assert any(line.endswith("server: talk.mp3, 12 s") for line in drawn(few, width))
    lines = drawn(FULL, width)
    assert any("about 2 h 5 min" in line for line in lines[:2])
    assert "89,012 left" in lines[0]
    drawn(attrs.evolve(FULL, seconds_left=None), 30)  # narrower than the counts alone


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_bar_shows_how_much_of_the_audio_is_done(width: int) -> None:
    guessed = attrs.evolve(EMPTY, done=1, failed=1, audio_done=90.0, audio_total=3600.0)
    (line,) = [line for line in drawn(guessed, width) if " 2 of 5" in line]
    assert line.endswith(" 2 of 5")
    snapshot = attrs.evolve(guessed, audio_known=True)
    (line,) = [line for line in drawn(snapshot, width) if " 2 of 5" in line]
    said = "2 of 5" if width == 40 else "2 of 5 · 1 min 30 s of 1 h of audio"
    assert line.endswith(f" {said}")
    assert cell_len(line) <= width
    # One recording has no need of it, and nothing is left at the end.
    for few in (attrs.evolve(snapshot, done=0, failed=0, left=1), attrs.evolve(snapshot, left=0)):
        assert not any(" of " in line for line in drawn(few, width))


def test_who_waits_for_recordings_is_told_no_time() -> None:
    waiting = attrs.evolve(EMPTY, done=3, left=0, seconds_left=0.0)
    assert drawn(waiting, 80) == ["* 3 done · 0 left · server: idle"]


def test_a_beginning_shows_what_there_is() -> None:
    assert drawn(EMPTY, 80) == ["* 0 done · 3 left · server: idle"]


def test_a_long_recording_that_is_read_is_named() -> None:
    reading = attrs.evolve(EMPTY, reading=LONG)
    assert drawn(reading, 100) == [f"* 0 done · 3 left · server: idle, reading {LONG}"]
    uploading = attrs.evolve(reading, transfers=FULL.transfers[2:])
    assert drawn(uploading, 100)[0] == "* 0 done · 3 left · server: idle"


@pytest.mark.parametrize("width", [40, 80, 120])
def test_how_far_a_long_recording_is_stands_behind_its_name(width: int) -> None:
    lines = drawn(attrs.evolve(EMPTY, server=Server(LONG, 65.0, 0.426)), width)
    assert all(cell_len(line) <= width for line in lines)
    assert sum(line.endswith(", 43 %, 1 min 5 s") for line in lines) == 1
