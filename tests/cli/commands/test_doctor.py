"""What the doctor prints, and its exit status."""

from pathlib import Path

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


async def test_a_local_run_needs_no_api(alone: Command) -> None:
    run = await alone("doctor", "--local", "--engine", "afftdn")
    assert run.status == 0
    assert "ok   engine      FFmpeg's afftdn" in run.out
    assert "credentials" not in run.out
    both = await alone("doctor", "--local", "--credentials", "one")
    assert both.status == 2
    assert "Use either --local or --credentials" in both.err
    assert "add --local" in (await alone("doctor", "--cluster", "tcp://a:1")).err
