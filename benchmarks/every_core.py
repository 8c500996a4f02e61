"""How well `enhance --local` uses the machine, next to calling its enhancer directly.

Run it with `python benchmarks/every_core.py`; `--quick` takes short recordings only. Both ways
enhance the same recordings with the same number of worker processes, in turn, on an idle machine.
"""

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from _report import Report

_RATE = 16_000
_COMMAND = (sys.executable, "-m", "audio_enhance", "enhance", "--local", "--no-journal")
_SETS = {"short": (120, 4.7), "long": (8, 600.0)}  # how many, and seconds each


def record(folder: Path, count: int, seconds: float) -> None:
    """Write recordings of a voice that comes with the package, each with noise of its own."""
    import av

    from audio_enhance.local.enhancer import demo_recording

    with av.open(str(demo_recording())) as container:
        resampler = av.AudioResampler("s16", "mono", _RATE)
        frames = [one for f in container.decode(audio=0) for one in resampler.resample(f)]
    voice = np.concatenate([frame.to_ndarray()[0] for frame in frames])
    voice = np.resize(voice, int(seconds * _RATE))
    random = np.random.default_rng(0)
    for number in range(count):
        noise = random.integers(-300, 300, len(voice))
        samples = np.clip(voice + noise, -32768, 32767).astype("<i2")
        with wave.open(str(folder / f"{number:03}.wav"), "wb") as output:
            output.setparams((1, 2, _RATE, len(samples), "NONE", "not compressed"))
            output.writeframes(samples.tobytes())


async def directly(recordings: Sequence[Path], results: Path, workers: int) -> None:
    """Enhance with nothing but the worker processes."""
    from audio_enhance.local.enhancer import SpeechEnhancer

    enhancer = SpeechEnhancer(workers=workers)
    results.mkdir()
    await asyncio.gather(
        *(
            enhancer.enhance(path, results / path.name, content_type="audio/wav", strength=93)
            for path in recordings
        )
    )
    await enhancer.close()


def by_command(folder: Path, results: Path, workers: int) -> None:
    """Enhance with the command, as a user does."""
    arguments = (str(folder), "-o", str(results), "--workers", str(workers))
    subprocess.run([*_COMMAND, *arguments], check=True, capture_output=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sets = {"short": _SETS["short"]} if options.quick else _SETS
    report = Report("every_core", {"sets": {name: list(each) for name, each in sets.items()}})
    report.notes.append("seconds from start to end, the command's own start included")
    for count, seconds in sets.values():
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "recordings"
            folder.mkdir()
            record(folder, count, seconds)
            recordings = sorted(folder.iterdir())
            for workers in sorted({1, 2, os.cpu_count() or 1}):
                results = Path(temporary) / "results"
                began = time.monotonic()
                asyncio.run(directly(recordings, results, workers))
                direct = time.monotonic() - began
                shutil.rmtree(results)
                began = time.monotonic()
                by_command(folder, results, workers)
                command = time.monotonic() - began
                assert len(list(results.iterdir())) == count
                shutil.rmtree(results)
                what, ratio = f"{count} of {seconds:g} s", command / direct
                row = {"recordings": what, "workers": workers}
                taken = {"directly, s": direct, "command, s": command, "ratio": ratio}
                report.add("enhance --local", {**row, **taken})
                report.aim(f"{what}, workers: {workers}", ratio, 1.15)
    report.finish()


if __name__ == "__main__":
    main()
