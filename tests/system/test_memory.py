"""A long batch takes no more memory than a short one."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.support import bench

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
async def test_memory_does_not_grow_with_the_number_of_jobs(tmp_path: Path) -> None:
    marks = [200, 600]
    async with bench(tmp_path, speed=1) as b:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.system.memory_driver", str(b.out), json.dumps(marks)),
            cwd=ROOT,
            env=os.environ | b.service.environment,
            stdout=subprocess.PIPE,
        )
        async with asyncio.timeout(300):
            told, _ = await process.communicate()
        assert process.returncode == 0
    used = {int(mark): size for mark, size in json.loads(told).items()}
    # Of each job the hash of its result's path is kept, nothing that is under way at that moment;
    # a job that was kept would take some 5,000 bytes, and its content alone some 400 more.
    assert (used[600] - used[200]) / 400 <= 400
