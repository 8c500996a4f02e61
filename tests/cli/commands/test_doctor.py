"""What the doctor prints, and its exit status."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from audio_enhance.cli.commands.checks import Finding, Health
from audio_enhance.cli.commands.doctor import print_findings
from audio_enhance.local import LocalService
from tests.cli.support import Command


async def test_all_is_well(alone: Command, enhance_service: LocalService) -> None:
    run = await alone("doctor", **enhance_service.environment)
    assert run.status == 0
    lines = run.out.splitlines()
    assert all(line.startswith(("ok   ", "note ", "     ")) for line in lines)
    assert any(line.startswith("ok   credentials the API takes them") for line in lines)


async def test_something_is_wrong(alone: Command, enhance_service: LocalService) -> None:
    wrong = enhance_service.environment | {"FIREFLY_SERVICES_CLIENT_SECRET": "wrong-secret"}
    run = await alone("doctor", **wrong)
    assert run.status == 1
    assert "bad  credentials " in run.out
    assert "wrong-secret" not in run.out + run.err


async def test_it_takes_the_options_of_a_run(
    alone: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    service = dict(enhance_service.environment)
    names = ("FIREFLY_SERVICES_CLIENT_ID", "FIREFLY_SERVICES_CLIENT_SECRET")
    (tmp_path / "one").write_text("\n".join(f"{name}={service.pop(name)}" for name in names))
    (tmp_path / "two").write_text('{"client_id": "two", "client_secret": "wrong-secret"}')
    files = ("--credentials", "one", "--credentials", "two")
    run = await alone("doctor", *files, "--api-version", "v2", **service)
    assert run.status == 1
    assert f"the API takes those of {enhance_service.client_id} (version v2)" in run.out
    assert "bad  credentials two: " in run.out
    assert "wrong-secret" not in run.out + run.err


async def test_a_local_run_needs_no_api(alone: Command, tmp_path: Path) -> None:
    run = await alone("doctor", "--local", "--engine", "afftdn", "-o", "clean")
    assert run.status == 0
    assert f"are free for results in {tmp_path}/clean\n" in run.out
    assert "ok   engine      FFmpeg's afftdn" in run.out
    assert "credentials" not in run.out
    both = await alone("doctor", "--local", "--credentials", "one")
    assert both.status == 2
    assert "Use either --local or --credentials" in both.err
    assert "add --local" in (await alone("doctor", "--cluster", "tcp://a:1")).err


@pytest.mark.parametrize("width", [40, 80])
def test_names_of_variables_are_whole_on_a_narrow_terminal_too(width: int) -> None:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    missing = "Missing: FIREFLY_SERVICES_CLIENT_ID, FIREFLY_SERVICES_CLIENT_SECRET"
    print_findings(console, [Finding("credentials", Health.NOTE, missing, "Set them.")])
    lines = file.getvalue().splitlines()
    assert "FIREFLY_SERVICES_CLIENT_SECRET" in file.getvalue()
    assert all(len(line.rstrip()) <= width for line in lines)
    assert lines[0].startswith("note credentials")
    assert lines[-1].strip() == "→ Set them."
