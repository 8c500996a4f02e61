"""How much of a Dask cluster is used: enhancements of a fixed length on 1 to 64 workers.

Run it with `python benchmarks/scale.py`; `--quick` takes fewer workers, and fewer recordings. The
ideal is that every worker is busy from start to end. The workers only wait, several in a process:
one machine is enough for all of them, and what is measured is the coordination.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
from _dask_workers import Takes
from _report import Report
from distributed import Scheduler

from audio_enhance import Source
from audio_enhance.dask import DaskEnhancer
from audio_enhance.local import Behaviour, LocalService

_HERE = Path(__file__).parent
_IN_A_PROCESS = 16


@asynccontextmanager
async def cluster(workers: int) -> AsyncGenerator[str]:
    """Start a scheduler here, and workers in processes of their own."""
    make: Any = Scheduler
    environment = {**os.environ, "PYTHONPATH": str(_HERE)}
    async with make(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        left, processes = workers, list[subprocess.Popen[bytes]]()
        while left:
            here = min(left, _IN_A_PROCESS)
            command = (sys.executable, _HERE / "_dask_workers.py", scheduler.address, str(here))
            processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL))
            left -= here
        while len(scheduler.workers) < workers:
            await asyncio.sleep(0.1)
        try:
            yield scheduler.address
        finally:
            for process in processes:
                process.kill()
                process.wait()


async def batch(workers: int, each: int, seconds: float) -> dict[str, Any]:
    """Enhance so many recordings for each worker, through the service."""
    count = workers * each
    with tempfile.TemporaryDirectory() as folder:
        async with cluster(workers) as address:
            enhancer = DaskEnhancer(address, factory=Takes(seconds))
            async with (
                LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited()) as service,
                service.connect(None) as client,
            ):
                sources = (
                    Source.from_bytes(b"RIFF%032d" % n, filename=f"{n}.wav") for n in range(count)
                )
                began, busy = time.monotonic(), time.process_time()
                report = await client.enhance_batch(sources, strength=93, output_dir=folder)
                took, busy = time.monotonic() - began, time.process_time() - busy
                assert len(report.succeeded) == count
    ideal = each * seconds
    return {
        "workers": workers,
        "jobs": count,
        "took, s": took,
        "share of the ideal": ideal / took,
        "coordinator's CPU, ms a job": 1000 * busy / count,
    }


async def through(jobs: int) -> dict[str, Any]:
    """Put many short jobs through the enhancer alone, and look at what memory does."""
    process = psutil.Process()

    def mib() -> float:
        return process.memory_info().rss / (1 << 20)

    async with cluster(8) as address:
        enhancer = DaskEnhancer(address, factory=Takes(0.0))
        async with LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited()) as service:
            async with service.connect(1) as client:
                asset = await client.create_asset(Source.from_bytes(b"RIFF", filename="a.wav"))
                await client.upload(asset, Source.from_bytes(b"RIFF", filename="a.wav"))
            store: Any = getattr(service, "_store")  # noqa: B009  what signs the URLs

            def errand() -> Any:
                return store.errand(
                    f"Assets/{asset.id}",
                    "SpeechEnhancements/result",
                    content_type="audio/wav",
                    seconds=600,
                    hostname="127.0.0.1",
                )

            numbers, levels = iter(range(jobs)), list[float]()

            async def some() -> None:
                for number in numbers:
                    await enhancer.carry_out(errand, name=str(number), strength=93)
                    if number % (jobs // 10) == 0:
                        levels.append(mib())

            began, busy = time.monotonic(), time.process_time()
            await asyncio.gather(*(some() for _ in range(enhancer.places)))
            took, busy = time.monotonic() - began, time.process_time() - busy
    return {
        "jobs": jobs,
        "a second": jobs / took,
        "coordinator's CPU, ms a job": 1000 * busy / jobs,
        "MiB after a tenth": levels[1],
        "MiB after all": levels[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--jobs", type=int, default=100_000)
    options = parser.parse_args()
    if options.quick:
        options.each, options.jobs = 2, 2_000
    workers = (1, 4) if options.quick else (1, 2, 4, 8, 16, 32, 64)
    report = Report("scale", vars(options))
    report.notes.append("the scheduler is in the coordinating process, and counted with it")
    for count in workers:
        row = asyncio.run(batch(count, options.each, options.seconds))
        print(row, flush=True)
        report.add("through the service", row)
        report.aim(f"1 / share, {count} workers", 1 / row["share of the ideal"], 1 / 0.95)
    row = asyncio.run(through(options.jobs))
    print(row, flush=True)
    report.add("many through the enhancer", row)
    report.finish()


if __name__ == "__main__":
    main()
