"""A batch next to its lower bound, and to the two clients one would write by hand.

Run it with `python benchmarks/batch.py`; `--quick` takes fewer jobs. The client speaks both
generations of the API, what is by hand the first one. Client and local service run in one process,
over real connections, in virtual time (see `_virtual_time.py`): all figures are seconds that a
batch would take if nothing but waiting took time. The limits are the published ones; every request
takes a round trip, and every transfer of a recording some more.

The lower bound is the first recording's way in, plus the server's processing, plus the last
result's way out; or what the rate limits allow, whichever is longer.
"""

import argparse
import asyncio
import base64
import hashlib
import sys
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import attrs
from _files import memory_folder
from _report import Report
from _virtual_time import LoopClock, in_virtual_time
from yarl import URL

from audio_enhance import ApiVersion, EnhanceClient, RateLimits
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

ROUND_TRIP = 0.05
TRANSFER = 0.5
INTERVAL = 5.0  # the usual fixed wait between two questions
CREATIONS = 100  # a minute, two for each job
SECONDS_PER_MIB = 100.0


@attrs.frozen
class Kind:
    """Recordings: how many, and how long the server takes for a short and for a long one.

    Attributes:
        by_hand: Whether the ways by hand are measured, too: they ask so often that a large
            batch would take them hours even in virtual time.
    """

    name: str
    jobs: int
    shortest: float
    longest: float
    by_hand: bool = True

    def seconds(self, number: int) -> float:
        """Return how long the server takes for a recording; every third one is long."""
        return self.longest if number % 3 == 0 else self.shortest

    @property
    def bound(self) -> float:
        """The least seconds in which anybody could have all results."""
        way_in = 4 * ROUND_TRIP + TRANSFER  # create, send, confirm, ask for the enhancement
        way_out = 2 * ROUND_TRIP + TRANSFER  # be redirected, fetch
        processing = [self.seconds(number) for number in range(self.jobs)]
        # Two creations each: so many jobs at most can be asked for in a minute, and the others,
        # in order of arrival, are not begun before the next one.
        a_minute = CREATIONS // 2
        limited = max(
            begun / a_minute * 60.0 + ROUND_TRIP + sum(processing[begun:])
            for begun in range(0, self.jobs, a_minute)
        )
        return max(way_in + sum(processing), limited) + way_out


class DistantConnector(aiohttp.TCPConnector):
    """Adds a network to the loopback: a round trip to each request, more to each transfer."""

    def __init__(self, store_url: str) -> None:
        # aiohttp's own annotation of one of its other parameters is incomplete.
        super().__init__(limit=0)  # pyright: ignore[reportUnknownMemberType]
        self._store = urlsplit(store_url).port

    async def connect(self, req: Any, *args: Any, **options: Any) -> Any:
        await asyncio.sleep(ROUND_TRIP + (TRANSFER if req.url.port == self._store else 0.0))
        return await super().connect(req, *args, **options)


def recordings(folder: Path, kind: Kind) -> list[Path]:
    """Write recordings whose lengths decide how long the server takes."""
    folder.mkdir()
    paths: list[Path] = []
    for number in range(kind.jobs):
        size = int(kind.seconds(number) / SECONDS_PER_MIB * (1 << 20))
        path = folder / f"{number:05}.wav"
        path.write_bytes(f"RIFF{number:08}".encode().ljust(size, b"."))
        paths.append(path)
    return paths


async def ours(
    service: LocalService,
    http: aiohttp.ClientSession,
    folder: Path,
    paths: list[Path],
    *,
    version: ApiVersion = "v1",
) -> None:
    clock = LoopClock()
    async with EnhanceClient(
        service.credentials,
        base_url=service.base_url,
        api_version=version,
        session=http,
        clock=clock,
        limits=RateLimits(clock=clock),
    ) as client:
        report = await client.enhance_batch(paths, strength=93, output_dir=folder)
        assert report.ok, report.failed[0].error


class ByHand:
    """The five steps as one would write them with aiohttp."""

    def __init__(self, service: LocalService, http: aiohttp.ClientSession, folder: Path) -> None:
        self._root = f"{service.base_url}/audio_services/v1/assets"
        self._http = http
        self._headers = {
            "Authorization": f"Bearer {service.issue_token(service.client_id)}",
            "x-api-key": service.client_id,
        }
        self._folder = folder

    async def _json(self, method: str, url: str, **body: Any) -> Any:
        while True:
            async with self._http.request(method, url, headers=self._headers, **body) as answer:
                if answer.status != 429:
                    answer.raise_for_status()
                    return await answer.json()
            await asyncio.sleep(float(answer.headers["retry-after"]))

    async def _send(self, path: Path) -> str:
        data = path.read_bytes()
        checksum = base64.b64encode(hashlib.md5(data).digest()).decode()
        described = {
            "filename": path.name,
            "byte_size": len(data),
            "checksum": checksum,
            "content_type": "audio/wav",
        }
        asset = await self._json("POST", self._root, json=described)
        headers = {"Content-MD5": checksum, "Content-Type": "audio/wav"}
        url = URL(asset["upload_url"], encoded=True)
        async with self._http.put(url, data=data, headers=headers) as answer:
            answer.raise_for_status()
        await self._json("GET", f"{self._root}/{asset['id']}")
        return str(asset["id"])

    async def _fetch(self, url: str, path: Path) -> None:
        while True:
            async with self._http.get(url, headers=self._headers, allow_redirects=False) as answer:
                if answer.status != 429:
                    target = URL(answer.headers["Location"], encoded=True)
                    break
            await asyncio.sleep(float(answer.headers["retry-after"]))
        async with self._http.get(target) as answer:
            answer.raise_for_status()
            (self._folder / path.name).write_bytes(await answer.read())

    async def enhance(self, path: Path) -> None:
        """Do all of it."""
        url = f"{self._root}/{await self._send(path)}/speech_enhancements"
        enhancement = await self._json("POST", url, json={"strength": 93})
        while enhancement["status"] != "succeeded":
            await asyncio.sleep(INTERVAL)
            enhancement = await self._json("GET", f"{url}/{enhancement['id']}")
        await self._fetch(enhancement["download_url"], path)


