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
    bench,
    statuses,
    unlimited,
)

CREATIONS = (CREATE_ASSET, CREATE)
OTHERS = (GET_ASSET, POLL, LOCATE)


async def test_creations_never_exceed_the_limit_and_reach_it(tmp_path: Path) -> None:
    async with bench(
        tmp_path, speed=40, debug=False, behaviour=unlimited(creations_per_minute=24)
    ) as b:
        b.check(await b.batch(b.sources(22)))
        assert b.too_many == 0
        assert b.most_in_any(60.0, CREATIONS) == 24
        assert len([record for record in b.service.record if record.route in CREATIONS]) == 44


async def test_all_other_calls_have_a_limit_of_their_own(tmp_path: Path) -> None:
    async with bench(
        tmp_path, speed=40, debug=False, behaviour=unlimited(others_per_minute=24)
    ) as b:
        b.check(await b.batch(b.sources(14)))
        assert b.too_many == 0
        assert b.most_in_any(60.0, OTHERS) == 24
        count = len([record for record in b.service.record if record.route in OTHERS])
        assert 3 * 14 <= count <= 14 * (1 + 2 + 1)


async def test_lanes_and_clients_of_one_organization_share_its_limits(tmp_path: Path) -> None:
    async with bench(
        tmp_path, speed=40, debug=False, behaviour=unlimited(creations_per_minute=20)
    ) as b:
        limits = RateLimits(creations_per_minute=20, others_per_minute=10**6, clock=b.clock)

        async def one(stem: str) -> None:
            async with EnhanceClient(
                b.service.credentials, base_url=b.service.base_url, limits=limits, clock=b.clock
            ) as client:
                report = await client.enhance_batch(
                    b.sources(7, stem=stem), strength=93, output_dir=b.out
                )
                b.check(report)

        await asyncio.gather(one("a"), one("b"))
        assert b.too_many == 0
        assert b.most_in_any(60.0, CREATIONS) == 20


async def test_one_429_makes_the_whole_lane_pause_not_each_job(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20) as b:
        b.service.faults.retry_after = 30
        b.service.faults.script(Fault.TOO_MANY_REQUESTS, route=CREATE_ASSET, skip=6)
        report = await b.batch(b.sources(12))
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
        assert statuses(report) == {"succeeded": 12}
