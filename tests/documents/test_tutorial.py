"""The tutorial works as it is printed, from top to bottom, in one folder."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import demo_recording

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```(python|sh)\n(.*?)```", (ROOT / "docs/tutorial.md").read_text(), re.DOTALL)


@pytest.mark.slow
def test_each_step_works_after_the_ones_before_it(tmp_path: Path) -> None:
    for name in ("talk.mp3", "recordings/a.mp3", "recordings/b/a.mp3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(demo_recording(), tmp_path / name)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "AUDIO_ENHANCE_ENHANCE_ENGINE": "afftdn",
    }

    def run(command: str) -> str:
        return subprocess.run(
            ["bash", "-euc", command],
            cwd=tmp_path,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout

    ran = []
    for language, block in BLOCKS:
        if language == "python":
            (tmp_path / "clean.py").write_text(block)
        elif block.startswith(("audio-enhance enhance", "audio-enhance report")):
            ran.append(run(block))
        elif block == "python clean.py\n":
            result = run(f"audio-enhance serve -- {block}").strip()
            assert (tmp_path / result).read_bytes()
    assert len(ran) == 5
    assert (tmp_path / "enhanced/report.html").exists()
