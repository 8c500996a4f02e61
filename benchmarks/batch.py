"""A batch next to its lower bound, and to the two clients one would write by hand.

Run it with `python benchmarks/batch.py`; `--quick` takes fewer jobs. Everything that waits, on
both sides of the wire, waits on a clock that runs twenty times as fast as the machine's:
figures are in that clock's seconds, so the HTTP itself looks twenty times as slow as it is.

The lower bound is the first asset's way in, plus the server's processing, plus the last result's
way out; or what the published rate limits allow, whichever is longer.
"""

import argparse
import asyncio
import base64
import hashlib
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import attrs
from _report import Report
from yarl import URL

from audio_enhance import EnhanceClient, RateLimits
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

SPEED = 20.0
INTERVAL = 5.0  # the usual fixed wait between two questions
LIMIT = 100  # creations a minute


class FastClock:
    def __init__(self) -> None:
        self._began = time.monotonic()

    def monotonic(self) -> float:
        return self._began + (time.monotonic() - self._began) * SPEED

    def time(self) -> float:
        return time.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / SPEED)


@attrs.frozen
class Kind:
    """Recordings: how many, and how long the server takes for a small and for a large one."""

    name: str
    jobs: int
    small: float
    large: float


def recordings(folder: Path, kind: Kind) -> list[Path]:
    paths: list[Path] = []
    for number in range(kind.jobs):
        seconds = kind.large if number % 3 == 0 else kind.small
        # A recording's length decides its time: one MiB is a hundred seconds.
        size = max(64, int(seconds / 100 * (1 << 20)))
        path = folder / f"{number:05}.wav"
        path.write_bytes(f"RIFF{number:08}".encode().ljust(size, b"."))
        paths.append(path)
    return paths


class ByHand:
    """The five steps as one would write them with aiohttp."""

    def __init__(self, service: LocalService, clock: FastClock, folder: Path) -> None:
        self.clock = clock
        self.root = f"{service.base_url}/audio_services/v1/assets"
        self.headers = {
            "Authorization": f"Bearer {service.issue_token(service.client_id)}",
            "x-api-key": service.client_id,
        }
        self.folder = folder

    async def json(self, http: aiohttp.ClientSession, method: str, url: str, **body: Any) -> Any:
        while True:
            async with http.request(method, url, headers=self.headers, **body) as answer:
                if answer.status == 429:
                    await self.clock.sleep(float(answer.headers["retry-after"]))
                    continue
                answer.raise_for_status()
                return await answer.json()

    async def send(self, http: aiohttp.ClientSession, path: Path) -> str:
        data = path.read_bytes()
        checksum = base64.b64encode(hashlib.md5(data).digest()).decode()
        described = {
            "filename": path.name,
            "byte_size": len(data),
            "checksum": checksum,
            "content_type": "audio/wav",
        }
        asset = await self.json(http, "POST", self.root, json=described)
        headers = {"Content-MD5": checksum, "Content-Type": "audio/wav"}
        url = URL(asset["upload_url"], encoded=True)
        async with http.put(url, data=data, headers=headers) as answer:
            answer.raise_for_status()
        await self.json(http, "GET", f"{self.root}/{asset['id']}")
        return str(asset["id"])

    async def fetch(self, http: aiohttp.ClientSession, url: str, path: Path) -> None:
        async with http.get(url, headers=self.headers, allow_redirects=False) as answer:
            target = URL(answer.headers["Location"], encoded=True)
        async with http.get(target) as answer:
            (self.folder / path.name).write_bytes(await answer.read())

    async def one(self, http: aiohttp.ClientSession, path: Path) -> None:
        asset = await self.send(http, path)
        url = f"{self.root}/{asset}/speech_enhancements"
        enhancement = await self.json(http, "POST", url, json={"strength": 93})
        while enhancement["status"] != "succeeded":
            await self.clock.sleep(INTERVAL)
            enhancement = await self.json(http, "GET", f"{url}/{enhancement['id']}")
        await self.fetch(http, enhancement["download_url"], path)


