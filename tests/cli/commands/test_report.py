"""`audio-enhance report`, and `--report` with pages and tables."""

import csv
import io
import json
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import demo_recording
from tests.cli.commands.test_enhance import files_in, make
from tests.cli.support import SIGINT, Command, ended
from tests.web.sound import speech


def remove_recordings(folder: Path) -> None:
    """Leave nothing that could be measured, which takes a while."""
    for path in folder.rglob("*.wav"):
        path.unlink()


async def test_a_journal_becomes_a_page_a_table_or_json(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wav")
    assert (await command("enhance", "rec", "--strength", "93", "--strength", "5")).status == 0
    remove_recordings(tmp_path)

    run = await command("report")

    assert (run.status, run.out) == (0, "")
    assert "Measuring 4 results for the report." in run.err
    assert "The report is in enhanced/report.html." in run.err
    page = (tmp_path / "enhanced" / "report.html").read_text()
    assert page.count("<tbody") == 4
    assert page.count("The file is gone.") == 8
    # A page of ours is replaced, and nothing is left beside it.
    again = await command("report", "enhanced", "-o", "r.csv")
    assert again.status == 0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "r.csv").read_text("utf-8-sig"))))
    assert [(Path(row["source"]).name, row["strength"]) for row in rows] == [
        *(("a.wav", "93"), ("a.wav", "5"), ("b.wav", "93"), ("b.wav", "5")),
    ]
    assert (await command("report", "-o", "-")).status == 0
    assert files_in(tmp_path) == ["enhanced/.audio-enhance.sqlite", "enhanced/report.html", "r.csv"]


async def test_failures_and_what_is_left_are_told(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav", "b.wav")
    (tmp_path / "b.wav").write_bytes(b"")
    run = await command("enhance", "a.wav", "b.wav", "--json", "--report", "r.json")
    assert run.status == 1
    remove_recordings(tmp_path)
    run = await command("report", "-o", "-")
    told = json.loads(run.out)
    assert told["totals"] == {"succeeded": 1, "failed": 0, "unfinished": 0, "extra_enhancements": 0}
    [outcome] = told["outcomes"]
    assert outcome["before"] == outcome["after"] == {"trouble": "The file is gone."}


async def test_what_is_dear_is_not_replaced(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    await command("enhance", "a.wav")
    mine = tmp_path / "enhanced" / "report.html"
    mine.write_text("mine")
    run = await command("report")
    assert (run.status, mine.read_text()) == (2, "mine")
    assert "There is already another file" in run.err
    for name in ("a.wav", "enhanced/.audio-enhance.sqlite", "no/such.html"):
        run = await command("report", "-o", name)
        assert run.status == 2
        assert "The report cannot be written" in run.err
    assert (await command("report", "nowhere")).status == 2


@pytest.mark.slow
async def test_a_run_becomes_a_page_with_pictures(tmp_path: Path, command: Command) -> None:
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "talk.mp3").write_bytes(demo_recording().read_bytes())
    (tmp_path / "rec" / "<b>\u202e'\".wav").write_bytes(speech(1))
    local = ("--local", "--engine", "afftdn")
    run = await command("enhance", "rec", *local, "--report", "r.html", "-s", "50", "-s", "93")
    assert run.status == 0
    page = (tmp_path / "r.html").read_text()
    assert page.count('<img class="spectrogram"') == 8
    assert page.count("<audio ") == 8
    assert page.count("-30.6 dBFS") == 2
    assert "./rec/%3Cb%3E" in page
    assert "<b>" not in page
    assert len(page) < 120_000


@pytest.mark.slow
async def test_ctrl_c_leaves_what_was_there(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(speech(120))
    assert (await command("enhance", "a.wav")).status == 0
    (tmp_path / "r.html").write_text("before")
    told = "audio-enhance report enhanced -o r.html"
    for arguments in (told.split()[1:], ["enhance", "a.wav", "--report", "r.html"]):
        process = await command.start(*arguments)
        assert process.stderr is not None
        while b"Measuring" not in (line := await process.stderr.readline()):
            assert line
        run = await ended(process, SIGINT)
        assert run.status == 130
        assert (tmp_path / "r.html").read_text() == "before"
    assert f"The report was not written. To make it:\n{told}\n" in run.err
    assert files_in(tmp_path) == [
        *("a.wav", "enhanced/.audio-enhance.sqlite", "enhanced/a-enhanced-93p.wav", "r.html"),
    ]