async def one_by_one(
    service: LocalService, http: aiohttp.ClientSession, folder: Path, paths: list[Path]
) -> None:
    by_hand = ByHand(service, http, folder)
    for path in paths:
        await by_hand.enhance(path)


async def all_at_once(
    service: LocalService, http: aiohttp.ClientSession, folder: Path, paths: list[Path]
) -> None:
    by_hand = ByHand(service, http, folder)
    await asyncio.gather(*[by_hand.enhance(path) for path in paths])


Way = Callable[[LocalService, aiohttp.ClientSession, Path, list[Path]], Awaitable[None]]
OURS: dict[str, Way] = {
    "audio-enhance": ours,
    "audio-enhance, v2 of the API": partial(ours, version="v2"),
}
WAYS: dict[str, Way] = {
    **OURS,
    "by hand, one after another": one_by_one,
    "by hand, all at once (gather)": all_at_once,
}


async def measure(kind: Kind, way: str, folder: Path, paths: list[Path]) -> dict[str, Any]:
    """Run a batch one way, against a service of its own."""
    results = folder / way
    results.mkdir()
    loop = asyncio.get_running_loop()
    async with (
        LocalService(
            folder / f"service of {way}",
            enhancer=Rehearsal(seconds_per_mib=SECONDS_PER_MIB),
            clock=loop.time,
        ) as service,
        aiohttp.ClientSession(connector=DistantConnector(service.s3_url)) as http,
    ):
        began, real = loop.time(), time.perf_counter()
        await WAYS[way](service, http, results, paths)
        took, real = loop.time() - began, time.perf_counter() - real
        assert len(list(results.iterdir())) == kind.jobs
        polls = service.count("GET /speech_enhancements/:id")
        return {
            "jobs": kind.jobs,
            "kind": f"{kind.name}, {kind.shortest:g} to {kind.longest:g} s",
            "way": way,
            "seconds": took,
            "lower bound": kind.bound,
            "ratio": round(took / kind.bound, 3),
            "polls/job": polls / kind.jobs,
            "429s": service.count(status=429),
            "requests/job": service.count() / kind.jobs,
            "real s": real,
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    if parser.parse_args().quick:
        kinds = [
            Kind("long", 10, 60, 120),
            Kind("mixed", 30, 2, 40),
            Kind("short", 100, 0.5, 1),
            Kind("short", 500, 0.5, 1, by_hand=False),
        ]
    else:
        kinds = [
            Kind("long", 10, 60, 120),
            Kind("long", 100, 60, 120, by_hand=False),
            Kind("mixed", 100, 2, 40),
            Kind("mixed", 1_000, 2, 40, by_hand=False),
            Kind("short", 100, 0.5, 1),
            Kind("short", 300, 0.5, 1),
            Kind("short", 1_000, 0.5, 1, by_hand=False),
            Kind("short", 10_000, 0.5, 1, by_hand=False),
        ]
    report = Report(
        "batch",
        {
            "round trip": ROUND_TRIP,
            "seconds for a transfer": TRANSFER,
            "interval by hand": INTERVAL,
            "time": "virtual",
        },
    )
    report.notes += [
        "seconds of virtual time: only waiting takes any; 'real s' is what the machine took",
        "the requests' round trips and the transfers are simulated, the limits are the published",
    ]
    for kind in kinds:
        with memory_folder() as folder:
            paths = recordings(folder / "recordings", kind)
            for way in WAYS if kind.by_hand else OURS:
                row = in_virtual_time(measure(kind, way, folder, paths))
                report.add("batch", row)
                print(".", end="", flush=True, file=sys.stderr)
                if way in OURS:
                    what = f"{kind.jobs} {kind.name}, {way.partition(', ')[2] or 'v1 of the API'}"
                    report.aim(f"{what}: time / lower bound", row["ratio"], 1.03)
                    report.aim(f"{what}: polls a job", row["polls/job"], 2.0)
                    report.aim(f"{what}: answers 429", row["429s"], 0)
    report.finish()


if __name__ == "__main__":
    main()
