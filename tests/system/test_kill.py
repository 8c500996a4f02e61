"""Runs that die, at any moment and of anything: nothing is lost, nothing is paid for twice."""

import asyncio
import os
import random
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections import Counter
from pathlib import Path

import pytest
from attrs import define, field

from audio_enhance import ApiVersion, JournalError, OutputError
from audio_enhance.local import Fault, Faults
from audio_enhance.local.enhancer import Rehearsal
from tests.jobs.support import CREATE, CREATE_ASSET, PUT, Bench, bench, files_below
from tests.support.disk import needs_mounting, small_disk
from tests.support.resources import partial_files
from tests.support.warm import Warm, WarmProcess

ROOT = Path(__file__).parents[2]
DELETE = "DELETE /assets/:id"
DRIVER = "tests.system.kill_driver"
in_both = pytest.mark.parametrize("version", ["v1", "v2"])


@define
class Runs:
    """A program that is started again and again until it is done.

    Attributes:
        uncertain: How often a run died while an enhancement was asked for, by its recording and
            strength; nobody but the server knows then whether it was made.
        uploading: How often a run died within an upload, by the recording.
        versions: How many contents a recording has had, by its name.
        api_version: The generation of the API that the program speaks.
    """

    bench: Bench
    strengths: tuple[int, ...]
    chance: random.Random
    warm: Warm | None
    api_version: ApiVersion
    deaths: int = 0
    uncertain: Counter[tuple[str, int]] = field(factory=Counter[tuple[str, int]])
    uploading: Counter[str] = field(factory=Counter[str])
    versions: Counter[str] = field(factory=Counter[str])

    def change_some(self) -> None:
        """Record some of the recordings once more: their results are to be replaced."""
        for path in self.chance.sample(sorted(self.bench.data), max(1, len(self.bench.data) // 5)):
            self.versions[path.name] += 1
            again = f"ID3 {path.name} once more, {self.versions[path.name]} ".encode()
            self.bench.source(path.name, again.ljust(self.chance.choice([500, 20_000]), b"\x33"))

    async def start(self) -> asyncio.subprocess.Process | WarmProcess:
        strengths = " ".join(map(str, self.strengths))
        environment = (
            os.environ
            | self.bench.service.environment
            | {
                "STRENGTHS": strengths,
                "AUDIO_ENHANCE_API_VERSION": self.api_version,
            }
        )
        folders = map(str, (self.bench.folder / "in", self.bench.out, self.bench.journal))
        if self.warm is not None:
            return await self.warm.start(DRIVER, *folders, folder=ROOT, environment=environment)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", DRIVER, *folders), cwd=ROOT, env=environment, stderr=PIPE
        )

    async def die(self, how: signal.Signals, *, requests: int, delay: float) -> bool:
        """Kill one run after so many requests and a little later; `False` if it was done before."""
        if how == signal.SIGINT:
            requests = max(requests, 1)  # before the first one it may be Python that still starts
        before = len(self.bench.service.record)
        process = await self.start()
        ended = asyncio.create_task(process.communicate())
        while len(self.bench.service.record) - before < requests and not ended.done():
            await asyncio.sleep(0.001)
        await asyncio.sleep(delay)
        if not ended.done():
            process.send_signal(how)
        async with asyncio.timeout(120):
            _, told = await ended
        if process.returncode == 0:
            return False
        assert process.returncode in (-how, 130 if how == signal.SIGINT else -how), told.decode()
        self.deaths += 1
        self.note()
        return True

    def note(self) -> None:
        """Look at what the journal says of the moment of death."""
        if not self.bench.journal.exists():
            return
        with sqlite3.connect(self.bench.journal) as connection:
            tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
            rows = (
                connection.execute("SELECT source, strength, state FROM entries") if tables else ()
            )
            for source, strength, state in rows:
                name = Path(source).name
                if state == "submitting":
                    self.uncertain[name, strength] += 1
                if state == "uploading":
                    self.uploading[name] += 1
        connection.close()

    async def finish(self) -> None:
        """Run once more, to the end."""
        process = await self.start()
        async with asyncio.timeout(120):
            _, told = await process.communicate()
        assert process.returncode == 0, told.decode()

    async def check(self) -> None:
        """Everything is there and right, and the server did nothing that is not explained."""
        b = self.bench
        assert partial_files(b.folder) == []
        expected = {
            b.out / f"{path.stem}-enhanced-{strength}p.mp3": Rehearsal.expected(data, strength)
            for path, data in b.data.items()
            for strength in self.strengths
        }
        assert files_below(b.out) == set(expected)
        for path, data in expected.items():
            assert path.read_bytes() == data, path

        names: dict[str, str] = {}
        for asset_id in {r.asset_id for r in b.requests(CREATE)} - {None}:
            assert asset_id is not None
            names[asset_id] = (await b.client.get_asset(asset_id)).filename
        made: Counter[tuple[str, int]] = Counter()
        for record in b.requests(CREATE):
            if record.asset_id is not None and record.enhancement_id is not None:
                found = await b.client.get_speech_enhancement(
                    record.asset_id, record.enhancement_id
                )
                made[names[record.asset_id], found.strength] += 1
        assert set(made) == {(p.name, strength) for p in b.data for strength in self.strengths}
        for key, times in made.items():
            allowed = 1 + self.versions[key[0]] + self.uncertain[key]
            assert times <= allowed, (key, times, allowed)

        uploads = Counter(r.asset_id for r in b.requests(PUT) if r.status == 200)
        by_name: Counter[str] = Counter()
        for asset_id, times in uploads.items():
            assert asset_id is not None
            by_name[(await b.client.get_asset(asset_id)).filename] += times
        assert set(by_name) == {path.name for path in b.data}
        for name, times in by_name.items():
            allowed = 1 + self.versions[name] + self.uploading[name]
            if self.api_version == "v2":  # which makes no second one of the same asset
                allowed += sum(self.uncertain[name, strength] for strength in self.strengths)
            assert times <= allowed, (name, times, allowed)


def prepared(b: Bench, count: int, seed: int, warm: Warm | None, version: ApiVersion) -> Runs:
    chance = random.Random(seed)
    for n in range(count):
        b.source(f"talk-{n:03}.mp3", size=chance.choice([500, 20_000, 400_000]))
    return Runs(b, (50, 93), chance, warm, version)


async def killed(
    b: Bench,
    deaths: int,
    how: signal.Signals,
    *,
    recordings: int,
    seed: int,
    warm: Warm | None,
    version: ApiVersion,
    changing: bool = False,
) -> Runs:
    """Kill runs until so many have died, then let one finish."""
    runs = prepared(b, recordings, seed, warm, version)
    while runs.deaths < deaths:
        if changing and runs.deaths:
            runs.change_some()
        alive = await runs.die(
            how, requests=runs.chance.randint(0, 24), delay=runs.chance.uniform(0.0, 0.03)
        )
        assert alive, f"done after {runs.deaths} deaths already: give it more to do"
        if how == signal.SIGINT:
            assert partial_files(b.folder) == []
    await runs.finish()
    await runs.check()
    assert {record.api_version for record in b.requests(CREATE)} == {version}
    return runs


@in_both
async def test_three_runs_that_are_killed(
    tmp_path: Path, warm: Warm | None, version: ApiVersion
) -> None:
    async with bench(tmp_path, speed=1, seconds=0.01) as b:
        await killed(b, 3, signal.SIGKILL, recordings=6, seed=1, warm=warm, version=version)


@pytest.mark.parametrize("fault", [Fault.SERVER_ERROR, Fault.SLOW_ANSWER])
async def test_a_run_that_is_killed_between_saving_and_deleting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: Warm | None, fault: Fault
) -> None:
    monkeypatch.setenv("DELETE", "1")
    async with bench(tmp_path, speed=1, api_version="v2") as b:
        # Nothing is deleted, or nobody hears of it.
        b.service.faults.slow_seconds = 60
        b.service.faults.script(fault, route=DELETE, times=1000)
        runs = prepared(b, 2, 1, warm, "v2")
        process = await runs.start()
        while not b.count(DELETE):
            await asyncio.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        await process.communicate()
        assert process.returncode == -signal.SIGKILL
        b.service.faults = Faults()
        await runs.finish()
        assert b.service._state.assets() == {}
        assert len(files_below(b.out)) == 4
        # What was safe was not made again.
        assert b.count(CREATE, 202) <= 5


