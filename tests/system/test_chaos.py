"""Everything that can go wrong goes wrong at once: every result is right, every cost explained."""

import asyncio
import random
from math import comb
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import (
    ApiVersion,
    BatchReport,
    ClientCredentials,
    EnhancementFailedError,
    Journal,
    RetryPolicy,
)
from audio_enhance.local import Fault, Faults
from tests.jobs.support import CREATE, Bench, bench, client_tasks, files_below, unlimited
from tests.support.resources import partial_files

# What ends a job for good, and must; and a lag, which is no probability and always there.
LEFT_OUT = {Fault.INVALID_UPLOAD, Fault.READY_LAG}
pytestmark = pytest.mark.virtual_time

EVERY_KIND: dict[str, Any] = dict.fromkeys(
    (kind.value for kind in Fault if kind not in LEFT_OUT), 0.1
)
# Of the API's requests 40 % fail, of the object store's 45 %. That one of some hundred does so
# thirty times in a row happens in one run of a hundred million (0.45 ** 30 is 4e-11), and then
# the waits in between, 15 s on average, are not over within the usual 600 s either.
PATIENT = RetryPolicy(attempts=30, elapsed=3600)
# How often a run may fail by chance and through no fault of the code.
UNLUCKY = 1e-6


def faults(seed: int) -> Faults:
    """Every kind of fault at ten percent; what is slow is slow in the fast clock's time."""
    return Faults(**EVERY_KIND, ready_lag=2.0, slow_seconds=0.02, retry_after=2, seed=seed)


def most_failed(contents: int) -> int:
    """Return how many of so many contents may fail in a run.

    One does that fails at the server twice in a row: 0.1 ** 2. So the number is binomial, and this
    is the least that more fail than with a probability of one in a million at most. Of 50 that is
    6 (0.7e-6; half of one is expected), of 390 it is 16, and of 990 it is 28.
    """
    left, most = 1.0, -1
    while left > UNLUCKY:
        most += 1
        left -= comb(contents, most) * 0.01**most * 0.99 ** (contents - most)
    return most


async def chaos(b: Bench, jobs: int, *, runs: int) -> None:
    """Enhance a batch and account for whatever the server did for it.

    Every hundredth recording fails at the server twice in a row, which ends a job; with a
    journal, the next run makes up for that and for nothing else.
    """
    # Twins in content and in name among them, and some that take more than one packet.
    sources = b.sources(jobs - 20) + [b.source(f"long-{n}.mp3", size=150_000) for n in range(10)]
    sources += [b.source(f"{n}/twin.mp3", b.data[sources[n]]) for n in range(10)]
    explained = jobs - 10
    contents = len(set(b.data.values()))
    assert contents == jobs - 10
    report = BatchReport([], None)
    for run in range(runs):
        report = await b.batch(sources, **({"journal": b.journal} if runs > 1 else {}))
        assert [outcome.source for outcome in report] == sources
        if run == 0:
            # By content: a twin is no second chance to fail.
            failed = {b.data[Path(str(outcome.source))] for outcome in report.failed}
            assert len(failed) <= most_failed(contents)
        assert {type(outcome.error) for outcome in report.failed} <= {EnhancementFailedError}
        b.check(report.succeeded)
        assert len(files_below(b.out)) == len(report.succeeded)  # none twice, no part files
        explained += report.extra_enhancements + report.failed_enhancements
        if report.ok:
            break
    made = {record.enhancement_id for record in b.requests(CREATE)} - {None}
    assert explained >= len(made) >= jobs - 10
    assert report.ok or runs == 1
    # Of few requests, one kind or another may have been spared by chance. The rarest four strike
    # sixty recordings 5 to 6 times on average, so each is spared in one run of 150 to 400, and
    # three of them in one run of some million.
    kinds = set(Fault) - LEFT_OUT
    spared = [kind for kind in kinds if not b.service.faults.injected[kind]]
    assert len(spared) <= (0 if jobs >= 1000 else 2), spared


@pytest.mark.parametrize("version", ["v1", pytest.param("v2", marks=pytest.mark.slow)])
async def test_sixty_recordings_survive_everything(tmp_path: Path, version: ApiVersion) -> None:
    client: dict[str, Any] = {"retry": PATIENT, "api_version": version}
    async with bench(tmp_path, speed=60, faults=faults(3), debug=False, **client) as b:
        await chaos(b, 60, runs=5)


@pytest.mark.slow
@pytest.mark.parametrize(("jobs", "runs"), [(1000, 1), (400, 5)])
async def test_a_thousand_recordings_survive_everything(
    tmp_path: Path, jobs: int, runs: int
) -> None:
    async with bench(tmp_path, speed=60, faults=faults(1), retry=PATIENT, debug=False) as b:
        await chaos(b, jobs, runs=runs)


@pytest.mark.parametrize(
    "seed", [2, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(3, 9))]
)
async def test_several_lanes_survive_everything_and_being_stopped_again_and_again(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    behaviour = unlimited(revision=("2024-04", "later")[seed % 2])
    secrets = {f"client-{n}": f"secret-{n}" for n in range(1 + seed % 3)}
    async with bench(
        tmp_path, speed=60, seconds=0.5, behaviour=behaviour, faults=faults(seed), debug=False
    ) as b:
        for client_id, secret in secrets.items():
            b.service.add_client(client_id, secret)
        credentials = [
            ClientCredentials(client_id, secret, token_url=b.service.token_url)
            for client_id, secret in secrets.items()
        ]
        sources = b.sources(20) + [b.source(f"{n}/twin.mp3", b"ID3 the same") for n in range(6)]
        report = BatchReport([], None)
        stops = chance.randint(5, 15)
        while stops or not report or not report.ok:
            async with b.another(credentials, retry=PATIENT) as client:
                running = asyncio.create_task(
                    client.enhance_batch(
                        sources if chance.random() < 0.5 else iter(sources),
                        strength=[50, 93],
                        output_dir=b.out,
                        journal=b.journal,
                    )
                )
                if stops:
                    stops -= 1
                    await asyncio.wait([running], timeout=chance.uniform(0.0, 0.3))
                    running.cancel()
                await asyncio.wait([running])
                if not running.cancelled():
                    report = running.result()
            assert client_tasks() == set()
            assert partial_files(tmp_path) == []
        b.check(report)
        assert len(files_below(b.out)) == 52
        made = {record.enhancement_id for record in b.requests(CREATE)} - {None}
        async with await Journal.open(b.journal) as journal:
            extra = sum([entry.extra async for entry in journal.entries()])
        assert len(made) <= 42 + extra + b.service.faults.injected[Fault.FAILED_ENHANCEMENT]
        assert b.service.count(status=404) == 0
