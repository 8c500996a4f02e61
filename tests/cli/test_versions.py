"""The option and the variable for the API's generation, and the journal that remembers it."""

from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.cli.commands.test_enhance import make

from .support import Command


def spoken(service: LocalService) -> set[str | None]:
    versions = {record.api_version for record in service.record} - {None}
    service.record.clear()
    return set(versions)


async def test_the_command_speaks_either_generation_and_resume_goes_on_in_it(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "one.wav", "two.wav")
    run = await command("enhance", "one.wav")
    assert (run.status, spoken(enhance_service)) == (0, {"v1"})
    run = await command("enhance", "two.wav", "--api-version", "v2", "--output-dir", "second")
    assert (run.status, spoken(enhance_service)) == (0, {"v2"})
    make(tmp_path, "two.wav")
    (tmp_path / "two.wav").write_bytes(b"RIFF, recorded anew")
    run = await command("resume", "second")
    assert (run.status, spoken(enhance_service)) == (0, {"v2"})


async def test_the_environment_chooses_the_generation(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "one.wav")
    run = await command("enhance", "one.wav", AUDIO_ENHANCE_API_VERSION="v2")
    assert (run.status, spoken(enhance_service)) == (0, {"v2"})


@pytest.mark.parametrize("command_line", [("enhance", "one.wav"), ("web",)])
async def test_a_generation_that_there_is_not(
    command: Command, tmp_path: Path, command_line: tuple[str, ...]
) -> None:
    make(tmp_path, "one.wav")
    run = await command(*command_line, AUDIO_ENHANCE_API_VERSION="v3")
    assert run.status == 2
    assert "v3" in run.err


@pytest.mark.slow
async def test_uploads_are_deleted_where_it_is_asked_for(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    make(tmp_path, "one.wav")
    run = await command("enhance", "one.wav", "--delete-uploads")
    assert run.status == 2
    assert "v1 of the API cannot delete assets.\nAdd --api-version v2.\n" in run.err
    run = await command("enhance", "one.wav", "--delete-uploads", "--api-version", "v2")
    assert run.status == 0
    assert enhance_service.count("DELETE /assets/:id", 204) == 1
