"""What the doctor prints, and its exit status."""

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
