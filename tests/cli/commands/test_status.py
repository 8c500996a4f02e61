import asyncio
import json
import re
from pathlib import Path

import pytest

from audio_enhance import Journal
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance.cli.input.server import Server
from audio_enhance.cli.input.settings import Settings
from audio_enhance.cli.journals import JOURNAL_NAME
from audio_enhance.cli.main import run
from tests.cli.support import Command


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of a program's, with something in most states."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "batch.sqlite"
    refused = f"{tmp_path}/rec/\x1b[2J.wav: Not possible. [phase create asset]"
    entries = [
        *(JournalEntry(source=f"/q/{n}.wav", strength=93) for n in range(1200)),
        JournalEntry(source="/rec/done.wav", strength=93, state=EntryState.SUCCEEDED),
        JournalEntry(
            source=f"{tmp_path}/rec/\x1b[2J.wav",
            strength=50,
            state=EntryState.FAILED,
            error=refused,
        ),
        *(
            JournalEntry(source=f"/f/{n}.wav", strength=93, state=EntryState.FAILED)
            for n in range(29)
        ),
    ]

    async def write() -> None:
        async with await Journal.open(path) as journal:
            await journal.plan((entry.source, entry.strength) for entry in entries)
            for entry in entries[1200:]:
                await rows_of(journal).save(entry)

    asyncio.run(write())
    return path


def audio_enhance(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["audio-enhance", *arguments])
    return run()


def test_a_person_sees_counts_and_the_first_failures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audio_enhance(monkeypatch, "status", "batch.sqlite") == 0
    lines = capsys.readouterr().out.splitlines()
    counts = [line.split(maxsplit=2)[:2] for line in lines[:4]]
    assert counts == [["1,200", "queued"], ["1", "succeeded"], ["30", "failed"], ["1,231", "in"]]
    failures = [line for line in lines if re.search(r" at \d+: ", line)]
    assert len(failures) == 20
    assert failures[0] == r"rec/\x1b[2J.wav at 50: Not possible. [phase create asset]"
    assert failures[1] == "/f/0.wav at 93: no reason was recorded"
    assert "and 10 more failures; --json lists all of them" in lines
    assert lines[-1].endswith("audio-enhance resume batch.sqlite")


def test_a_program_sees_all_of_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], journal: Path
) -> None:
    assert audio_enhance(monkeypatch, "status", "batch.sqlite", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found) == [
        *("journal", "total", "unfinished", "gone", "process", "seconds_left", "counts", "failures")
    ]
    assert (found["journal"], found["total"], found["unfinished"]) == (str(journal), 1231, 1230)
    assert list(found["counts"]) == [state.value for state in EntryState]
    assert len(found["failures"]) == 30


def test_a_journal_of_a_program_is_not_resumed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audio_enhance(monkeypatch, "resume", "batch.sqlite") == 2
    assert "was not started by `audio-enhance enhance`" in capsys.readouterr().err


def test_a_run_that_is_at_work_is_told(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (journal.parent / "enhanced").mkdir()
    journal.rename(journal.parent / "enhanced" / JOURNAL_NAME)
    # The folder of the default is meant.
    assert audio_enhance(monkeypatch, "status") == 0
    assert "To finish it: audio-enhance resume enhanced" in capsys.readouterr().out

    def process(_: Path) -> int:
        return 4711

    monkeypatch.setattr(Journal, "in_use_by", process)
    assert audio_enhance(monkeypatch, "status") == 0
    out = capsys.readouterr().out
    assert "A run is at work: process 4711." in out
    assert "To finish it" not in out
    assert audio_enhance(monkeypatch, "status", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["process"], found["seconds_left"]) == (4711, None)


@pytest.mark.parametrize("at_work", [False, True])
def test_nothing_is_at_a_local_service_that_ended_with_its_run(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    at_work: bool,
) -> None:
    states = [EntryState.QUEUED, EntryState.SUBMITTED, EntryState.PROCESSED]

    async def write() -> None:
        async with await Journal.open(tmp_path / "local.sqlite") as journal:
            await Settings(output_dir=tmp_path, server=Server(local=True)).write(journal)
            for state in states:
                await rows_of(journal).save(
                    JournalEntry(source=f"/{state}.wav", strength=93, state=state)
                )

    asyncio.run(write())

    def in_use_by(_: Path) -> int | None:
        return 7 if at_work else None

    monkeypatch.setattr(Journal, "in_use_by", in_use_by)
    assert audio_enhance(monkeypatch, "status", "local.sqlite") == 0
    said = capsys.readouterr().out
    assert said.count("which ended with its run") == (0 if at_work else 2)
    assert said.count("at the server") == (2 if at_work else 0)


async def test_the_reason_of_a_local_service_outlives_it(alone: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.wav").write_bytes(b"no sound at all")
    run = await alone("enhance", "bad.wav", "--local", "--engine", "afftdn")
    reason = "The file is not audio of a kind that the API takes, or is cut off."
    assert f"bad.wav: {reason}" in run.err
    assert f"bad.wav at 93: {reason} [phase process" in (await alone("status")).out
    (outcome,) = json.loads((await alone("report", "-o", "-")).out)["outcomes"]
    assert reason in outcome["error"]
    assert (await alone("report", "-o", "r.csv")).status == 0
    assert f',"{reason}",,' in (tmp_path / "r.csv").read_text("utf-8-sig")
