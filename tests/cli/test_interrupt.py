import asyncio
import json
import os
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance.cli.input.settings import MARK_NAME
from audio_enhance.local import Fault, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.commands.test_enhance import content, files_in, make

from .support import SIGHUP, SIGINT, SIGTERM, Command, ended, until

CREATE = "POST /speech_enhancements"


@pytest.fixture
def gate() -> asyncio.Event:
    """What every enhancement waits for."""
    return asyncio.Event()


@pytest.fixture
async def enhance_service(gate: asyncio.Event) -> AsyncIterator[LocalService]:
    """A local service that finishes nothing before the gate is open."""
    rehearsal = Rehearsal(seconds=1, sleep=lambda _: gate.wait())
    async with LocalService(enhancer=rehearsal) as service:
        yield service


async def test_ctrl_c_cleans_up_and_says_how_to_carry_on(
    command: Command, tmp_path: Path, enhance_service: LocalService, gate: asyncio.Event
) -> None:
    names = [f"rec/{number}.wav" for number in range(4)]
    make(tmp_path, *names)
    process = await command.start("enhance", "rec", "--output-dir", "my results")
    await until(process, lambda: enhance_service.count(CREATE, 202) == 2)

    # Meanwhile the journal can be looked at.
    status = json.loads((await command("status", "my results", "--json")).out)
    assert (status["total"], status["unfinished"]) == (4, 4)

    run = await ended(process, SIGINT)
    assert run.status == 130
    assert files_in(tmp_path / "my results") == [".audio-enhance.sqlite"]
    told = run.err.splitlines()[-1]
    assert told == "audio-enhance resume 'my results'"
    assert "Stopped after 0 of 4 results." in run.err

    gate.set()
    again = await command(*shlex.split(told)[1:], "--json")
    assert again.status == 0
    assert {line["status"] for line in again.lines} == {"succeeded"}
    for name in names:
        result = tmp_path / "my results" / f"{Path(name).stem}-enhanced-93p.wav"
        assert result.read_bytes() == Rehearsal.expected(content(name), 93)
    assert enhance_service.count(CREATE, 202) == 4
    assert enhance_service.count("POST /assets", 201) == 4


async def test_what_failed_until_then_is_told(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "rec/b.wav")
    (tmp_path / "rec" / "a.wav").touch()
    process = await command.start("enhance", "rec")
    await until(process, lambda: enhance_service.count(CREATE, 202))
    run = await ended(process, SIGINT)
    told = run.err[run.err.index("Stopping") :]
    assert "rec/a.wav: The file is empty." in told
    assert "Stopped after 1 of 2 results (1 failed)." in told


@pytest.mark.skipif(sys.platform == "win32", reason="has neither")
@pytest.mark.parametrize("number", [SIGTERM, SIGHUP])
async def test_sigterm_and_a_closed_terminal_do_the_same(
    command: Command, tmp_path: Path, enhance_service: LocalService, number: int
) -> None:
    make(tmp_path, "a.wav")
    process = await command.start("enhance", "a.wav", "--no-journal", "--report", "r.json")
    await until(process, lambda: enhance_service.count(CREATE, 202))
    run = await ended(process, number)
    assert run.status == 128 + number
    assert "There is no journal" in run.err
    assert json.loads((tmp_path / "r.json").read_text())["totals"]["unfinished"] == 1
    # The mark is there before the first result is: a run that dies leaves none without it.
    assert files_in(tmp_path) == ["a.wav", f"enhanced/{MARK_NAME}", "r.json"]


async def test_a_report_can_be_made_meanwhile(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav", "b.wav")
    process = await command.start("enhance", "a.wav", "b.wav")
    await until(process, lambda: enhance_service.count(CREATE, 202) == 2)
    report = await command("report", "-o", "-")
    assert report.status == 0
    assert json.loads(report.out)["totals"]["unfinished"] == 2
    assert (await ended(process, SIGINT)).status == 130


@pytest.mark.parametrize(
    ("name", "told"),
    [("r.html", "Nothing was measured: the run was stopped."), ("r.csv", "source,strength")],
)
async def test_then_nothing_is_measured_for_a_report(
    name: str, told: str, command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav")
    process = await command.start("enhance", "a.wav", "--report", name)
    await until(process, lambda: enhance_service.count(CREATE, 202))
    run = await ended(process, SIGINT)
    assert run.status == 130
    assert "Measuring" not in run.err
    assert told in (tmp_path / name).read_text("utf-8-sig")
    assert f"The report is in {name}." in run.err


@pytest.mark.skipif(sys.platform == "win32", reason="has neither")
async def test_a_report_that_nobody_reads_changes_nothing_about_that(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav")
    os.mkfifo(tmp_path / "pipe")
    process = await command.start("enhance", "a.wav", "--no-journal", "--report", "pipe")
    await until(process, lambda: enhance_service.count(CREATE, 202))
    run = await ended(process, SIGTERM)
    assert run.status == 128 + SIGTERM
    assert "The report cannot be written to pipe: nobody reads it." in run.err
    assert "There is no journal" in run.err


@pytest.mark.skipif(sys.platform == "win32", reason="has no SIGINT to send")
async def test_the_second_ctrl_c_leaves_at_once(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    # An enhancement that is being asked for holds up the end: its id is worth waiting for.
    enhance_service.faults.slow_seconds = 60.0
    enhance_service.faults.script(Fault.SLOW_ANSWER, route=CREATE)
    make(tmp_path, "a.wav")
    process = await command.start("enhance", "a.wav")
    await until(process, lambda: enhance_service.count(CREATE))
    process.send_signal(SIGINT)
    assert process.stderr is not None
    assert b"Stopping" in await process.stderr.readline()
    run = await ended(process, SIGINT)
    assert (run.status, run.err) == (130, "")
