"""The organization's limits: never exceeded, never a 429, and used as far as they go."""

import asyncio
from pathlib import Path

from audio_enhance import EnhanceClient, RateLimits
from audio_enhance.local import Fault

from .support import (
    CREATE,
    CREATE_ASSET,
    GET_ASSET,
    LOCATE,
    POLL,
    Bench,
    bench,
    statuses,
    unlimited,
)

CREATIONS = (CREATE_ASSET, CREATE)
OTHERS = (GET_ASSET, POLL, LOCATE)


def pace(b: Bench, routes: tuple[str, ...]) -> tuple[int, float]:
    """Return how many requests there were, and the seconds from the first to the last."""
    times = [record.time for record in b.service.record if record.route in routes]
    return len(times), times[-1] - times[0]


async def test_creations_never_exceed_the_limit_and_reach_it(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=80, behaviour=unlimited(creations_per_minute=24)) as b:
        report = await b.batch(b.sources(42))
        b.check(report)
        assert b.too_many == 0
        assert b.most_in_any(60.0, CREATIONS) == 24
        count, seconds = pace(b, CREATIONS)
        assert count == 84
        # 84 calls at 24 a minute: three and a half windows, some more on a busy machine, whose
        # milliseconds are long in this time; but not half the pace.
        assert seconds <= 1.6 * 3.5 * 60.0


async def test_all_other_calls_have_a_limit_of_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=80, behaviour=unlimited(others_per_minute=30)) as b:
        report = await b.batch(b.sources(30))
        b.check(report)
        assert b.too_many == 0
        assert b.most_in_any(60.0, OTHERS) == 30
        count, _ = pace(b, OTHERS)
        assert 90 <= count <= 30 * (1 + 2 + 1)


async def test_lanes_and_clients_of_one_organization_share_its_limits(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=80, behaviour=unlimited(creations_per_minute=20)) as b:
        limits = RateLimits(creations_per_minute=20, others_per_minute=10**6, clock=b.clock)

        async def one(stem: str) -> None:
            async with EnhanceClient(
                b.service.credentials, base_url=b.service.base_url, limits=limits, clock=b.clock
            ) as client:
                report = await client.enhance_batch(
                    b.sources(12, stem=stem), strength=93, output_dir=b.out
                )
                b.check(report)

        await asyncio.gather(one("a"), one("b"))
        assert b.too_many == 0
        assert b.most_in_any(60.0, CREATIONS) == 20


async def test_one_429_makes_the_whole_lane_pause_not_each_job(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20) as b:
        b.service.faults.retry_after = 30
        b.service.faults.script(Fault.TOO_MANY_REQUESTS, route=CREATE_ASSET, skip=6)
        report = await b.batch(b.sources(30))
        b.check(report)
        assert b.too_many == 1
        refused = next(record for record in b.service.record if record.status == 429)
        # Whatever was on its way then has arrived; nothing else of the kind came for 30 seconds.
        later = [
            record.time - refused.time
            for record in b.service.record
            if record.route in CREATIONS and record.time > refused.time
        ]
        # In seconds of the fast clock: a request on its way takes about one.
        assert [seconds for seconds in later if 4.0 < seconds < 29.0] == []
        # Questions and downloads go on meanwhile: the limit is not theirs.
        assert statuses(report) == {"succeeded": 30}
