"""Runs that come to their end at each step between two writings: the next one finishes."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import Rehearsal
from tests.jobs.support import CREATE, PUT, bench, files_below

ROOT = Path(__file__).parents[2]
slow = pytest.mark.slow
KINDS = [
    pytest.param("kill", ("links", "earlier"), id="killed", marks=slow),
    pytest.param("kill", ("earlier",), id="killed without hard links", marks=slow),
    pytest.param("kill", (), id="killed without hard links at the first result"),
    pytest.param("cancel", ("links", "earlier"), id="cancelled", marks=slow),
    pytest.param("full", ("links", "earlier"), id="disk full", marks=slow),
]


@pytest.mark.parametrize(("how", "options"), KINDS)
async def test_each_step(how: str, options: tuple[str, ...], tmp_path: Path) -> None:
    async with bench(tmp_path, speed=1, seconds=0.0) as b:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.system.step_driver", str(tmp_path / "cases"), how),
            *options,
            cwd=ROOT,
            env=os.environ | b.service.environment,
            stdout=subprocess.PIPE,
        )
        async with asyncio.timeout(300):
            told, _ = await driver.communicate()
        assert driver.returncode == 0
        ends = {end["case"]: end for end in map(json.loads, told.decode().splitlines())}
        assert len(ends) > 12
        for name, end in ends.items():
            folder = tmp_path / "cases" / name
            expected = Rehearsal.expected((folder / f"{name}.mp3").read_bytes(), 93)
            # What somebody saw who looked in between, and what the next run did, are one truth.
            there = end["there"] == expected.hex()
            assert end["status"] == ("skipped" if there else "succeeded"), end
            if there or not end["there"]:
                assert (end["state"] == "succeeded") == there, end
            assert end["after"] == "succeeded"
            result = folder / "out" / f"{name}-enhanced-93p.mp3"
            assert end["path"] == str(result)
            assert files_below(folder / "out") == {result, folder / "out" / "journal.sqlite"}
            assert result.read_bytes() == expected
        versions = 1 + ("earlier" in options)
        uncertain = sum(end["extra"] for end in ends.values())
        assert b.count(CREATE) <= versions * len(ends) + uncertain
        assert uncertain <= 2  # those that died while the enhancement was asked for
        assert b.count(PUT, 200) <= versions * len(ends) + 2
