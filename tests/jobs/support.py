"""A local service and a client of it whose time runs many times as fast as ours."""

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from attrs import define, field

from audio_enhance import BatchReport, EnhanceClient, Outcome, PollPolicy, RateLimits
from audio_enhance._settings import Auth
from audio_enhance.local import Behaviour, Faults, LocalService, RequestRecord
from audio_enhance.local.enhancer import Rehearsal
from tests.support.resources import other_tasks
from tests.support.virtual_time import LoopClock, VirtualLoop

CREATE_ASSET = "POST /assets"
GET_ASSET = "GET /assets/:id"
CREATE = "POST /speech_enhancements"
POLL = "GET /speech_enhancements/:id"
LOCATE = "GET /speech_enhancements/:id/download"
PUT = "PUT /object"
GET = "GET /object"
TOKEN = "POST /ims/token/v3"

# Notices every end soon, for tests of what happens right after one.
EAGER = PollPolicy(longest=0.5)

# More than any test asks for, where limits are not what it is about.
UNLIMITED = 1_000_000


class FastClock:
    """The machine's clock, so many times as fast; for both sides of the wire."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self._began = time.monotonic()
        self._epoch = time.time()

    def monotonic(self) -> float:
        return self._began + (time.monotonic() - self._began) * self.speed

    def time(self) -> float:
        return self._epoch + self.monotonic() - self._began

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


def unlimited(**changes: Any) -> Behaviour:
    """The service's behaviour without rate limits, with URLs that outlast a slow machine."""
    settings: dict[str, Any] = {
        "creations_per_minute": UNLIMITED,
        "others_per_minute": UNLIMITED,
        "upload_url_seconds": 1e5,
        "download_url_seconds": 1e5,
        "session_seconds": 1e5,
    }
    return Behaviour(**(settings | changes))


@define(eq=False)
class Bench:
    """A service, a client of it, and a folder to work in.

    Attributes:
        data: What was written into each source.
    """

    service: LocalService
    client: EnhanceClient
    clock: FastClock | LoopClock
    folder: Path
    data: dict[Path, bytes] = field(factory=dict[Path, bytes])

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def journal(self) -> Path:
        return self.folder / "batch.sqlite"

    def source(self, name: str, data: bytes | None = None, *, size: int = 400) -> Path:
        """Write a recording, with content of its own unless some is given."""
        path = self.folder / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            data = f"ID3 {name} ".encode().ljust(size, b"\x55")
        path.write_bytes(data)
        self.data[path] = data
        return path

    def sources(self, count: int, *, size: int = 400, stem: str = "talk") -> list[Path]:
        """Write so many recordings."""
        return [self.source(f"{stem}-{n:05}.mp3", size=size) for n in range(count)]

    def count(self, route: str, status: int | None = None) -> int:
        """Return how many requests there were to a route."""
        return self.service.count(route, status)

    def requests(self, route: str) -> list[RequestRecord]:
        """Return the requests to a route."""
        return [record for record in self.service.record if record.route == route]

    @property
    def too_many(self) -> int:
        """How many requests were refused with 429."""
        return self.service.count(status=429)

    async def forget(self) -> None:
        """Let the client begin anew: what it remembers of uploads and enhancements is gone."""
        await self.client.aclose()
        await self.client.__aenter__()

    def another(self, auth: Auth | Sequence[Auth], **options: Any) -> EnhanceClient:
        """Return another client of the same service."""
        limits = RateLimits(
            creations_per_minute=UNLIMITED, others_per_minute=UNLIMITED, clock=self.clock
        )
        settings: dict[str, Any] = {"limits": limits, "clock": self.clock}
        return EnhanceClient(auth, base_url=self.service.base_url, **(settings | options))

    async def batch(
        self, sources: Iterable[Any], strength: Any = 93, **options: Any
    ) -> BatchReport:
        """Enhance a batch into the usual folder."""
        settings: dict[str, Any] = {"strength": strength, "output_dir": self.out}
        return await self.client.enhance_batch(sources, **(settings | options))

    def check(self, outcomes: Iterable[Outcome]) -> None:
        """Every outcome is a success with the right bytes in a file of its own."""
        outcomes = list(outcomes)
        paths: set[Path] = set()
        for outcome in outcomes:
            assert outcome.ok, outcome.error
            assert outcome.path is not None
            assert outcome.path not in paths, f"{outcome.path} twice"
            paths.add(outcome.path)
            assert isinstance(outcome.source, Path)
            expected = Rehearsal.expected(self.data[outcome.source], outcome.strength)
            assert outcome.path.read_bytes() == expected, outcome.path
        assert paths <= files_below(self.out)

    def most_in_any(self, seconds: float, routes: Iterable[str]) -> int:
        """Return the most requests to some routes that arrived within so many seconds."""
        wanted = set(routes)
        times = [record.time for record in self.service.record if record.route in wanted]
        most = first = 0
        for last, at in enumerate(times):
            while at - times[first] >= seconds:
                first += 1
            most = max(most, last - first + 1)
        return most


