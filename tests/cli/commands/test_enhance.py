import json
import re
from collections import Counter
from pathlib import Path

import attrs
import pytest

from audio_enhance import EntryState, Journal
from audio_enhance._core.installation import install_command
from audio_enhance._journal.journal import rows_of
from audio_enhance.cli.input.settings import MARK_NAME
from audio_enhance.cli.journals import JOURNAL_NAME
from audio_enhance.local import Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal
from tests.cli.support import Command, ended, until
from tests.support.disk import needs_mounting, small_disk
from tests.support.proxy import proxy

KEYS = ["source", "strength", "status", "path", "asset_id", "enhancement_id", "error"]
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def make(folder: Path, *names: str) -> None:
    """Write recordings whose content follows from their names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content(name))


def content(name: str) -> bytes:
    return b"RIFF" + name.encode() * 50


def files_in(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


async def test_folders_files_and_strengths(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "rec/a/same.wav", "rec/b/same.wav", "rec/b/講演.mp3", "rec/notes.txt", "raw.bin")

    run = await command(
        "enhance", "rec", "--strength", "50", "--strength", "93", "--json", "--report", "r.json"
    )

    assert (run.status, len(run.lines)) == (0, 6)
    for line in run.lines:
        assert list(line) == KEYS
        assert (line["status"], line["error"]) == ("succeeded", None)
        assert line["asset_id"]
        assert line["enhancement_id"]
        data = content(line["source"])
        assert Path(line["path"]).read_bytes() == Rehearsal.expected(data, line["strength"])
    assert files_in(tmp_path / "enhanced") == [
        ".audio-enhance.sqlite",
        "a/same-enhanced-50p.wav",
        "a/same-enhanced-93p.wav",
        "b/same-enhanced-50p.wav",
        "b/same-enhanced-93p.wav",
        "講演-enhanced-50p.mp3",
        "講演-enhanced-93p.mp3",
    ]
    assert "6 enhanced, in " in run.err
    assert not CONTROL.search(run.err)

    report = json.loads((tmp_path / "r.json").read_text())
    assert report["totals"] == {
        "succeeded": 6,
        "skipped": 0,
        "failed": 0,
        "not_started": 0,
        "extra_enhancements": 0,
        "failed_enhancements": 0,
        "unfinished": 0,
    }
    assert [{key: outcome[key] for key in KEYS} for outcome in report["outcomes"]] == run.lines

    # Once more, with the results inside what is searched: nothing is enhanced again.
    requests = enhance_service.count("POST /speech_enhancements")
    again = await command("enhance", ".", "--strength", "93", "--json")
    assert again.status == 0
    assert sorted(line["source"] for line in again.lines) == [
        "rec/a/same.wav",
        "rec/b/same.wav",
        "rec/b/講演.mp3",
    ]
    assert {line["status"] for line in again.lines} == {"skipped"}
    assert "0 enhanced, 3 done before" in again.err
    assert enhance_service.count("POST /speech_enhancements") == requests


async def test_what_fails_is_listed_with_what_to_do(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "good.wav", "odd.txt")
    (tmp_path / "empty.wav").touch()
    names = ["good.wav", "odd.txt", "empty.wav", "gone\x1b[31m[bold].wav"]

    run = await command("enhance", *names, "--report", "r.json")

    assert (run.status, run.out) == (1, "")
    assert not CONTROL.search(run.err)
    assert "done    good.wav → enhanced/good-enhanced-93p.wav" in run.err
    assert r"failed  gone\x1b[31m[bold].wav at 93: There is no such file." in run.err
    said = run.err[run.err.index("1 enhanced, 3 failed") :]
    assert (
        "  odd.txt: The name ends in '.txt', which is not an audio format that the API takes."
        in said
    )
    assert "    → Use a file that ends in one of .aac, " in said
    assert "  empty.wav: The file is empty." in said
    assert "resume" not in said  # there is nothing that it could do
    failed = [o for o in json.loads((tmp_path / "r.json").read_text())["outcomes"] if o["error"]]
    assert all(outcome["hint"] and outcome["retryable"] is False for outcome in failed)

    # What never was a recording is not in the journal; once it is one, it gets in.
    status = await command("status", "enhanced", "--json")
    assert status.status == 0
    found = json.loads(status.out)
    assert (found["total"], found["unfinished"], found["failures"]) == (1, 0, [])
    make(tmp_path, "empty.wav")
    again = await command("enhance", "good.wav", "empty.wav", "--json")
    assert again.status == 0
    assert [line["status"] for line in again.lines] == ["skipped", "succeeded"]


@pytest.mark.slow
async def test_what_is_gone_is_told_once(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wav")
    assert (await command("enhance", "rec", FIREFLY_SERVICES_CLIENT_SECRET="wrong")).status == 1
    (tmp_path / "rec/b.wav").unlink()

    first = await command("resume", "enhanced", "--json")
    assert first.status == 1
    assert sorted(line["status"] for line in first.lines) == ["failed", "succeeded"]
    assert "There is no such file." in first.err
    second = await command("resume", "enhanced", "--json")
    assert (second.status, [line["status"] for line in second.lines]) == (0, ["skipped"])
    looked = json.loads((await command("status", "enhanced", "--json")).out)
    assert (looked["total"], looked["gone"], looked["unfinished"]) == (2, 1, 0)
    assert "1 result of recordings that are gone" in (await command("status", "enhanced")).out

    # It was on a disk that was away, say: when that is back, there is something to do.
    make(tmp_path, "rec/b.wav")
    third = await command("resume", "enhanced", "--json")
    assert third.status == 0
    assert sorted(line["status"] for line in third.lines) == ["skipped", "succeeded"]


@pytest.mark.slow
async def test_a_folder_again_is_what_resume_does(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wav", "c.wav")
    assert (await command("enhance", "rec", "c.wav", "--json")).status == 0
    async with await Journal.open(tmp_path / "enhanced" / JOURNAL_NAME) as journal:
        # As if the run had died before any of it was fetched.
        async for entry in journal.entries():
            Path(str(entry.output)).unlink()
            await rows_of(journal).save(
                attrs.evolve(entry, state=EntryState.PROCESSED, output=None)
            )
    (tmp_path / "rec/b.wav").unlink()

    again = await command("enhance", "rec", "--json")
    assert again.status == 0
    assert [line["status"] for line in again.lines] == ["succeeded"] * 2
    assert "1 result of other recordings or strengths is not done yet." in again.err
    assert "audio-enhance resume enhanced" in again.err
    rest = await command("resume", "enhanced", "--json")
    assert rest.status == 0
    assert sorted(line["status"] for line in rest.lines) == ["skipped", "succeeded"]
    assert "not done yet" not in (await command("enhance", "rec")).err


@pytest.mark.slow
async def test_what_is_done_is_done_again_when_it_is_told_to(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "a.wav")
    result = tmp_path / "enhanced" / "a-enhanced-93p.wav"
    assert (await command("enhance", "a.wav")).status == 0

    run = await command("enhance", "a.wav", "--overwrite")
    assert run.status == 0
    assert "1 done before" in run.err
    assert "--redo does." in run.err

    result.write_bytes(b"tagged")
    run = await command("enhance", "a.wav", "--json", "--report", "r.json")
    assert (run.status, [line["status"] for line in run.lines]) == (0, ["skipped"])
    assert "a.wav: The result was changed since it was made, so it stays." in run.err
    assert "enhance --redo makes another one." in run.err
    [told] = json.loads((tmp_path / "r.json").read_text())["outcomes"]
    assert "changed" in told["note"]
    assert result.read_bytes() == b"tagged"

    run = await command("enhance", "a.wav", "--redo", "--overwrite", "--json")
    assert (run.status, [line["status"] for line in run.lines]) == (0, ["succeeded"])
    assert result.read_bytes() == Rehearsal.expected(content("a.wav"), 93)


@pytest.mark.slow
async def test_a_redo_that_was_interrupted_is_gone_on_with(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "rec/a.wav", "rec/b.wav")
    assert (await command("enhance", "rec")).status == 0
    stopped = await command("enhance", "rec", "--redo", FIREFLY_SERVICES_CLIENT_SECRET="wrong")
    assert stopped.status == 1
    looked = json.loads((await command("status", "enhanced", "--json")).out)
    assert (looked["unfinished"], looked["counts"]["succeeded"]) == (2, 0)
    for arguments, status in (
        (["resume", "enhanced"], "succeeded"),
        (["enhance", "rec"], "skipped"),
    ):
        run = await command(*arguments, "--json")
        assert (run.status, [line["status"] for line in run.lines]) == (0, [status] * 2)
    assert len(files_in(tmp_path / "enhanced")) == 3


@pytest.mark.parametrize("journal", [("--journal", "far/j.sqlite"), ("--no-journal",)])
async def test_results_whose_journal_is_elsewhere_are_no_recordings(
    command: Command, tmp_path: Path, journal: tuple[str, ...]
) -> None:
    make(tmp_path, "rec/a.wav", "far/x")
    assert (await command("enhance", "rec", "--output-dir", "clean", *journal)).status == 0
    run = await command("enhance", ".", "--json")
    assert [line["source"] for line in run.lines] == ["rec/a.wav"]
    assert "Left out 1 result of earlier runs." in run.err


@pytest.mark.slow
async def test_a_content_type_and_overwriting(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "raw.bin")
    options = ("--content-type", "audio/wav", "--no-journal", "--output-dir", "out")
    assert (await command("enhance", "raw.bin", *options)).status == 0
    assert files_in(tmp_path / "out") == [MARK_NAME, "raw-enhanced-93p.bin"]

    refused = await command("enhance", "raw.bin", *options)
    assert refused.status == 1
    assert "raw-enhanced-93p.bin already exists" in refused.err
    assert "resume" not in refused.err

    assert (await command("enhance", "raw.bin", *options, "--overwrite")).status == 0


async def test_credentials_that_are_missing_are_all_named(alone: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    run = await alone("enhance", "a.wav")
    assert (run.status, run.out) == (2, "")
    assert "FIREFLY_SERVICES_CLIENT_ID" in run.err
    assert "FIREFLY_SERVICES_CLIENT_SECRET" in run.err
    assert "--local" in run.err
    assert files_in(tmp_path) == ["a.wav"]


async def test_credentials_that_are_refused_stop_the_batch(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, *(f"rec/{number:02}.wav" for number in range(20)))
    run = await command("enhance", "rec", "--json", FIREFLY_SERVICES_CLIENT_SECRET="wrong")
    assert run.status == 1
    assert {line["status"] for line in run.lines} == {"failed"}
    assert len(run.lines) == 20
    assert all("client" in line["error"] for line in run.lines)
    named = [re.findall(r"rec/\d+\.wav", line["error"]) for line in run.lines]
    assert all(set(names) <= {line["source"]} for names, line in zip(named, run.lines, strict=True))
    summary = run.err[run.err.index("0 enhanced") :]
    assert re.search(r"0 enhanced, 20 failed \(\d+ not started\)", summary)
    assert len(re.findall("Check the client id", summary)) == 1


async def test_the_proxy_in_the_environment_is_used(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    async with proxy(tmp_path) as running:
        address = f"http://{running.address}"
        run = await command("enhance", "a.wav", HTTP_PROXY=address, http_proxy=address)
        assert run.status == 0
        assert len(running.asked) >= 5


async def test_two_runs_cannot_share_a_journal(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    enhance_service.faults.slow_answer, enhance_service.faults.slow_seconds = 1.0, 30.0
    make(tmp_path, "a.wav")
    first = await command.start("enhance", "a.wav")
    await until(first, lambda: enhance_service.record)
    second = await command("enhance", "a.wav")
    first.kill()
    await first.communicate()
    assert second.status == 2
    assert f"in use by process {first.pid}" in second.err


async def test_a_reader_that_goes_away_is_no_crash(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav", "b.wav")
    process = await command.start("enhance", "a.wav", "b.wav", "--json")
    assert process.stdout is not None
    process.stdout._transport.close()  # type: ignore[attr-defined]
    run = await ended(process)
    assert run.status == 1
    assert "Nobody reads standard output any more" in run.err
    assert "BrokenPipe" not in run.err


async def test_what_is_logged_is_shown_on_demand(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    run = await command("enhance", "a.wav", "--verbose", "--no-journal")
    assert run.status == 0
    assert re.search(r"POST \S+/assets: 201, request ", run.err)


@pytest.mark.slow
async def test_the_local_service_enhances_without_credentials(
    alone: Command, tmp_path: Path
) -> None:
    from audio_enhance.local.enhancer import demo_recording

    make(tmp_path, "broken.mp3")
    (tmp_path / "good.mp3").write_bytes(demo_recording().read_bytes())
    run = await alone("enhance", ".", "--local", "--json")
    assert run.status == 1
    assert {line["source"]: line["status"] for line in run.lines} == {
        "broken.mp3": "failed",
        "good.mp3": "succeeded",
    }
    # The journal knows that the local service did it.
    make(tmp_path, "broken.mp3")
    again = await alone("resume", "enhanced", "--json")
    assert again.status == 1
    assert sorted(line["status"] for line in again.lines) == ["failed", "skipped"]


@pytest.mark.slow
async def test_results_of_the_local_service_are_not_taken_for_those_of_the_api(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav")
    assert (await command("enhance", "a.wav", "--json")).status == 0
    before = files_in(tmp_path)
    for arguments in (["enhance", "a.wav"], ["resume", "enhanced"]):
        run = await command(*arguments, "--local")
        assert (run.status, run.out) == (2, "")
        assert "were made by the API" in run.err
        assert "--output-dir" in run.err
    assert files_in(tmp_path) == before
    run = await command("enhance", "a.wav", "--json")
    assert [line["status"] for line in run.lines] == ["skipped"]


async def test_a_folder_that_takes_no_results_is_found_before_anything_is_sent(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a.wav", "taken")

    for options in (["--no-journal"], ["--journal", "j.sqlite"], []):
        run = await command("enhance", "a.wav", "--output-dir", "taken", *options)
        assert (run.status, run.out) == (2, "")
        assert "The results cannot be written to taken: Not a directory." in run.err

    assert enhance_service.count("POST /assets") == 0
    assert files_in(tmp_path) == ["a.wav", "taken"]
    assert (tmp_path / "taken").read_bytes() == content("taken")


@needs_mounting
async def test_a_full_disk_stops_the_batch_and_what_was_paid_for_is_used_later(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    for number in range(40):
        (tmp_path / f"{number:02}.wav").write_bytes(b"RIFF" + bytes([number]) * 300_000)
    small = tmp_path / "small"
    with small_disk(small, 1) as grow:
        options = ("--output-dir", "small", "--journal", "j.sqlite", "--json", "--report", "r.json")
        run = await command("enhance", ".", *options)
        assert run.status == 1
        assert "Stopped: there is no room for more results." in run.err
        assert "Make room on the disk, then try again." in run.err
        assert "To try them again: audio-enhance resume j.sqlite" in run.err
        assert enhance_service.count("POST /speech_enhancements") < 40
        totals = json.loads((tmp_path / "r.json").read_text())["totals"]
        assert totals["unfinished"] == 40 - len(run.lines) > 0
        assert totals["failed"] >= 1

        grow(40)
        again = await command("resume", "j.sqlite", "--json")
        assert (again.status, len(again.lines)) == (0, 40)
        assert len(files_in(small)) == 40
        assert enhance_service.count("POST /speech_enhancements") == 40


def test_what_is_left_out_is_told_by_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    from audio_enhance.cli.commands.enhance import _say
    from audio_enhance.cli.input.recordings import Recordings

    kinds = Counter({".mkv": 2, ".webm": 1, ".wma": 1})
    found = Recordings(
        sizes={"a.wav": 1},
        tops=[],
        root=None,
        results=0,
        not_taken=kinds,
        filtered=0,
        links=[],
        unreadable=[],
    )
    _say(attrs.evolve(found, filtered=1, results=1, links=["link"]), quiet=True)
    assert capsys.readouterr().err == ""
    _say(attrs.evolve(found, unreadable=["rec: Permission denied"]), quiet=True)
    assert capsys.readouterr().err == "Cannot search this folder: rec: Permission denied\n"
    _say(found, quiet=False)
    said = capsys.readouterr().err
    command = install_command("video")
    videos = f"Left out 3 files: 2 .mkv, 1 .webm. To enhance videos: {command}"
    assert videos in said
    assert "Left out 1 file: 1 .wma. The API does not take these." in said


@pytest.mark.enhance_service(faults=Faults(failed_enhancement=1.0))
async def test_what_the_server_could_not_enhance_is_told_once_at_the_end(
    command: Command, tmp_path: Path
) -> None:
    make(tmp_path, "a.wav")
    run = await command("enhance", "a.wav")
    assert run.status == 1
    assert run.err.count("a.wav: ") == 1
    assert run.err.index("0 enhanced, 1 failed") < run.err.index("a.wav: The server could not")
    assert "wasted 2 enhancements that failed at the server" in run.err
