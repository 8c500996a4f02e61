"""How well `enhance --local` uses the machine, next to calling its enhancer directly.

Run it with `python benchmarks/every_core.py`; `--quick` takes fewer recordings, and shorter ones.
Both ways enhance the same recordings with the same number of worker processes, in turn.
"""

import argparse
import asyncio
import os
import shutil
import statistics
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
_SETS = ((120, 4.7), (8, 600.0))  # how many, and seconds each
_QUICK = ((24, 4.7), (3, 60.0))


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


def in_turn(recordings: Sequence[Path], workers: int, rounds: int) -> tuple[float, float, float]:
    """Return the median seconds of either way, and the median of the ratios within a round.

    What else the machine does comes and goes: each round does both, and the next one begins with
    the other.
    """
    seconds: tuple[list[float], list[float]] = ([], [])
    folder = recordings[0].parent
    for number in range(rounds):
        for way in (0, 1) if number % 2 == 0 else (1, 0):
            results = folder.parent / "results"
            began = time.monotonic()
            if way == 0:
                asyncio.run(directly(recordings, results, workers))
            else:
                by_command(folder, results, workers)
            seconds[way].append(time.monotonic() - began)
            assert len([*results.glob("*.wav")]) == len(recordings)
            shutil.rmtree(results)
        print(f"{len(recordings)} recordings, {workers} workers:", *(s[-1] for s in seconds))
    ratios = [command / direct for direct, command in zip(*seconds, strict=True)]
    directly_s, command_s = map(statistics.median, seconds)
    return directly_s, command_s, statistics.median(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    sets = _QUICK if options.quick else _SETS
    report = Report("every_core", {"sets": list(sets), "rounds": options.rounds})
    report.notes.append("seconds from start to end, the command's own start included")
    report.notes.append("medians; of the ratios, of those within each round")
    for count, seconds in sets:
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary) / "recordings"
            folder.mkdir()
            record(folder, count, seconds)
            for workers in sorted({1, 2, os.cpu_count() or 1}):
                found = in_turn(sorted(folder.iterdir()), workers, options.rounds)
                what = f"{count} of {seconds:g} s"
                row = {"recordings": what, "workers": workers}
                taken = dict(zip(("directly, s", "command, s", "ratio"), found, strict=True))
                report.add("enhance --local", {**row, **taken})
                report.aim(f"{what}, workers: {workers}", found[2], 1.15)
    report.finish()


if __name__ == "__main__":
    main()