async def ways(service: LocalService, clock: FastClock, folder: Path, path: Path) -> float:
    """Measure a first asset's way in and a last result's way out, in the clock's seconds."""
    by_hand = ByHand(service, clock, folder)
    async with aiohttp.ClientSession() as http:
        began = clock.monotonic()
        asset = await by_hand.send(http, path)
        url = f"{by_hand.root}/{asset}/speech_enhancements"
        enhancement = await by_hand.json(http, "POST", url, json={"strength": 93})
        way_in = clock.monotonic() - began
        while enhancement["status"] != "succeeded":
            await asyncio.sleep(0.001)
            enhancement = await by_hand.json(http, "GET", f"{url}/{enhancement['id']}")
        began = clock.monotonic()
        await by_hand.fetch(http, enhancement["download_url"], path)
        return way_in + clock.monotonic() - began


async def ours(service: LocalService, clock: FastClock, folder: Path, paths: list[Path]) -> None:
    async with EnhanceClient(
        service.credentials,
        base_url=service.base_url,
        clock=clock,
        limits=RateLimits(clock=clock),
    ) as client:
        report = await client.enhance_batch(paths, strength=93, output_dir=folder)
        assert report.ok, report.failed[0].error


async def one_by_one(
    service: LocalService, clock: FastClock, folder: Path, paths: list[Path]
) -> None:
    by_hand = ByHand(service, clock, folder)
    async with aiohttp.ClientSession() as http:
        for path in paths:
            await by_hand.one(http, path)


async def all_at_once(
    service: LocalService, clock: FastClock, folder: Path, paths: list[Path]
) -> None:
    by_hand = ByHand(service, clock, folder)
    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*[by_hand.one(http, path) for path in paths])


Way = Callable[[LocalService, FastClock, Path, list[Path]], Awaitable[None]]
WAYS: dict[str, Way] = {
    "ours": ours,
    "one after another": one_by_one,
    "all at once (gather)": all_at_once,
}


async def measure(kind: Kind, name: str, folder: Path, paths: list[Path]) -> dict[str, Any]:
    clock = FastClock()
    enhancer = Rehearsal(seconds=0.0, seconds_per_mib=100.0, sleep=clock.sleep)
    results = Path(tempfile.mkdtemp(dir=folder))
    async with LocalService(enhancer=enhancer, clock=clock.monotonic) as service:
        on_the_way = await ways(service, clock, results, paths[0])
        await clock.sleep(61)  # the limits' windows are empty again
        spent = service.queue_usage().busy_seconds
        polls = service.count("GET /speech_enhancements/:id")
        refused = service.count(status=429)
        began, cpu = clock.monotonic(), time.process_time()
        await WAYS[name](service, clock, results, paths)
        took, cpu = clock.monotonic() - began, time.process_time() - cpu
        processing = service.queue_usage().busy_seconds - spent
        limited = (2 * kind.jobs - 1) // LIMIT * 60.0
        bound = max(on_the_way + processing, limited)
        return {
            "jobs": f"{kind.jobs} {kind.name}",
            "way": name,
            "seconds": round(took, 1),
            "lower bound": round(bound, 1),
            "ratio": round(took / bound, 3),
            "polls a job": round(
                (service.count("GET /speech_enhancements/:id") - polls) / kind.jobs, 2
            ),
            "429s": service.count(status=429) - refused,
            "cpu ms a job": round(cpu / kind.jobs * 1000, 1),
        }


async def main(kinds: list[Kind]) -> None:
    report = Report(
        "batch",
        {"speed": SPEED, "interval": INTERVAL},
        notes=["The CPU time is that of client and service together."],
    )
    for kind in kinds:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            paths = recordings(folder, kind)
            for way in WAYS:
                row = await measure(kind, way, folder, paths)
                report.add("batch", row)
                print(row, flush=True)
                if way == "ours":
                    report.aim(f"{row['jobs']}: time over lower bound", row["ratio"], 1.03)
                    report.aim(f"{row['jobs']}: polls a job", row["polls a job"], 2.0)
                    report.aim(f"{row['jobs']}: answers 429", row["429s"], 0)
    report.finish()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer jobs")
    if parser.parse_args().quick:
        sizes = [Kind("long", 10, 23, 58), Kind("mixed", 20, 2, 31), Kind("short", 75, 0.4, 1.1)]
    else:
        sizes = [
            Kind("long", 10, 63, 128),
            Kind("mixed", 100, 2, 41),
            Kind("short", 300, 0.4, 1.1),
            Kind("short", 1000, 0.4, 1.1),
        ]
    asyncio.run(main(sizes))
