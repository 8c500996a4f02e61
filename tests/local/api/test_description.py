"""`openapi.json` as Schemathesis reads it: the service takes what it allows and nothing else.

An API client can delete through the second generation what it has created through the first,
whose description has nothing that deletes. So each is looked at for itself.
"""

import asyncio
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")
SECOND = r"^/(api|audio_services)/v2/"


@pytest.mark.slow
@pytest.mark.skipif(find_spec("schemathesis") is None, reason="needs schemathesis")
@pytest.mark.parametrize("which", ["--exclude-path-regex", "--include-path-regex"])
async def test_a_foreign_reader_finds_nothing_that_is_not_so(which: str, tmp_path: Path) -> None:
    async with LocalService(enhancer=Rehearsal(), behaviour=Behaviour.unlimited()) as service:
        headers = (
            f"Authorization: Bearer {service.issue_token(service.client_id)}",
            f"x-api-key: {service.client_id}",
        )
        reader = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "--no-color"),
            *("--config-file", str(CONFIGURATION), "run", f"{service.base_url}/openapi.json"),
            *(which, SECOND, *(part for header in headers for part in ("-H", header))),
            *("--seed", "1", "--max-examples", "5", "--warnings", "off"),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await reader.communicate()
        assert reader.returncode == 0, said.decode()
        # It was let in, and has tried much.
        assert service.count(status=201) > 10
        assert service.count(status=422) > 10
