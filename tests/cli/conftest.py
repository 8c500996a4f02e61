"""The command, and recordings for it."""

from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.support.warm import Warm

from .support import Command


@pytest.fixture
def command(enhance_service: LocalService, tmp_path: Path, warm: Warm | None) -> Command:
    """The command with `enhance_service` for its API, in an empty folder."""
    return Command(tmp_path, enhance_service.environment, warm)


@pytest.fixture
def alone(tmp_path: Path, warm: Warm | None) -> Command:
    """The command without credentials, in an empty folder."""
    return Command(tmp_path, {}, warm)
