"""The page about scale shows programs that work, or that are programs, where they need machines."""

import ast
import inspect
import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from distributed import SSHCluster

from audio_enhance.local.enhancer import demo_recording

from .cluster import Cluster

PAGE = (Path(__file__).parents[2] / "docs" / "scale.md").read_text()
PROGRAMS = re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.slow
async def test_the_program_on_the_page_works(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "talk.mp3").write_bytes(demo_recording().read_bytes()[:40_000])
    [program] = [one for one in PROGRAMS if "DaskEnhancer" in one]
    names: dict[str, Any] = {"paths": ["talk.mp3"]}
    program = program.replace("tcp://10.0.0.5:8786", cluster.address)
    exec(f"async def run():\n{textwrap.indent(program, '    ')}\n    return report", names)
    assert len((await names["run"]()).succeeded) == 1


def test_the_recipes_are_programs_and_ssh_takes_its_arguments() -> None:
    recipes = [ast.parse(one) for one in PROGRAMS if "cluster = " in one]
    assert len(recipes) == 3
    calls = [node for one in recipes for node in ast.walk(one) if isinstance(node, ast.Call)]
    [ssh] = [call for call in calls if ast.unparse(call.func) == "SSHCluster"]
    given = {keyword.arg for keyword in ssh.keywords}
    assert given <= inspect.signature(SSHCluster).parameters.keys()
