"""`audio-enhance watch`: a hot folder, with real files and a real process."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from click.testing import CliRunner

from audio_enhance import ConfigurationError, ConnectionFailedError, Journal, Outcome, OutcomeStatus
from audio_enhance.cli.commands import watch as command_watch
from audio_enhance.cli.commands.watch import _Watch
from audio_enhance.cli.execution.batch import Telling
from audio_enhance.cli.input.settings import MARK_NAME, Settings
from audio_enhance.cli.main import cli
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.commands.test_enhance import content, files_in, make
from tests.cli.support import SIGINT, Command, Running, ended

if TYPE_CHECKING:
    from audio_enhance.cli.execution.hot_folder import HotFolder

QUICK = ("watch", "in", "--settle", "0.2", "--json")


class Lines:
    """The lines of `--json` that a running command prints."""

    def __init__(self, process: Running) -> None:
        self._process = process

    async def next(self) -> tuple[str, str]:
        """Return the source of the next one, and what became of it."""
        assert self._process.stdout is not None
        line = json.loads(await self._process.stdout.readline())
        return Path(line["source"]).name, line["status"]


@pytest.mark.parametrize("how", [[], ["--poll"]])
async def test_what_is_there_and_what_comes_is_enhanced_once(
    command: Command, tmp_path: Path, enhance_service: LocalService, how: list[str]
) -> None:
    make(tmp_path, "in/a.wav")
    process = await command.start(*QUICK, *how)
    lines = Lines(process)
    assert await lines.next() == ("a.wav", "succeeded")
    make(tmp_path, "b.wav")
    (tmp_path / "b.wav").replace(tmp_path / "in/b.wav")
    assert await lines.next() == ("b.wav", "succeeded")
    (tmp_path / "in/c.wav").write_bytes(b"ID3")  # a recording like another
    assert await lines.next() == ("c.wav", "succeeded")
    run = await ended(process, SIGINT)
    assert run.status == 130
    assert "Watching in. Results go to enhanced. Ctrl-C stops." in run.err
    assert "Stopped after 3 results. To go on, run the same command again." in run.err
    assert "For a report: audio-enhance report enhanced\n" in run.err
    expected = Rehearsal.expected(content("in/a.wav"), 93)
    assert (tmp_path / "enhanced/a-enhanced-93p.wav").read_bytes() == expected
    assert enhance_service.count("POST /speech_enhancements") == 3

    # Once more, after what changed meanwhile: nothing is paid for twice.
    make(tmp_path, "in/d.wav")
    (tmp_path / "in/b.wav").write_bytes(b"another recording under that name")
    again = await command.start(*QUICK, *how)
    lines = Lines(again)
    assert sorted([await lines.next() for _ in range(4)]) == [
        ("a.wav", "skipped"),
        ("b.wav", "succeeded"),
        ("c.wav", "skipped"),
        ("d.wav", "succeeded"),
    ]
    assert (await ended(again, SIGINT)).status == 130
    assert enhance_service.count("POST /speech_enhancements") == 5


async def test_a_kill_costs_nothing(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "in/a.wav")
    process = await command.start(*QUICK)
    assert await Lines(process).next() == ("a.wav", "succeeded")
    process.kill()
    await process.communicate()

    make(tmp_path, "in/b.wav")
    again = await command.start(*QUICK)
    lines = Lines(again)
    told = [await lines.next() for _ in range(2)]
    assert sorted(told) == [("a.wav", "skipped"), ("b.wav", "succeeded")]
    await ended(again, SIGINT)
    assert enhance_service.count("POST /speech_enhancements") == 2


async def test_a_recording_that_changes_has_one_result(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "in/x/a.wav")
    process = await command.start(*QUICK)
    lines = Lines(process)
    assert await lines.next() == ("a.wav", "succeeded")
    (tmp_path / "in/x/a.wav").write_bytes(b"another recording under that name")
    assert await lines.next() == ("a.wav", "succeeded")
    await ended(process, SIGINT)
    (result,) = (tmp_path / "enhanced").rglob("*.wav")
    assert result.relative_to(tmp_path / "enhanced") == Path("x/a-enhanced-93p.wav")
    assert result.read_bytes() == Rehearsal.expected(b"another recording under that name", 93)


async def test_failures_are_told_and_do_not_end_it(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "in/a.wav")
    # What is there already is in the way of a result.
    make(tmp_path, "enhanced/a-enhanced-50p.wav")
    process = await command.start(*QUICK, "-q", "-s", "50", "--name", "{stem}-enhanced-50p{ext}")
    lines = Lines(process)
    assert await lines.next() == ("a.wav", "failed")
    (tmp_path / "enhanced/a-enhanced-50p.wav").unlink()
    (tmp_path / "in/a.wav").write_bytes(b"ID3 changed")
    assert await lines.next() == ("a.wav", "succeeded")
    run = await ended(process, SIGINT)
    assert run.status == 130
    failure, hint = run.err.splitlines()
    assert failure.startswith("failed  in/a.wav at 50: ")
    assert hint.startswith("        → ")


async def test_its_report_is_made_at_its_end_of_earlier_runs_too(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "in/a.wav", "in/b.wav")
    process = await command.start(*QUICK, "--report", "r.json")
    lines = Lines(process)
    assert sorted([await lines.next() for _ in range(2)]) == [
        *(("a.wav", "succeeded"), ("b.wav", "succeeded")),
    ]
    (tmp_path / "in/a.wav").write_bytes(b"another recording under that name")
    assert await lines.next() == ("a.wav", "succeeded")
    assert (await ended(process, SIGINT)).status == 130
    told = json.loads((tmp_path / "r.json").read_text())
    assert [Path(each["source"]).name for each in told["outcomes"]] == ["a.wav", "b.wav"]

    for name in ("in/a.wav", "in/b.wav"):
        (tmp_path / name).unlink()
    for result in (tmp_path / "enhanced").glob("*.wav"):
        result.unlink()  # which would be measured
    make(tmp_path, "in/empty.wav")
    (tmp_path / "in/empty.wav").write_bytes(b"no sound")
    again = await command.start(*QUICK, "--report", "r.html")
    assert await Lines(again).next() == ("empty.wav", "succeeded")
    run = await ended(again, SIGINT)
    assert run.status == 130
    assert run.err.splitlines()[-2:] == [
        "Stopped after 1 result. To go on, run the same command again.",
        "The report is in r.html.",
    ]
    page = (tmp_path / "r.html").read_text()
    assert page.count("<tbody") == 3
    assert page.count("The file is gone.") == 4
    assert page.count("The file is not audio") == 2


async def test_a_report_that_cannot_be_written_is_told(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "in/a.wav")
    refused = await command("watch", "in", "--report", "in/a.wav")
    assert refused.status == 2
    assert "The report cannot be written to in/a.wav" in refused.err


async def test_it_enhances_as_it_is_told_to(
    alone: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "in/a.mp3", "in/b.wav", "in/no/c.mp3", "out/a-20.mp3")
    (tmp_path / "one").write_text(
        "\n".join(f"{name}={value}" for name, value in enhance_service.environment.items())
    )
    addresses = {
        name: value
        for name, value in enhance_service.environment.items()
        if name.startswith("AUDIO_ENHANCE_")
    }
    process = await alone.start(
        *("watch", "in", "--settle", "0.1", "--json", "-v", "-s", "50", "--strength", "20"),
        *("--include", "*.mp3", "--exclude", "no/*", "-o", "out", "--journal", "j.sqlite"),
        *("--overwrite", "--name", "{stem}-{strength}{ext}", "--content-type", "audio/flac"),
        *("--credentials", "one", "--api-version", "v2", "--delete-uploads"),
        **addresses,
    )
    lines = Lines(process)
    assert [await lines.next() for _ in range(2)] == [("a.mp3", "succeeded")] * 2
    run = await ended(process, SIGINT)
    assert files_in(tmp_path / "out") == [MARK_NAME, "a-20.mp3", "a-50.mp3"]
    expected = Rehearsal.expected(content("in/a.mp3"), 20)
    assert (tmp_path / "out/a-20.mp3").read_bytes() == expected
    assert "POST http" in run.err  # the log
    assert enhance_service.count("POST /assets") == 1
    assert enhance_service.count("DELETE /assets/:id", 204) == 1
    assert {each.api_version for each in enhance_service.record} == {None, "v2"}
    async with await Journal.read(tmp_path / "j.sqlite") as journal:
        kept = [(entry.strength, entry.content_type) async for entry in journal.entries()]
    assert kept == [(50, "audio/flac"), (20, "audio/flac")]


def test_it_looks_as_often_and_in_the_way_that_it_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told: dict[str, object] = {}

    def watched(*_: object, **how: object) -> None:
        told.update(how)
        raise ConfigurationError("That is all.")

    monkeypatch.setattr(command_watch, "HotFolder", watched)
    runner = CliRunner()
    runner.invoke(cli, ["watch", str(tmp_path), "--settle", "7", "--poll"])
    assert (told["settle"], told["poll"]) == (7.0, True)
    runner.invoke(cli, ["watch", str(tmp_path)])
    assert (told["settle"], told["poll"]) == (5.0, False)


class FakeFolder:
    """Takes recordings back."""

    def again(self, _: str) -> None:
        """Do nothing."""

    done = again


@pytest.mark.parametrize("quiet", [False, True])
async def test_quiet_tells_of_an_outage_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet: bool
) -> None:
    away = ConnectionFailedError("No connection.", connected=False)
    telling = Telling(json=False, report=None, verbose=False, quiet=quiet)
    batch = _Watch(Settings(output_dir=tmp_path), telling, tmp_path / "j.sqlite", [93])
    batch.hot = cast("HotFolder", FakeFolder())
    async with batch._screen:
        for name, error in [("a", away), ("b", away), ("c", None), ("d", away)]:
            batch._missing[name] = 1
            status = OutcomeStatus.FAILED if error else OutcomeStatus.SUCCEEDED
            outcome = Outcome(source=name, name=name, strength=93, status=status, error=error)
            await batch._take_or_try_again(outcome)
    told = capsys.readouterr().err.splitlines()
    names = [line.split()[1] for line in told]
    assert names == (["a", "d"] if quiet else ["a", "b", "c", "d"])


@pytest.mark.parametrize(
    ("arguments", "environment", "status", "why"),
    [
        (["missing"], {}, 2, "missing is not a folder."),
        (["."], {"FIREFLY_SERVICES_CLIENT_SECRET": "wrong"}, 1, "The credentials were refused"),
    ],
)
async def test_what_ends_it(
    command: Command,
    tmp_path: Path,
    arguments: list[str],
    environment: dict[str, str],
    status: int,
    why: str,
) -> None:
    make(tmp_path, "a.wav")
    run = await command("watch", "--settle", "0.1", *arguments, **environment)
    assert run.status == status
    assert why in run.err
