"""Memory stays where it is, however long the recording."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from audio_enhance.local import LocalService
from tests.support import memory_driver

MIB = 1 << 20


async def extra_memory(service: LocalService, source: Path, output_dir: Path) -> tuple[int, Path]:
    """Enhance a file in a process of its own; return its memory over the idle client's."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        memory_driver.__file__,
        str(source),
        str(output_dir),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **service.environment},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    told = json.loads(out)
    return told["peak"] - told["idle"], Path(told["path"])


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("length", [64 * MIB, pytest.param(2048 * MIB + 1, marks=pytest.mark.slow)])
async def test_up_and_down_with_constant_memory(
    enhance_service: LocalService, tmp_path: Path, length: int
) -> None:
    source = tmp_path / "long.wav"
    with source.open("wb") as file:
        file.truncate(length)
        file.seek(length // 2)
        file.write(b"RIFF")
    extra, path = await extra_memory(enhance_service, source, tmp_path)
    assert extra < 64 * MIB
    # … and all of it went up and came down.
    head = path.stat().st_size - length
    with path.open("rb") as result, source.open("rb") as data:
        assert b"strength=93" in result.read(head)
        while block := data.read(MIB):
            assert result.read(MIB) == block
        assert not result.read(1)
    path.unlink()
