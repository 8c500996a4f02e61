import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from audio_enhance import InvalidInputError
from audio_enhance.cli.input.selection import Filter, expanded, names_in
from audio_enhance.cli.main import cli
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.commands.test_enhance import content, make
from tests.cli.support import Command


@pytest.mark.parametrize(
    ("include", "exclude", "let_in"),
    [
        ([], [], True),
        (["*.wav"], [], True),
        (["*.mp3"], [], False),
        (["*.mp3", "a.*"], [], True),
        ([], ["old/*"], False),
        ([], ["rec/old/a.wav"], False),
        ([], ["old"], True),
        (["*.wav"], ["a*"], False),
    ],
)
def test_patterns_are_those_of_shells(include: list[str], exclude: list[str], let_in: bool) -> None:
    assert Filter(include, exclude).lets_in(Path("rec/old/a.wav")) is let_in


async def test_a_list_has_one_name_on_each_line_or_is_that_of_find_print0(tmp_path: Path) -> None:
    (listed := tmp_path / "list").write_bytes(b"a b.wav\r\n\n\xff.wav\n")
    assert await names_in(str(listed)) == ["a b.wav", os.fsdecode(b"\xff.wav")]
    listed.write_bytes(b"a\nb.wav\0c.wav\0")
    assert await names_in(str(listed)) == ["a\nb.wav", "c.wav"]
    with pytest.raises(InvalidInputError, match="cannot be read: No such file"):
        await names_in(str(tmp_path / "missing"))


def test_patterns_that_the_shell_left_alone_are_expanded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "rec/b.wav", "rec/x/a.wav", "[1].wav")
    assert expanded(["rec/**/*.wav", "[1].wav", "*.mp3"]) == [
        *("rec/b.wav", "rec/x/a.wav", "[1].wav", "*.mp3")
    ]


async def test_a_run_takes_what_is_meant(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wav", "rec/c.wav", "rec/d.mp3")
    (tmp_path / "list").write_text("rec\n")
    given = ("enhance", "--files-from", "list", "--include", "*.wav", "--limit", "1", "-q")
    first = await command(*given)
    assert (first.status, first.err) == (0, "")
    # The next one, and not the same again.
    second = await command(*given, "--json")
    assert [line["source"] for line in second.lines] == ["rec/b.wav"]
    only = await command("enhance", "rec", "--include", "*.mp3", "--dry-run", "--json")
    assert [line["source"] for line in only.lines] == ["rec/d.mp3"]
    shown = await command("enhance", "rec", "--exclude", "*.mp3", "--dry-run")
    assert "Left out 1 file by --include and --exclude." in shown.err
    assert (await command("enhance")).status == 2


async def test_every_option_has_a_variable(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    run = await command(
        *("enhance", "a.wav", "--dry-run"),
        AUDIO_ENHANCE_ENHANCE_STRENGTH="50 93",
        AUDIO_ENHANCE_ENHANCE_JSON="1",
    )
    assert [line["strength"] for line in run.lines] == [50, 93]


async def test_quiet_shows_what_goes_wrong_and_nothing_else(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wma")
    (tmp_path / "rec/empty.wav").touch()
    told = [
        "failed  rec/empty.wav at 93: The file is empty.",
        "        → Record it again.",
    ]
    run = await command("enhance", "rec", "--limit", "2", "-q", "--overwrite", "--report", "r.csv")
    assert (run.status, run.err.splitlines()) == (1, told)
    # What was done before and what other runs left is no news.
    make(tmp_path, "c.wav")
    again = await command("enhance", "rec/a.wav", "c.wav", "-q", "--overwrite")
    assert (again.status, again.err) == (0, "")
    resumed = await command("resume", "-q")
    assert (resumed.status, resumed.err) == (0, "")


async def test_quiet_has_lines_for_what_would_fail(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    (tmp_path / "empty.wav").touch()
    run = await command("enhance", "a.wav", "empty.wav", "-q", "--dry-run")
    assert run.status == 1
    assert (run.out, run.err) == ("refuse   empty.wav at 93, 0 B, The file is empty.\n", "")
    for_programs = await command("enhance", "a.wav", "empty.wav", "-q", "--dry-run", "--json")
    assert len(for_programs.lines) == 2
    assert for_programs.err == ""


async def test_only_what_failed_is_tried_again(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav", "c.wav")
    assert (await command("enhance", "a.wav", FIREFLY_SERVICES_CLIENT_SECRET="wrong")).status == 1
    assert (await command("enhance", "b.wav")).status == 0
    told = await command(
        "enhance", "a.wav", "b.wav", "c.wav", "--only-failed", "--dry-run", "--json"
    )
    assert [line["source"] for line in told.lines] == ["a.wav"]
    again = await command("resume", "--only-failed", "--json")
    assert [Path(line["source"]).name for line in again.lines] == ["a.wav"]
    redone = await command("resume", "--redo", "--json")
    assert sorted(line["status"] for line in redone.lines) == ["succeeded", "succeeded"]


async def test_what_resumes_may_overwrite_what_the_first_run_left_alone(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "a.wav", "enhanced/a-enhanced-93p.wav")
    assert (await command("enhance", "a.wav")).status == 1
    refused = await command("resume")
    assert refused.status == 1
    assert "already exists" in refused.err
    assert (await command("resume", "--overwrite")).status == 0
    result = tmp_path / "enhanced/a-enhanced-93p.wav"
    assert result.read_bytes() == Rehearsal.expected(content("a.wav"), 93)


async def test_a_recording_is_no_command(alone: Command, tmp_path: Path) -> None:
    make(tmp_path, "a b.wav")
    run = await alone("a b.wav")
    assert run.status == 2
    assert "To enhance it: audio-enhance enhance 'a b.wav'" in run.err
    assert "No such command" in (await alone("enhence")).err
    assert (await alone("-V")).out.startswith("audio-enhance, version")


def test_a_recording_that_is_not_there_is_no_command_either() -> None:
    run = CliRunner().invoke(cli, ["mistyped.WAV"])
    assert run.exit_code == 2
    assert "To enhance it: audio-enhance enhance mistyped.WAV" in run.output
    assert "To enhance it" not in CliRunner().invoke(cli, ["enhnce"]).output
