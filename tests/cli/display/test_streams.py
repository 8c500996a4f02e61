"""The command where its standard streams are closed or full, or lack letters."""

import json
import os
import sys
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.cli.commands.test_enhance import content, files_in, make
from tests.cli.support import Command

if sys.platform == "win32":
    pytest.skip("has no such shell", allow_module_level=True)

FULL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="has no /dev/full")
# Python takes names of files and what it prints for ASCII, as it did on older systems.
ASCII = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}


@pytest.mark.parametrize(
    ("where", "arguments", "why"),
    [
        ("<&- >&-", ["serve", "--json"], "it is closed."),
        pytest.param(">/dev/full", ["--help"], "No space left on device.", marks=FULL),
    ],
)
async def test_what_cannot_be_printed_is_said(
    alone: Command, where: str, arguments: list[str], why: str
) -> None:
    run = await alone.redirected(where, *arguments)
    assert run.status == 1
    assert run.err.endswith(f"Error: Standard output cannot be written to: {why}\n")


@pytest.mark.parametrize("where", ["<&- >&- 2>&-", pytest.param("2>/dev/full", marks=FULL)])
async def test_the_work_goes_on_where_nobody_can_be_told(
    command: Command, tmp_path: Path, where: str
) -> None:
    make(tmp_path, "a.wav")
    run = await command.redirected(where, "enhance", "a.wav", "--verbose", "--report", "r.json")
    assert (run.status, run.out, run.err) == (0, "", "")
    assert files_in(tmp_path) == [
        "a.wav",
        "enhanced/.audio-enhance.sqlite",
        "enhanced/a-enhanced-93p.wav",
        "r.json",
    ]
    usage = await command.redirected(where, "enhance")
    assert (usage.status, usage.out, usage.err) == (2, "", "")


async def test_results_that_cannot_be_told_are_not_paid_for(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav")
    run = await command.redirected(">&-", "enhance", "a.wav", "--json")
    assert run.status == 2
    assert "it is closed.\n--json prints there" in run.err
    assert files_in(tmp_path) == ["a.wav"]
    assert enhance_service.count("POST /assets") == 0


async def test_names_that_the_locale_lacks_letters_for(command: Command, tmp_path: Path) -> None:
    names = ["café 講演.wav", "plain.wav"]
    make(tmp_path, *names)
    (tmp_path / os.fsdecode(b"caf\xe9.wav")).write_bytes(content("latin"))

    run = await command("enhance", ".", **ASCII)

    assert run.status == 0
    assert run.err.isascii()
    assert "done    plain.wav -> enhanced/plain-enhanced-93p.wav" in run.err
    assert files_in(tmp_path / "enhanced") == [
        ".audio-enhance.sqlite",
        "café 講演-enhanced-93p.wav",
        "café-enhanced-93p.wav",
        "plain-enhanced-93p.wav",
    ]
    again = await command("resume", "enhanced", "--json", **ASCII)
    assert (again.status, {line["status"] for line in again.lines}) == (0, {"skipped"})


@pytest.mark.slow
async def test_a_journal_is_the_same_in_any_locale(command: Command, tmp_path: Path) -> None:
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    (tmp_path / "gespräch").mkdir()
    (tmp_path / "gespräch" / "café.wav").write_bytes(b"RIFF" * 50)
    for environment in ({}, ascii_only, {}):
        run = await command("enhance", "gespräch", "-o", "größer", "--json", **environment)
        assert run.status == 0
        resumed = await command("resume", "größer", "--json", **environment)
        assert [line["status"] for line in resumed.lines] == ["skipped"]
    (tmp_path / "gespräch").rename(tmp_path / "other")
    (tmp_path / "größer").rename(tmp_path / "größer still")
    (tmp_path / "other").rename(tmp_path / "gespräch")
    for environment in (ascii_only, {}):
        again = await command("resume", "größer still", "--json", **environment)
        assert [line["status"] for line in again.lines] == ["skipped"]
    found = json.loads((await command("status", "größer still", "--json")).out)
    assert found["total"] == 1
