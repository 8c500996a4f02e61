import pytest
from rich.cells import cell_len

from audio_enhance.cli.display.text import cropped, duration, several, shown, size


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("talk.mp3", "talk.mp3"),
        ("a\x1b[31mb", r"a\x1b[31mb"),
        ("two\nlines", r"two\x0alines"),
        ("\x9b31m", r"\x9b31m"),
        ("gpj\u202eexe", r"gpj\u202eexe"),
        ("no text\udcff", r"no text\xff"),
        ("講演\u3000👩\u200d💻 [bold]x[/bold]", "講演\u3000👩\u200d💻 [bold]x[/bold]"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(name: str, expected: str) -> None:
    assert shown(name) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7_512, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (86_400 + 59, "1 d"),
    ],
)
def test_durations_have_two_units_at_most(seconds: float, expected: str) -> None:
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (999, "999 B"), (12_345, "12.3 kB"), (999_990, "1.0 MB"), (2**31, "2.1 GB")],
)
def test_sizes(count: int, expected: str) -> None:
    assert size(count) == expected


def test_numbers_with_nouns() -> None:
    assert several(1, "file") == "1 file"
    assert several(1200, "file") == "1,200 files"


@pytest.mark.parametrize("name", ["part 01 of 30.wav", "講演会の録音、第一部.mp3", "x" * 300])
@pytest.mark.parametrize("width", [8, 11, 16])
def test_a_cropped_name_keeps_both_ends(name: str, width: int) -> None:
    short = cropped(name, width)
    assert width - 2 <= cell_len(short) <= width  # a wide character may not fit in half
    head, tail = short.split("…")
    assert name.startswith(head)
    assert name.endswith(tail)


def test_a_short_name_is_not_cropped() -> None:
    assert cropped("talk.mp3", 8) == "talk.mp3"
