"""How much of a Dask cluster is used: enhancements of a fixed length on 1 to 64 workers.

Run it with `python benchmarks/scale.py`; `--quick` takes fewer workers, and fewer recordings. The
ideal is that every worker is busy from start to end. The workers only wait, several in a process:
one machine is enough for all of them, and what is measured is the coordination.
"""

import argparse
import asyncio
import json
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
from distributed import Client

from audio_enhance import Source
from audio_enhance.dask import DaskEnhancer
from audio_enhance.local import Behaviour, LocalService

_HERE = Path(__file__).parent
_IN_A_PROCESS = 16


@asynccontextmanager
async def cluster(workers: int) -> AsyncGenerator[tuple[str, psutil.Process]]:
    """Start a scheduler and workers, in processes of their own; yield the scheduler's address."""
    processes = list[subprocess.Popen[bytes]]()

    def start(*command: object) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            env={**os.environ, "PYTHONPATH": str(_HERE)},
            stderr=subprocess.DEVNULL,
        )
        processes.append(process)
        return process

    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "scheduler.json"
        options = ("--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        try:
            scheduler = start(
                "-m", "distributed.cli.dask_scheduler", *options, "--scheduler-file", told
            )
            while not told.exists():
                await asyncio.sleep(0.1)
            address = json.loads(told.read_text())["address"]
            for first in range(0, workers, _IN_A_PROCESS):
                here = min(workers - first, _IN_A_PROCESS)
                start(_HERE / "_dask_workers.py", address, here)
            connect: Any = Client  # Dask's classes have no types
            async with connect(address, asynchronous=True, set_as_default=False) as client:
                await client.wait_for_workers(workers)
            yield address, psutil.Process(scheduler.pid)
        finally:
            for process in processes:
                process.kill()
                process.wait()


class Busy:
    """The CPU time of this process, and that of the scheduler's, from now on."""

    def __init__(self, scheduler: psutil.Process) -> None:
        self._processes = {"coordinator": psutil.Process(), "scheduler": scheduler}
        self._before = self._seconds()

    def _seconds(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: spent.user + spent.system for name, spent in times.items()}

    def row(self, jobs: int) -> dict[str, float]:
        """Return what both have used for each of so many jobs, in milliseconds."""
        now = self._seconds()
        return {
            f"{name}'s CPU, ms a job": 1000 * (now[name] - before) / jobs
            for name, before in self._before.items()
        }


async def batch(workers: int, each: int, seconds: float) -> dict[str, Any]:
    """Enhance so many recordings for each worker, through the service."""
    count = workers * each
    with tempfile.TemporaryDirectory() as folder:
        async with cluster(workers) as (address, scheduler):
            enhancer = DaskEnhancer(address, factory=Takes(seconds))
            async with (
                LocalService(enhancer=enhancer, behaviour=Behaviour.unlimited()) as service,
                service.connect(None) as client,
            ):
                sources = (
                    Source.from_bytes(b"RIFF%032d" % n, filename=f"{n}.wav") for n in range(count)
                )
                began, busy = time.monotonic(), Busy(scheduler)
                report = await client.enhance_batch(sources, strength=93, output_dir=folder)
                took, spent = time.monotonic() - began, busy.row(count)
                assert len(report.succeeded) == count
    ideal = each * seconds
    return {
        "workers": workers,
        "jobs": count,
        "took, s": took,
        "share of the ideal": ideal / took,
        **spent,
    }


async def through(jobs: int) -> dict[str, Any]:
    """Put many short jobs through the enhancer alone, and look at what memory does."""
    process = psutil.Process()

    def mib() -> float:
        return process.memory_info().rss / (1 << 20)

    async with cluster(8) as (address, scheduler):
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

            began, busy = time.monotonic(), Busy(scheduler)
            await asyncio.gather(*(some() for _ in range(enhancer.places)))
            took, spent = time.monotonic() - began, busy.row(jobs)
    return {
        "jobs": jobs,
        "a second": jobs / took,
        **spent,
        "MiB after a tenth": levels[1],
        "MiB after all": levels[-1],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--each", type=int, default=24)
    parser.add_argument("--jobs", type=int, default=100_000)
    options = parser.parse_args()
    if options.quick:
        options.each, options.jobs = 2, 2_000
    workers = (1, 4) if options.quick else (1, 2, 4, 8, 16, 32, 64)
    report = Report("scale", vars(options))
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
