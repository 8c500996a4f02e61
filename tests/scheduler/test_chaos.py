"""Everything that can go wrong goes wrong at once: every result is right, every cost explained."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import BatchReport, EnhancementFailedError, RetryPolicy
from audio_enhance.local import Fault, Faults

from .support import CREATE, Bench, bench, files_below

EVERY_KIND: dict[str, Any] = dict.fromkeys(
    (kind.value for kind in Fault if kind is not Fault.READY_LAG),
    0.1,
)
# More than a third of all requests fail: of ten thousand, some would do so eight times in a row.
PATIENT = RetryPolicy(attempts=20)


def faults(seed: int) -> Faults:
    """Every kind of fault at ten percent; what is slow is slow in the fast clock's time."""
    return Faults(**EVERY_KIND, ready_lag=2.0, slow_seconds=0.02, retry_after=2, seed=seed)


async def chaos(b: Bench, jobs: int, *, runs: int) -> None:
    """Enhance a batch and account for whatever the server did for it.

    Every hundredth recording fails at the server twice in a row, which ends a job; with a
    journal, the next run makes up for that and for nothing else.
    """
    # Twins in content and in name among them, and some that take more than one packet.
    sources = b.sources(jobs - 20) + [b.source(f"long-{n}.mp3", size=150_000) for n in range(10)]
    sources += [b.source(f"{n}/twin.mp3", b.data[sources[n]]) for n in range(10)]
    explained = jobs - 10
    report = BatchReport([], None)
    for run in range(runs):
        report = await b.batch(sources, **({"journal": b.journal} if runs > 1 else {}))
        assert [outcome.source for outcome in report] == sources
        if run == 0:
            assert len(report.failed) <= max(2, 0.03 * jobs)
        assert {type(outcome.error) for outcome in report.failed} <= {EnhancementFailedError}
        b.check(report.succeeded)
        assert len(files_below(b.out)) == len(report.succeeded)  # none twice, no part files
        explained += report.extra_enhancements + report.failed_enhancements
        if report.ok:
            break
    made = {record.enhancement_id for record in b.requests(CREATE)} - {None}
    assert explained >= len(made) >= jobs - 10
    assert report.ok or runs == 1
    for kind in Fault:
        assert b.service.faults.injected[kind] > 0, kind


async def test_sixty_recordings_survive_everything(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=60, faults=faults(3), retry=PATIENT) as b:
        await chaos(b, 60, runs=5)


@pytest.mark.slow
@pytest.mark.parametrize("runs", [1, 5])
async def test_a_thousand_recordings_survive_everything(tmp_path: Path, runs: int) -> None:
    asyncio.get_running_loop().set_debug(False)  # which more than doubles the time it takes
    async with bench(tmp_path, speed=60, faults=faults(1), retry=PATIENT) as b:
        await chaos(b, 1000, runs=runs)
