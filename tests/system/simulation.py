"""A client and a service in one process and one virtual time, and everything that may go wrong.

Whatever happens is drawn from a seed: recordings, faults, cancellations, crashes, and how long a
thread takes. What a thread is given to do, the journal's own as well, is done within the loop
instead, a little later. So the same seed is the same history, request by request.
"""

import asyncio
import random
import shutil
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar, TypeVarTuple, Unpack
from unittest import mock

from attrs import define, field

from audio_enhance import (
    BatchReport,
    EnhanceClient,
    EnhancementFailedError,
    EntryState,
    Journal,
    RetryPolicy,
)
from audio_enhance._journal import database
from audio_enhance._scheduler.window import _DEEPEST
from audio_enhance.local import Behaviour, Fault, Faults, LocalService
from audio_enhance.local.conditions import clock as service_clock
from audio_enhance.local.enhancer import Rehearsal
from tests.jobs.support import CREATE, Bench, bench, client_tasks, files_below, unlimited
from tests.support.resources import open_files, partial_files, settled_files
from tests.support.virtual_time import LoopClock, VirtualLoop

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

# What is tried again; the others end a job for good, and a lag is no probability.
KINDS = [
    Fault.RESET_BEFORE,
    Fault.RESET_AFTER,
    Fault.SERVER_ERROR,
    Fault.TOO_MANY_REQUESTS,
    Fault.SLOW_ANSWER,
    Fault.EXPIRED_URL,
    Fault.TRUNCATED_DOWNLOAD,
    Fault.SLOW_DOWNLOAD,
    Fault.CUT_UPLOAD,
    Fault.FAILED_ENHANCEMENT,
]


