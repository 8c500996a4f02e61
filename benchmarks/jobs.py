"""What a job costs, from 100 to 100,000 of them, next to the same requests made by hand.

Run it with `python benchmarks/jobs.py`; `--quick` stops at 2,000 jobs. The server answers at
once, so there is nothing to wait for: what is measured is the client's own work, from a file on
disk to a file on disk, or to a result that is left at the server. Its clock runs 600 times as fast
as the machine's, and its rate limits are out of reach, for the same reason.

`--calls` counts function calls, tasks, futures and turns of the event loop instead of time: what
else the machine does makes no difference to them.
"""

import argparse
import asyncio
import base64
import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from _calls import Calls
from _counting_server import CountingServer, running_server
from _files import memory_folder
from _measure import Meter, run_script
from _report import Report

_SPEED = 600.0
_SIZE = 4096
_AT_ONCE = 8
_WARM_UP = 20
_COUNTED = 200
_OURS = ("audio-enhance, to files", "audio-enhance, left at the server")
_BARE = ("bare aiohttp, to files", "bare aiohttp, left at the server")


class FastClock:
    """The machine's clock, faster."""

    def monotonic(self) -> float:
        return time.monotonic() * _SPEED

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / _SPEED)


def recordings(folder: Path, jobs: int) -> Iterator[Path]:
    """Yield where the recordings are, one by one."""
    return (folder / f"{number:06}.wav" for number in range(jobs))


def record(folder: Path, jobs: int) -> None:
    """Write recordings, each of its own content."""
    for number, path in enumerate(recordings(folder, jobs)):
        path.write_bytes(f"RIFF{number:012}".encode().ljust(_SIZE, b"."))


async def ours(url: str, paths: Iterator[Path], folder: Path | None) -> None:
    """Enhance a batch, or, without a folder, submit jobs and await them."""
    from audio_enhance import ClientCredentials, EnhanceClient, RateLimits

    clock = FastClock()
    many = 1_000_000_000
    async with EnhanceClient(
        ClientCredentials("id", "secret", token_url=f"{url}/ims/token/v3"),
        base_url=url,
        clock=clock,
        limits=RateLimits(creations_per_minute=many, others_per_minute=many, clock=clock),
    ) as client:
        if folder is not None:
            async for outcome in client.enhance_as_completed(paths, strength=93, output_dir=folder):
                assert outcome.path is not None, outcome.error
                outcome.path.unlink()
            return

        async def worker() -> None:
            for path in paths:
                await (await client.submit(path, strength=93))

        await asyncio.gather(*[worker() for _ in range(4 * _AT_ONCE)])


async def bare(url: str, paths: Iterator[Path], folder: Path | None) -> None:
    """Make the same requests, a few at a time, with nothing around them."""
    import aiofiles
    import aiofiles.os
    import aiohttp
    import yarl

    root = f"{url}/audio_services/v1/assets"
    headers = {"Authorization": "Bearer t", "x-api-key": "id"}
    async with aiohttp.ClientSession() as session:

        async def answer(method: str, where: str, body: Any = None) -> Any:
            async with session.request(method, where, json=body, headers=headers) as response:
                response.raise_for_status()
                return await response.json()

        async def one(path: Path) -> None:
            async with aiofiles.open(path, "rb") as file:
                data = await file.read()
            checksum = base64.b64encode(hashlib.md5(data).digest()).decode()
            asset = await answer(
                "POST",
                root,
                {
                    "filename": path.name,
                    "byte_size": len(data),
                    "checksum": checksum,
                    "content_type": "audio/wav",
                },
            )
            async with session.put(
                yarl.URL(asset["upload_url"], encoded=True),
                data=data,
                headers={"Content-MD5": checksum, "Content-Type": "audio/wav"},
            ) as response:
                response.raise_for_status()
            asset = await answer("GET", f"{root}/{asset['id']}")
            assert asset["status"] == "ready_for_processing"
            enhancements = f"{root}/{asset['id']}/speech_enhancements"
            enhancement = await answer("POST", enhancements, {"strength": 93})
            enhancement = await answer("GET", f"{enhancements}/{enhancement['id']}")
            assert enhancement["status"] == "succeeded"
            if folder is not None:
                await fetch(enhancement["download_url"], folder / path.name)

        async def fetch(url: str, path: Path) -> None:
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                where = response.headers["Location"]
            part = f"{path}.part"
            async with session.get(yarl.URL(where, encoded=True)) as response:
                response.raise_for_status()
                async with aiofiles.open(part, "wb") as file:
                    async for piece in response.content.iter_chunked(1 << 16):
                        await file.write(piece)
            await aiofiles.os.replace(part, path)
            path.unlink()

        async def worker() -> None:
            for path in paths:
                await one(path)

        await asyncio.gather(*[worker() for _ in range(_AT_ONCE)])


