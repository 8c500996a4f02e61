import io
from pathlib import Path

import pytest
from rich.console import Console

from audio_enhance import (
    AudioEnhanceError,
    InvalidInputError,
    InvalidSourceError,
    Outcome,
    OutputError,
    OutputExistsError,
    Source,
)
from audio_enhance.cli.display.outcome import advice
from audio_enhance.cli.display.summary import Summary, report_command, resume_command
from audio_enhance.cli.journals import JOURNAL_NAME


def failed(name: str, error: AudioEnhanceError) -> Outcome:
    return Outcome(source=name, name=name, strength=93, status="failed", error=error)


def printed(summary: Summary, *, width: int | None = None) -> list[str]:
    """Return what is printed, on a terminal where it has a width."""
    file = io.StringIO()
    terminal = width is not None
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None)
    summary.print(console, seconds=61.0, output_dir=Path("/out"), journal=Path("/out/my j"))
    return [line.rstrip() for line in file.getvalue().splitlines()]


def test_success_is_one_line() -> None:
    summary = Summary()
    for number in range(1200):
        summary.add(Outcome(source="a", name=f"{number}", strength=93, status="succeeded"))
    assert printed(summary) == ["1,200 enhanced, in 1 min 1 s; results are in /out"]
    assert summary.ok


def test_audio_and_speed_are_told_where_lengths_are_known() -> None:
    summary = Summary()
    summary.add(Outcome(source="a", name="a", strength=93, status="succeeded"))
    summary.add_audio(90.0)
    assert printed(summary)[1:] == [
        "  audio  1 min 30 s",
        "  speed  1.5 times as fast as it plays",
        "  wasted nothing",
    ]
    estimated = Summary()
    estimated.add_audio(30.0, is_estimate=True)
    estimated.add_audio(60.0)
    assert printed(estimated)[1:3] == [
        "  audio  about 1 min 30 s",
        "  speed  about 1.5 times as fast as it plays",
    ]
    summary.add_audio(6010.0)
    narrow = printed(summary, width=30)[2:]
    assert max(map(len, narrow)) <= 30
    # Where lines are broken is for Rich to say, whose versions differ.
    said = "audio 1 h 41 min speed 100 times as fast as it plays wasted nothing"
    assert " ".join(narrow).split() == said.split()


def test_failures_are_grouped_by_what_to_do() -> None:
    summary = Summary()
    for number in range(25):
        error = InvalidSourceError(f"Missing {number}.", hint="Check the path.")
        summary.add(failed(f"{number}.wav", error))
    for name in ("x.wav", "y.wav", "z.wav"):
        summary.add(failed(name, AudioEnhanceError("The server is \x1b[31mdown.")))
    lines = printed(summary)
    assert lines[0] == "0 enhanced, 28 failed, in 1 min 1 s"
    assert lines[1:11] == [f"  {number}.wav: Missing {number}." for number in range(10)]
    assert lines[11:] == [
        "  and 15 more like these",
        "    → Check the path.",
        r"  x.wav and 2 more: The server is \x1b[31mdown.",
        "To try them again: audio-enhance resume '/out/my j'",
    ]
    assert not summary.ok


def test_a_full_disk_is_told_with_what_is_left() -> None:
    summary = Summary()
    summary.add(failed("a.wav", OutputError("There is no room.", hint="Make room.")))
    summary.left, summary.stopped = 9, "there is no room for more results"
    assert printed(summary) == [
        "0 enhanced, 1 failed, 9 left, in 1 min 1 s",
        "Stopped: there is no room for more results.",
        "  a.wav: There is no room.",
        "    → Make room.",
        "To try them again: audio-enhance resume '/out/my j'",
    ]


def test_advice_names_the_options_of_the_command_line(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("nothing to be heard")
    with pytest.raises(InvalidInputError) as caught:
        Source.from_path(notes)
    assert "or give --content-type." in advice(caught.value)
    assert "or run enhance with --overwrite." in advice(OutputExistsError("It is there."))
    assert advice(AudioEnhanceError("Something.")) == ""


def test_what_was_made_in_vain_is_told() -> None:
    summary = Summary()
    summary.add(
        Outcome(
            source="a",
            name="a",
            strength=93,
            status="skipped",
            extra_enhancements=1,
            failed_enhancements=2,
        )
    )
    said = " ".join(printed(summary))
    assert "1 done before" in said
    assert "wasted perhaps 1 enhancement: an answer was lost" in said
    assert "wasted 2 enhancements that failed at the server" in said


def test_a_terminal_wraps_with_the_indentation_kept() -> None:
    summary = Summary()
    summary.add(failed("a.wav", AudioEnhanceError("word " * 20, hint="word " * 20)))
    lines = printed(summary, width=40)
    assert max(map(len, lines[:-2])) <= 40
    assert all(line.startswith("  ") for line in lines[1:7])


def test_a_name_that_looks_like_an_option_is_none() -> None:
    folder = Path.cwd()
    assert resume_command(folder / "-j" / "x") == "audio-enhance resume ./-j/x"


def test_a_journal_in_its_usual_place_is_called_by_its_folder() -> None:
    journal = Path.cwd() / "my clean" / JOURNAL_NAME
    assert resume_command(journal) == "audio-enhance resume 'my clean'"
    assert report_command(journal, Path("r.html")) == "audio-enhance report 'my clean' -o r.html"