class SimulatedLoop(VirtualLoop):
    """A virtual loop whose threads are its own callbacks, each after a time that is drawn."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[_Ts]], _T], *args: *_Ts
    ) -> "asyncio.Future[_T]":
        future: asyncio.Future[_T] = self.create_future()

        def work() -> None:
            # Like a thread's, it is done whether or not somebody still waits for it.
            try:
                result = func(*args)
            except BaseException as error:  # noqa: BLE001  whoever waits for it is told
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_later(self._chance.uniform(0.0, 0.01), work)
        return future

    def begin(self) -> None:
        """Nobody is at work outside the loop."""

    def end(self) -> None:
        """Nobody was."""


class JournalThread:
    """The thread of a journal as callbacks of the loop: what came until one is its next work."""

    def __init__(self, chance: random.Random, *, target: Callable[[], None], **_: object) -> None:
        self._chance = chance
        self._database: Any = getattr(target, "__self__")  # noqa: B009  a bound method's own
        self._waiting: list[Any] = []

    def start(self) -> None:
        self._database._calls = self

    def join(self) -> None:
        assert not self._waiting

    def put(self, call: Any) -> None:
        if call is not None:
            self._waiting.append(call)
            loop = asyncio.get_running_loop()
            loop.call_later(self._chance.uniform(0.0, 0.01), self._work)

    def _work(self) -> None:
        calls, self._waiting = self._waiting, []
        if calls:
            self._database._perform(calls)
            database._deliver(calls)


@define
class Simulation:
    """One history.

    Attributes:
        excused: How many more enhancements there may be than needed: what was reported as extra or
            failed, and what was asked for at the moment of a crash.
    """

    seed: int
    bench: Bench
    chance: random.Random
    strengths: list[int]
    sources: list[Path] = field(factory=list[Path])
    excused: int = 0

    def write(self) -> None:
        """Write recordings, some of them of equal content."""
        for n in range(self.chance.randint(1, 6)):
            size = self.chance.choice([400, 20_000, 300_000])
            self.sources.append(self.bench.source(f"talk-{n}.mp3", size=size))
        if self.chance.random() < 0.3:
            twin = self.bench.data[self.sources[0]]
            self.sources.append(self.bench.source("again/twin.mp3", twin))

    async def run(self) -> None:
        """Cancel and crash some runs, let one come to its end, and look at what became of it."""
        b = self.bench
        for _ in range(self.chance.randint(0, 3)):
            crash = self.chance.random() < 0.5
            await self._stopped(self.chance.uniform(0.0, 12.0), crash=crash)
        report = await self._whole()
        for _ in range(20):
            self.excused += report.extra_enhancements + report.failed_enhancements
            if report.ok:
                break
            assert {type(outcome.error) for outcome in report.failed} <= {EnhancementFailedError}
            report = await self._whole()
        assert report.ok
        b.check(report)
        wanted = len(self.sources) * len(self.strengths)
        assert len(report) == wanted
        assert [(o.source, o.strength) for o in report] == [
            (source, strength) for source in self.sources for strength in self.strengths
        ]
        assert len(files_below(b.out)) == wanted
        self._check_what_was_paid()
        before = len(b.service.record)
        again = await self._whole()
        assert {outcome.status for outcome in again} == {"skipped"}
        assert len(b.service.record) == before

    async def _whole(self) -> BatchReport:
        async with self._client() as client:
            report = await client.enhance_batch(self.sources, **self._options)
        assert client_tasks() == set()
        assert partial_files(self.bench.folder) == []
        return report

    async def _stopped(self, after: float, *, crash: bool) -> None:
        """Cancel a run; one that crashed leaves files as they were the moment before."""
        b = self.bench
        shadow = b.folder.parent / f"{b.folder.name}-shadow"
        async with self._client() as client:
            running = asyncio.create_task(client.enhance_batch(self.sources, **self._options))
            await asyncio.wait([running], timeout=after)
            if crash:
                shutil.copytree(b.folder, shadow)
            stopped = asyncio.get_running_loop().time()
            running.cancel()
            await asyncio.wait([running])
        assert client_tasks() == set()
        if not crash:
            assert partial_files(b.folder) == []
        else:
            shutil.rmtree(b.folder)
            shadow.rename(b.folder)
            # One that has crashed asks for nothing more; this one did so while it was cancelled.
            self.excused += sum(r.status == 202 and r.time >= stopped for r in b.requests(CREATE))
        await self._excuse_what_nobody_knows()
        if not running.cancelled():
            report = running.result()
            self.excused += report.extra_enhancements + report.failed_enhancements

    async def _excuse_what_nobody_knows(self) -> None:
        """A run may end while it asks for an enhancement, and never know whether it was made.

        It does where it crashes, and where the answer takes longer than it is waited for.
        """
        if self.bench.journal.exists():
            async with await Journal.read(self.bench.journal) as journal:
                asking = [entry async for entry in journal.entries(EntryState.SUBMITTING)]
            self.excused += len(asking)

    def _client(self) -> EnhanceClient:
        return self.bench.another(self.bench.service.credentials, retry=RetryPolicy(attempts=30))

    @property
    def _options(self) -> dict[str, Any]:
        b = self.bench
        return {"strength": self.strengths, "output_dir": b.out, "journal": b.journal}

    def _check_what_was_paid(self) -> None:
        b = self.bench
        made = {record.enhancement_id for record in b.requests(CREATE)} - {None}
        contents = len(set(b.data.values()))
        failed = b.service.faults.injected[Fault.FAILED_ENHANCEMENT]
        lost = sum(
            record.enhancement_id is not None and record.status != 202
            for record in b.requests(CREATE)
        )
        assert len(made) <= contents * len(self.strengths) + failed + self.excused + lost


class Watched(Rehearsal):
    """What enhances, and counts how many enhancements were outstanding that the client knows of.

    Most are outstanding when one ends: what was added meanwhile waits behind it.
    """

    service: LocalService | None = None
    most = 0

    async def enhance(self, *arguments: Any, **options: Any) -> None:
        await super().enhance(*arguments, **options)
        assert self.service is not None
        heard = sum(r.route == CREATE and r.status == 202 for r in self.service.record)
        self.most = max(self.most, heard - self.service.queue_usage().processed)


async def history(seed: int, folder: Path) -> list[tuple[float, str, int | None]]:
    """Live through the history of a seed, and return what the service saw of it."""
    chance = random.Random(seed)
    likely: dict[str, Any] = {kind.value: chance.choice([0.0, 0.0, 0.03, 0.15]) for kind in KINDS}
    faults = Faults(
        **likely,
        ready_lag=chance.choice([0.0, 3.0]),
        slow_seconds=chance.choice([1.0, 20.0]),
        retry_after=chance.randint(0, 60),
        seed=seed,
    )
    behaviour: Behaviour = unlimited(revision=chance.choice(["2024-04", "later"]))
    files = open_files()
    watched = Watched(seconds=chance.choice([0.0, 0.5, 8.0]), sleep=LoopClock().sleep)
    async with bench(
        folder, enhancer=watched, behaviour=behaviour, faults=faults, debug=False
    ) as b:
        watched.service = b.service
        simulation = Simulation(seed, b, chance, chance.choice([[93], [50, 93]]))
        simulation.write()
        await simulation.run()
        assert watched.most <= _DEEPEST, watched.most
        seen = [(record.time, record.route, record.status) for record in b.service.record]
    await asyncio.sleep(60)  # what answers slowly notices late that nobody listens any more
    leaked = await settled_files(files)
    assert leaked == {}, leaked
    return seen


def simulate(seed: int, folder: Path) -> list[tuple[float, str, int | None]]:
    """Run the history of a seed on a loop of its own."""
    state = random.getstate()
    random.seed(seed)  # the waits between two tries are drawn from there
    chance = random.Random(seed)
    threads = SimpleNamespace(Thread=partial(JournalThread, chance))
    # The service writes its times in milliseconds: where one begins depends on the time of day.
    day = SimpleNamespace(time=lambda: 1_700_000_000.0)
    try:
        with (
            mock.patch.object(database, "threading", threads),
            mock.patch.object(service_clock, "time", day),
            asyncio.Runner(loop_factory=lambda: SimulatedLoop(chance)) as runner,
        ):
            return runner.run(history(seed, folder))
    finally:
        random.setstate(state)