def rows(b: Bench) -> dict[tuple[str, int], dict[str, object]]:
    """Return what is in the journal, by the name of the source and the strength."""
    with sqlite3.connect(b.journal) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute("SELECT * FROM entries ORDER BY id").fetchall()
    connection.close()
    return {(Path(row["source"]).name, row["strength"]): dict(row) for row in found}


class Counted:
    """Sources that count how many of them were pulled."""

    def __init__(self, sources: Iterable[Any]) -> None:
        self._sources = sources
        self.pulled = 0

    def __iter__(self) -> Iterator[Any]:
        for source in self._sources:
            self.pulled += 1
            yield source

    async def until(self, pulled: int) -> None:
        """Wait until so many are pulled, and then long enough for more to be."""
        async with asyncio.timeout(600):
            while self.pulled < pulled:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)


def files_below(folder: Path) -> set[Path]:
    """Return the files below a folder."""
    return {path for path in folder.rglob("*") if path.is_file()}


def client_tasks() -> set["asyncio.Task[Any]"]:
    """Return the unfinished tasks of the client's, without those of the service or a test."""
    return {task for task in other_tasks() if _is_the_clients(task)}


def _is_the_clients(task: "asyncio.Task[Any]") -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    if code is None:
        return True
    # The service makes tasks of its threads' work, the client does not.
    return code.co_name != "to_thread" and not any(
        part in code.co_filename for part in ("aiohttp/web", "audio_enhance/local")
    )


def statuses(outcomes: Iterable[Outcome]) -> Counter[str]:
    """Return how many outcomes there are of each status."""
    return Counter(outcome.status for outcome in outcomes)


@asynccontextmanager
async def bench(
    folder: Path,
    *,
    speed: float = 20.0,
    seconds: float = 0.0,
    seconds_per_mib: float = 0.0,
    enhancer: Rehearsal | None = None,
    behaviour: Behaviour | None = None,
    faults: Faults | None = None,
    limits: RateLimits | None = None,
    debug: bool = True,
    **client: Any,
) -> AsyncGenerator[Bench]:
    """A service that takes so many seconds for a recording, and a client of it.

    The client's limits are the service's unless others are given. Asyncio's debug mode, where the
    run has it, can be left out where what counts is what the server sees: it takes long.
    """
    if not debug:
        asyncio.get_running_loop().set_debug(False)
    virtual = isinstance(asyncio.get_running_loop(), VirtualLoop)
    clock = LoopClock() if virtual else FastClock(speed)
    behaviour = behaviour or unlimited()
    limits = limits or RateLimits(
        creations_per_minute=behaviour.creations_per_minute,
        others_per_minute=behaviour.others_per_minute,
        clock=clock,
    )
    async with LocalService(
        behaviour=behaviour,
        faults=faults,
        enhancer=enhancer
        or Rehearsal(seconds=seconds, seconds_per_mib=seconds_per_mib, sleep=clock.sleep),
        clock=clock.monotonic,
    ) as service:
        options: dict[str, Any] = {"auth": service.credentials, "limits": limits, "clock": clock}
        async with EnhanceClient(base_url=service.base_url, **(options | client)) as client_:
            yield Bench(service, client_, clock, folder)