async def measure(way: str, url: str, sources: Path, jobs: int, meter: Meter | Calls) -> None:
    """Do so many jobs one way, after a few that nobody measures."""
    work = ours if way in _OURS else bare
    with memory_folder() as results:
        folder = results if way.endswith("files") else None
        await work(url, recordings(sources, _WARM_UP), folder)
        with meter:
            await work(url, recordings(sources, jobs), folder)


def compare(
    report: Report, server: CountingServer, sources: Path, jobs: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Measure every way in turn, several times."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in (*_OURS, *_BARE)}
    for _ in range(rounds):
        for way, said in found.items():
            server.counts()
            figures = run_script(
                __file__, "--one", "time", way, server.url, str(sources), str(jobs)
            )
            counts = server.counts()
            figures["requests"] = sum(counts.values()) / (jobs + _WARM_UP)
            figures["polls"] = counts["GET enhancement"] / (jobs + _WARM_UP)
            said.append(figures)
            print(".", end="", flush=True, file=sys.stderr)
    middle: dict[str, dict[str, float]] = {}
    for way, said in found.items():
        middle[way] = {name: median(each[name] for each in said) for name in said[0]}
        against = found[_bare_of(way)]
        ratio = median(one["cpu"] / other["cpu"] for one, other in zip(said, against, strict=True))
        middle[way]["ratio"] = ratio
        report.add(
            "jobs",
            {
                "jobs": jobs,
                "way": way,
                "CPU ms/job": middle[way]["cpu"] / jobs * 1000,
                "/ bare": ratio,
                "requests/job": middle[way]["requests"],
                "polls/job": middle[way]["polls"],
                "memory MiB": middle[way]["peak_mib"],
                "jobs/s": jobs / middle[way]["wall"],
            },
        )
    return middle


def count(report: Report, server: CountingServer, sources: Path) -> None:
    """Count what is called for one job, every way."""
    found: dict[str, dict[str, float]] = {
        way: run_script(__file__, "--one", "calls", way, server.url, str(sources), str(_COUNTED))
        for way in (*_OURS, *_BARE)
    }
    for way, counted in found.items():
        per_job = {name: number / _COUNTED for name, number in counted.items() if name != "whole"}
        ratio = counted["calls"] / found[_bare_of(way)]["calls"]
        report.add("for each job", {"way": way, **per_job, "calls / bare": ratio})


def _bare_of(way: str) -> str:
    return _BARE[0] if way.endswith("files") else _BARE[1]


def one(what: str, way: str, url: str, sources: str, jobs: str) -> None:
    """Measure one way, in this process, and say what came of it."""
    meter = Meter() if what == "time" else Calls()
    asyncio.run(measure(way, url, Path(sources), int(jobs), meter))
    print(json.dumps(meter.as_json()))


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        one(*sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--calls", action="store_true", help="count calls instead of time")
    options = parser.parse_args()
    sizes = {100: 5, 2_000: 3} if options.quick else {100: 7, 1_000: 5, 10_000: 3, 100_000: 1}
    report = Report("jobs", {"bytes": _SIZE, "clock": f"{_SPEED:g} times as fast"})
    report.notes += [
        "medians; recordings and results are on a disk in memory",
        "by hand: recordings are read, and results written and then renamed, with aiofiles",
    ]
    with running_server() as server, memory_folder() as sources:
        record(sources, _COUNTED if options.calls else max(sizes))
        if options.calls:
            report.name = "calls"
            report.notes.append("of Python and C functions, in all threads")
            count(report, server, sources)
            report.finish()
            return
        report.notes.append("memory: the most beyond that after a warm-up of 20 jobs")
        found = {
            jobs: compare(report, server, sources, jobs, rounds) for jobs, rounds in sizes.items()
        }
    fewest, most = min(sizes), max(sizes)
    for way in _OURS:
        ratio = max(figures[way]["ratio"] for figures in found.values())
        report.aim(f"CPU per job, {way} / bare aiohttp", ratio, 1.3)
        flat = (found[most][way]["cpu"] / most) / (found[fewest][way]["cpu"] / fewest)
        report.aim(f"CPU per job, {way}, {most} / {fewest} jobs", flat, 1.05)
    report.finish()


if __name__ == "__main__":
    main()
