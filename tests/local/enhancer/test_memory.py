"""Memory does not grow with the recording; measured from outside, since most of it is C's."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .support import noise, write

PROGRAM = """
import json, sys
from pathlib import Path
from audio_enhance.local.enhancer import enhance_file, measure

source, result, engine, early = sys.argv[1:]
peaks = []

def note():
    # Not getrusage, whose figure a process inherits from the one that started it.
    peak, = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
    peaks.append(int(peak.split()[1]) / 1024)

def progress(share):
    if not peaks and share >= float(early):
        note()

enhance_file(Path(source), Path(result), strength=93, engine=engine, progress=progress)
measure(Path(result))
note()
print(json.dumps(peaks))
"""


def memory(early: float, minutes: float, folder: Path, engine: str) -> list[float]:
    """The most resident memory of a process that enhances and measures a recording, in MiB.

    Once when so many of the minutes are enhanced, and once at the end.
    """
    source = write(
        folder / "source",
        noise("white", round(minutes * 60 * 16_000)) / 10,
        container="flac",
        codec="flac",
        rate=16_000,
    )
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, source, folder / "result", engine, str(early / minutes)],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
    )
    peaks: list[float] = json.loads(run.stdout)
    return peaks


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="others count memory differently")
@pytest.mark.parametrize(
    ("engine", "early", "minutes"),
    [("rnnoise", 0.5, 2.5), ("dfn3", 1, 3)],
)
def test_a_long_recording_takes_no_more_than_its_beginning(
    engine: str, early: float, minutes: float, tmp_path: Path
) -> None:
    little, most = memory(early, minutes, tmp_path, engine)
    # Two minutes of samples alone would be 22 MiB, and half a minute has not filled every window.
    assert most < little + 16
