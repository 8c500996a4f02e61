"""Programs that are forked end as others do, although nobody takes them apart."""

import os
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from pathlib import Path

import pytest

from tests.support.warm import ROOT, Warm

MODULE = "tests.system.untidy"


@pytest.mark.parametrize("argument", ["0", "7", "for a reason"])
async def test_it_ends_as_one_that_was_started(
    argument: str, warm: Warm | None, tmp_path: Path
) -> None:
    if warm is None:
        pytest.skip("there is no way to fork them here")
    forked = await warm.start(MODULE, argument, folder=tmp_path, environment=os.environ)
    out, err = await forked.communicate()
    command = (sys.executable, "-W", "default", "-m", MODULE, argument)
    started = await create_subprocess_exec(*command, cwd=ROOT, stdout=PIPE, stderr=PIPE)
    theirs, told = await started.communicate()
    assert forked.returncode == started.returncode
    assert out == theirs == b"a thread has ended\nbefore the end: True\n"
    assert b"ResourceWarning: unclosed file" in err
    assert b"ResourceWarning: unclosed file" in told
