"""Memory does not grow with the recording; measured from outside, since most of it is C's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .support import noise, write

PROGRAM = """
import sys
from pathlib import Path
from audio_enhance.local.enhancer import enhance_file, measure

source, result, engine = sys.argv[1:]
enhance_file(Path(source), Path(result), strength=93, engine=engine)
measure(Path(result))
# Not getrusage, whose figure a process inherits from the one that started it.
peak, = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024)
"""


def memory(minutes: float, folder: Path, engine: str) -> float:
    """The most resident memory of a process that enhances and measures a recording, in MiB."""
    source = write(
        folder / "source",
        noise("white", round(minutes * 60 * 16_000)) / 10,
        container="flac",
        codec="flac",
        rate=16_000,
    )
    root = Path(__file__).parents[3]
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, source, folder / "result", engine],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(run.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="others count memory differently")
@pytest.mark.parametrize(
    ("engine", "short", "long"),
    [("rnnoise", 0.5, 2.5), ("dfn3", 1, 3)],
)
def test_a_long_recording_takes_no_more_than_a_short_one(
    engine: str, short: float, long: float, tmp_path: Path
) -> None:
    little = memory(short, tmp_path, engine)
    # Two minutes of samples alone would be 22 MiB, and half a minute has not filled every window.
    assert memory(long, tmp_path, engine) < little + 16
