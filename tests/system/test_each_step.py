"""Runs that come to their end at each step between two writings: the next one finishes."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from audio_enhance.local.enhancer import Rehearsal
from tests.jobs.support import CREATE, PUT, Bench, bench, files_below
from tests.support.warm import Warm, WarmProcess

ROOT = Path(__file__).parents[2]
DRIVER = "tests.system.step_driver"
slow = pytest.mark.slow
KINDS = [
    pytest.param("kill", ("links", "earlier"), id="killed", marks=slow),
    pytest.param("kill", ("earlier",), id="killed without hard links", marks=slow),
    pytest.param("kill", (), id="killed without hard links at the first result"),
    pytest.param("cancel", ("links", "earlier"), id="cancelled", marks=slow),
    pytest.param("cancel again", ("links", "earlier"), id="cancelled again", marks=slow),
    pytest.param("cancel again", ("earlier",), id="cancelled without hard links", marks=slow),
    pytest.param("full", ("links", "earlier"), id="disk full", marks=slow),
    pytest.param("full", ("earlier",), id="disk full without hard links", marks=slow),
]


async def driven(
    b: Bench, warm: Warm | None, folder: Path, version: str, how: str, *options: str
) -> dict[str, dict[str, Any]]:
    """Go through all steps, and return how the runs after each ended, by their cases."""
    arguments = str(folder), how, *options
    environment = os.environ | b.service.environment | {"AUDIO_ENHANCE_API_VERSION": version}
    driver: asyncio.subprocess.Process | WarmProcess
    if warm is not None:
        driver = await warm.start(DRIVER, *arguments, folder=ROOT, environment=environment)
    else:
        driver = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", DRIVER, *arguments), cwd=ROOT, env=environment, stdout=PIPE
        )
    async with asyncio.timeout(300):
        told, _ = await driver.communicate()
    assert driver.returncode == 0
    return {end["case"]: end for end in map(json.loads, told.decode().splitlines())}


@pytest.mark.parametrize("version", ["v1", pytest.param("v2", marks=slow)])
@pytest.mark.parametrize(("how", "options"), KINDS)
async def test_each_step(
    how: str, options: tuple[str, ...], version: str, tmp_path: Path, warm: Warm | None
) -> None:
    async with bench(tmp_path, speed=1, seconds=0.0, debug=False) as b:
        ends = await driven(b, warm, tmp_path / "cases", version, how, *options)
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
        assert b.count(CREATE, 202) <= versions * len(ends) + uncertain
        assert uncertain <= 2  # those that died while the enhancement was asked for
        # The second generation refuses a second one of the same asset.
        assert b.count(CREATE, 422) <= (uncertain if version == "v2" else 0)
        assert b.count(PUT, 200) <= versions * len(ends) + 2


@slow
@pytest.mark.parametrize("how", ["kill", "cancel again", "full"])
@pytest.mark.parametrize(
    ("links", "version"), [(("links",), "v1"), ((), "v2")], ids=["hard links", "no hard links"]
)
async def test_each_step_without_a_journal(
    how: str, links: tuple[str, ...], version: str, tmp_path: Path, warm: Warm | None
) -> None:
    """What is in the place is the whole result or nothing, and nothing is in the way of it."""
    async with bench(tmp_path, speed=1, seconds=0.0, debug=False) as b:
        ends = await driven(b, warm, tmp_path / "cases", version, how, "unwritten", *links)
        assert len(ends) > 4
        for name, end in ends.items():
            folder = tmp_path / "cases" / name
            expected = Rehearsal.expected((folder / f"{name}.mp3").read_bytes(), 93)
            result = folder / "out" / f"{name}-enhanced-93p.mp3"
            assert result.read_bytes() == expected
            if end["there"] == expected.hex():
                # Without a journal it is a file like any other, and stays.
                assert (end["status"], "already exists" in end["error"]) == ("failed", True)
            else:
                assert end["there"] in (None, ""), end
                assert (end["status"], end["path"]) == ("succeeded", str(result))
