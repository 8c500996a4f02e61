"""Memory does not grow with the recording; measured from outside, since most of it is C's."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from .support import noise, write

PROGRAM = """
import sys
import numpy as np
from pathlib import Path
from audio_enhance.local.enhancer import enhance_file, measure

class Nothing:  # is a fast denoiser
    frame, delay = 480, 0
    def __init__(self, channels):
        pass
    def process(self, samples):
        return samples, np.ones(samples.shape[1] // 480)
    def close(self):
        pass

source, result, kind = sys.argv[1:]
denoiser = {"nothing": Nothing, "rnnoise": None}[kind]
enhance_file(Path(source), Path(result), strength=93, denoiser=denoiser)
measure(Path(result))
# Not getrusage, whose figure a process inherits from the one that started it.
peak, = (line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(int(peak.split()[1]) / 1024)
"""


def memory(minutes: float, folder: Path, denoiser: str) -> float:
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
        [sys.executable, "-c", PROGRAM, source, folder / "result", denoiser],
        env=os.environ | {"PYTHONPATH": str(root)},
        stdout=subprocess.PIPE,
        check=True,
    )
    return float(run.stdout)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="others count memory differently")
@pytest.mark.parametrize(
    ("denoiser", "short", "long"),
    [("nothing", 0.5, 4), ("rnnoise", 0.5, 4)],
)
def test_a_long_recording_takes_no_more_than_a_short_one(
    denoiser: str, short: float, long: float, tmp_path: Path
) -> None:
    little = memory(short, tmp_path, denoiser)
    assert memory(long, tmp_path, denoiser) < little + 8
