"""A result's place: by its recording and its strength alone."""

from pathlib import Path

import pytest

from audio_enhance.cli.input.placing import USUAL_NAME, Placing, pattern_of, trouble_with
from audio_enhance.local import LocalService
from tests.cli.commands.test_enhance import files_in, make
from tests.cli.support import Command


@pytest.mark.parametrize(
    "template", [USUAL_NAME, "{stem}-clean-{strength}{ext}", "{folder} {stem}{strength:03}{ext}"]
)
def test_a_template_can_be_used(template: str) -> None:
    assert trouble_with(template) == ""


@pytest.mark.parametrize(
    "template",
    [
        *("clean", "clean{ext}", "{stem}.wav", "{stem}{oops}{ext}", "{stem}{ext", "{0}{stem}{ext}"),
        *("../{stem}{ext}", "{stem}/a{ext}", ".{stem}{ext}", "{stem.x}{ext}", "{stem:d}{ext}"),
    ],
)
def test_a_template_that_names_no_file_is_refused(template: str) -> None:
    assert trouble_with(template)


def test_a_pattern_knows_what_a_template_named() -> None:
    pattern = pattern_of("{stem}-clean-{strength}{ext}")
    assert pattern.fullmatch("a.b-clean-93.wav")
    assert pattern.fullmatch("a-clean-93-2.wav")  # one that was put beside another
    assert not pattern.fullmatch("a-clean.wav")


def test_folders_are_kept_below_the_first_top_that_has_the_recording() -> None:
    placing = Placing(mirror=True, tops=[Path("/in/a"), Path("/in")])
    assert placing.place(Path("/in/a/b/x.wav"), 93) == Path("b/x-enhanced-93p.wav")
    assert placing.place(Path("/in/c/x.wav"), 50) == Path("c/x-enhanced-50p.wav")
    assert placing.place(Path("/elsewhere/x.wav"), 93) == Path("x-enhanced-93p.wav")
    flat = Placing(name="{folder}-{stem}{ext}", tops=[Path("/in")])
    assert flat.place(Path("/in/c/x.wav"), 50) == Path("c-x.wav")


def test_a_name_that_is_too_long_keeps_its_end() -> None:
    placed = Placing(name=USUAL_NAME).place(Path("/in") / ("é" * 125 + ".wav"), 93)
    assert len(placed.name.encode()) <= 255
    assert placed.name.endswith("é-enhanced-93p.wav")


def test_a_clash_is_found() -> None:
    jobs = [("/a/x.wav", 93), ("/b/X.wav", 93)]
    tops = [Path("/a"), Path("/b")]
    assert Placing(mirror=True, tops=tops).clash(jobs) == (
        *("/a/x.wav", "/b/X.wav"),
        Path("X-enhanced-93p.wav"),
    )
    assert Placing(mirror=True, tops=[Path("/")]).clash(jobs) is None
    both = [("/a/x.wav", 50), ("/a/x.wav", 93)]
    assert Placing(name="{stem}{ext}").clash(both) == ("/a/x.wav", "/a/x.wav", Path("x.wav"))


async def test_results_keep_their_folders_in_every_run(command: Command, tmp_path: Path) -> None:
    make(tmp_path, "rec/a/x.wav", "rec/b/x.wav", "rec/y.wav")
    name = ("--name", "{stem}-clean{ext}")
    # One alone goes where it goes beside others.
    one = await command("enhance", "rec", "--mirror", *name, "--json", "-s", "50")
    assert one.status == 0
    expected = ["a/x-clean.wav", "b/x-clean.wav", "y-clean.wav"]
    assert files_in(tmp_path / "enhanced")[2:] == expected
    # They are known as results, wherever they are searched.
    found = await command("enhance", ".", "-o", "other", "--dry-run", "--json")
    assert [line["source"] for line in found.lines] == ["rec/y.wav", "rec/a/x.wav", "rec/b/x.wav"]


async def test_resume_puts_results_where_the_run_would_have(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "one/a/x.wav", "two/b/x.wav")
    wrong = {"FIREFLY_SERVICES_CLIENT_SECRET": "wrong"}
    assert (await command("enhance", "one", "--mirror", **wrong)).status == 1
    assert (await command("enhance", "two", "--mirror", **wrong)).status == 1
    assert (await command("resume", "enhanced")).status == 0
    assert files_in(tmp_path / "enhanced")[1:] == ["a/x-enhanced-93p.wav", "b/x-enhanced-93p.wav"]


async def test_a_clash_is_told_before_anything_is_sent(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "a/x.wav", "b/x.wav")
    run = await command("enhance", "a", "b", "--mirror")
    assert run.status == 2
    assert "Two results would be enhanced/x-enhanced-93p.wav, of a/x.wav and b/x.wav." in run.err
    assert enhance_service.count("POST /token") == 0
    bad = await command("enhance", "a", "--name", "clean.wav")
    assert bad.status == 2
    assert "It needs {stem}, and {ext} at its end." in bad.err
