"""What a job costs, from 100 to 100,000 of them, next to the same requests made by hand.

Run it with `python benchmarks/jobs.py`; `--quick` stops at 2,000 jobs. The server answers at
once, so there is nothing to wait for: what is measured is the client's own work. Its clock runs
600 times as fast as the machine's, and its rate limits are out of reach, for the same reason.
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

from _counting_server import CountingServer, running_server
from _files import memory_folder
from _measure import Meter, run_script
from _report import Report

_SPEED = 600.0
_SIZE = 4096
_AT_ONCE = 8
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


def recordings(jobs: int) -> Iterator[tuple[str, bytes]]:
    """Yield names and contents, each of its own, one by one."""
    for number in range(jobs):
        yield f"{number:06}.wav", f"RIFF{number:012}".encode().ljust(_SIZE, b".")


async def ours(url: str, jobs: int, folder: Path | None) -> None:
    """Enhance a batch, or, without a folder, submit jobs and await them."""
    from audio_enhance import ClientCredentials, EnhanceClient, RateLimits, Source

    clock = FastClock()
    many = 1_000_000_000
    async with EnhanceClient(
        ClientCredentials("id", "secret", token_url=f"{url}/ims/token/v3"),
        base_url=url,
        clock=clock,
        limits=RateLimits(creations_per_minute=many, others_per_minute=many, clock=clock),
    ) as client:
        sources = (Source.from_bytes(data, name) for name, data in recordings(jobs))
        if folder is not None:
            async for outcome in client.enhance_as_completed(
                sources, strength=93, output_dir=folder
            ):
                assert outcome.path is not None, outcome.error
                outcome.path.unlink()
            return

        async def worker() -> None:
            for source in sources:
                await (await client.submit(source, strength=93))

        await asyncio.gather(*[worker() for _ in range(4 * _AT_ONCE)])


async def bare(url: str, jobs: int, folder: Path | None) -> None:
    """Make the same requests, a few at a time, with nothing around them."""
    import aiofiles
    import aiohttp
    import yarl

    root = f"{url}/audio_services/v1/assets"
    headers = {"Authorization": "Bearer t", "x-api-key": "id"}
    async with aiohttp.ClientSession() as session:

        async def answer(method: str, where: str, body: Any = None) -> Any:
            async with session.request(method, where, json=body, headers=headers) as response:
                response.raise_for_status()
                return await response.json()

        async def one(name: str, data: bytes) -> None:
            checksum = base64.b64encode(hashlib.md5(data).digest()).decode()
            asset = await answer(
                "POST",
                root,
                {
                    "filename": name,
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
            if folder is None:
                return
            async with session.get(
                enhancement["download_url"], headers=headers, allow_redirects=False
            ) as response:
                where = response.headers["Location"]
            async with session.get(yarl.URL(where, encoded=True)) as response:
                response.raise_for_status()
                path = folder / name
                async with aiofiles.open(path, "wb") as file:
                    async for piece in response.content.iter_chunked(1 << 16):
                        await file.write(piece)
            path.unlink()

        todo = recordings(jobs)

        async def worker() -> None:
            for name, data in todo:
                await one(name, data)

        await asyncio.gather(*[worker() for _ in range(_AT_ONCE)])


async def measure(way: str, url: str, jobs: int) -> Meter:
    work = ours if way in _OURS else bare
    with memory_folder() as memory:
        folder = memory if way.endswith("files") else None
        await work(url, 20, folder)  # to warm up
        with Meter() as meter:
            await work(url, jobs, folder)
    return meter


def compare(
    report: Report, server: CountingServer, jobs: int, rounds: int
) -> dict[str, dict[str, float]]:
    """Measure every way in turn, several times."""
    found: dict[str, list[dict[str, float]]] = {way: [] for way in (*_OURS, *_BARE)}
    for _ in range(rounds):
        for way, said in found.items():
            server.counts()
            figures = run_script(__file__, "--one", way, server.url, str(jobs))
            counts = server.counts()
            figures["requests"] = sum(counts.values()) / (jobs + 20)
            figures["polls"] = counts["GET enhancement"] / (jobs + 20)
            said.append(figures)
            print(".", end="", flush=True, file=sys.stderr)
    middle: dict[str, dict[str, float]] = {}
    for way, said in found.items():
        middle[way] = {name: median(each[name] for each in said) for name in said[0]}
        against = found[_BARE[0] if way.endswith("files") else _BARE[1]]
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


def main() -> None:
    if sys.argv[1:2] == ["--one"]:
        way, url, jobs = sys.argv[2:]
        print(json.dumps(asyncio.run(measure(way, url, int(jobs))).as_json()))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    sizes = {100: 5, 2_000: 3} if options.quick else {100: 7, 1_000: 5, 10_000: 3, 100_000: 1}
    report = Report("jobs", {"bytes": _SIZE, "clock": f"{_SPEED:g} times as fast"})
    report.notes += [
        "medians; 'to files' by hand writes with aiofiles, without checking or renaming anything",
        "memory: the most beyond that after a warm-up of 20 jobs",
    ]
    with running_server() as server:
        found = {jobs: compare(report, server, jobs, rounds) for jobs, rounds in sizes.items()}
    fewest, most = min(sizes), max(sizes)
    for way in _OURS:
        ratio = max(figures[way]["ratio"] for figures in found.values())
        report.aim(f"CPU per job, {way} / bare aiohttp", ratio, 1.3)
        flat = (found[most][way]["cpu"] / most) / (found[fewest][way]["cpu"] / fewest)
        report.aim(f"CPU per job, {way}, {most} / {fewest} jobs", flat, 1.05)
    report.finish()


if __name__ == "__main__":
    main()
