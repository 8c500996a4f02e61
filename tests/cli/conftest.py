"""The command, and recordings for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.support.warm import Warm

from .support import Command


@pytest.fixture
async def command(
    enhance_service: LocalService, tmp_path: Path, warm: Warm | None
) -> AsyncIterator[Command]:
    """The command with `enhance_service` for its API, in an empty folder."""
    command = Command(tmp_path, enhance_service.environment, warm)
    yield command
    await command.end_all()


@pytest.fixture
async def alone(tmp_path: Path, warm: Warm | None) -> AsyncIterator[Command]:
    """The command without credentials, in an empty folder."""
    command = Command(tmp_path, {}, warm)
    yield command
    await command.end_all()