@pytest.mark.slow
@in_both
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
async def test_many_runs_that_die_while_the_recordings_change(
    tmp_path: Path, warm: Warm | None, version: ApiVersion, how: signal.Signals
) -> None:
    async with bench(tmp_path, speed=1, seconds=0.02, debug=False) as b:
        await killed(b, 75, how, recordings=60, seed=300, warm=warm, version=version, changing=True)


async def test_two_runs_that_are_interrupted(tmp_path: Path, warm: Warm | None) -> None:
    async with bench(tmp_path, speed=1, seconds=0.01) as b:
        runs = await killed(b, 2, signal.SIGINT, recordings=5, seed=2, warm=warm, version="v2")
        # Ctrl-C waits for the answers to what was asked for: there is nothing uncertain.
        assert runs.uncertain == Counter()


@pytest.mark.slow
@needs_mounting
@pytest.mark.virtual_time
async def test_a_disk_that_fills_up_in_the_middle_and_is_freed(tmp_path: Path) -> None:
    disk = tmp_path / "out"
    with small_disk(disk, 4) as grow:
        async with bench(tmp_path, speed=20, seconds=0.5) as b:
            journal = disk / ".audio-enhance.sqlite"  # on the disk that fills up, as by default
            sources = b.sources(60, size=250_000)
            first = await b.batch(sources, journal=journal)
            assert first.succeeded
            assert len(first.failed) >= 40
            # What was on its way already is asked for, and nothing after that.
            assert b.count(CREATE) <= len(first.succeeded) + 15
            assert {type(outcome.error) for outcome in first.failed} <= {OutputError, JournalError}
            assert all("room" in str(outcome.error) for outcome in first.failed)
            b.check(first.succeeded)
            assert partial_files(disk) == []
            grow(24)
            second = await b.batch(sources, journal=journal)
            b.check(second)
            assert partial_files(disk) == []
            # Whatever was paid for before the disk was full is used: what is written down then
            # needs no more room.
            assert b.count(CREATE) <= 60 + second.extra_enhancements
            assert second.extra_enhancements <= 1
            assert b.count(PUT) == 60
            # An asset that could not be written down is registered again, which costs nothing.
            unwritten = sum(isinstance(o.error, JournalError) for o in first.failed)
            assert 60 <= b.count(CREATE_ASSET) <= 60 + unwritten
