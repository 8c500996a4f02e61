"""One recording through a pipe: `audio-enhance enhance -`."""

import asyncio
import os
import select
import sys
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.support import SIGINT, Command, ended, until

WAV = b"RIFF\0\0\0\0WAVE" + bytes(range(256)) * 20


def sent(service: LocalService) -> set[tuple[str, str]]:
    """Return the names and types under which recordings were sent."""
    facts = (asset.facts for asset in service._state.assets().values())
    return {(fact.filename, fact.content_type) for fact in facts}


async def test_a_recording_comes_in_and_its_result_goes_out(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    (tmp_path / "temporary").mkdir()
    run = await command.piped(WAV, "enhance", "-", "-s", "50", TMPDIR=str(tmp_path / "temporary"))

    assert (run.status, run.out) == (0, Rehearsal.expected(WAV, 50))
    assert run.err.startswith("Enhanced in ")
    assert [path.name for path in tmp_path.rglob("*")] == ["temporary"]  # nothing is left
    assert sent(enhance_service) == {("recording.wav", "audio/wav")}


async def test_a_name_tells_what_the_first_bytes_do_not(
    command: Command, enhance_service: LocalService
) -> None:
    untold = await command.piped(b"?" * 99, "enhance", "-")
    assert (untold.status, untold.out) == (1, b"")
    assert untold.err.startswith(
        "Error: The first bytes on standard input do not tell which audio format it is.\n"
        "Name it, with --filename talk.mp3 for example, or give --content-type.\n"
    )
    wrong = await command.piped(WAV, "enhance", "-", "--filename", "notes.txt")
    assert (wrong.status, wrong.out) == (2, b"")
    assert enhance_service.count("POST /assets") == 0
    named = await command.piped(b"?" * 99, "enhance", "-", "--filename", "a/talk.mp3", "--quiet")
    assert (named.status, named.out, named.err) == (0, Rehearsal.expected(b"?" * 99, 93), "")
    typed = await command.piped(b"?" * 98, "enhance", "-", "--content-type", "audio/ogg", "-q")
    assert (typed.status, typed.out) == (0, Rehearsal.expected(b"?" * 98, 93))
    assert sent(enhance_service) == {("talk.mp3", "audio/mpeg"), ("recording", "audio/ogg")}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["-", "b.wav"], "- is the only one of FILES"),
        (["-", "--json"], "With -, leave out --json."),
        (["-", "-s", "1", "-s", "2"], "With -, there is one result: give one --strength."),
        (["b.wav", "--filename", "a.wav"], "--filename is for a recording on standard input"),
    ],
)
async def test_what_has_no_meaning_there_is_wrong_usage(
    command: Command, arguments: list[str], why: str
) -> None:
    # What the environment says is meant for other runs, and no fault.
    run = await command.piped(WAV, "enhance", *arguments, AUDIO_ENHANCE_ENHANCE_OUTPUT_DIR="o")
    assert (run.status, run.out) == (2, b"")
    assert why in run.err


async def test_it_fails_like_any_recording(command: Command, alone: Command) -> None:
    empty = await command.piped(b"", "enhance", "-")
    assert (empty.status, empty.out) == (1, b"")
    assert empty.err == "Error: Nothing arrived on standard input.\n"
    refused = await command.piped(WAV, "enhance", "-", FIREFLY_SERVICES_CLIENT_SECRET="wrong")
    assert (refused.status, refused.out) == (1, b"")
    assert "Traceback" not in refused.err
    assert "recording.wav" not in refused.err  # which nobody knows
    nobody = await alone.piped(WAV, "enhance", "-")
    assert (nobody.status, nobody.out) == (2, b"")
    assert "Or try it without credentials: add --local." in nobody.err


@pytest.mark.skipif(sys.platform == "win32", reason="has no pseudo-terminals of this kind")
async def test_no_recording_comes_from_a_terminal_or_goes_to_one(command: Command) -> None:
    master, terminal = os.openpty()
    null = os.open(os.devnull, os.O_RDONLY)
    typed = await ended(await command.start_with(terminal, None, "enhance", "-"))
    assert typed.status == 2
    assert "Standard input is a terminal." in typed.err
    shown = await ended(await command.start_with(null, terminal, "enhance", "-"))
    assert shown.status == 2
    assert "standard output, which is a terminal. Redirect it" in shown.err
    for descriptor in (master, terminal, null):
        os.close(descriptor)


async def test_who_stops_reading_hears_no_complaint(command: Command, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(WAV)
    end, start = os.pipe()
    os.close(end)
    with (tmp_path / "a.wav").open("rb") as file:
        process = await command.start_with(file.fileno(), start, "enhance", "-")
        run = await ended(process)
    os.close(start)
    assert (run.status, run.err) == (141, "")


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals of this kind")
async def test_ctrl_c_while_nothing_arrives(command: Command, tmp_path: Path) -> None:
    end, start = os.pipe()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    os.write(start, WAV)
    try:
        process = await command.start_with(end, None, "enhance", "-", TMPDIR=str(temporary))
        await until(process, lambda: any(temporary.rglob("*.wav")))
        run = await asyncio.wait_for(ended(process, SIGINT), 20)
    finally:
        os.close(start)
        os.close(end)
    assert (run.status, run.out) == (130, "")
    assert not any(temporary.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="looks at pipes")
async def test_ctrl_c_while_a_list_of_names_is_awaited(command: Command) -> None:
    end, start = os.pipe()
    try:
        os.write(start, b"a.wav\n")
        process = await command.start_with(end, None, "enhance", "--files-from", "-")
        await until(process, lambda: not select.select([end], [], [], 0)[0])  # it was read
        run = await asyncio.wait_for(ended(process, SIGINT), 20)
    finally:
        os.close(start)
        os.close(end)
    assert run.status == 130
