"""Several API clients: one lane each, the work shared, and nothing done twice."""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from audio_enhance import ClientCredentials, EnhanceClient, RateLimits
from audio_enhance.local.enhancer import Rehearsal

from .support import CREATE, CREATE_ASSET, GET, PUT, Bench, bench

SECRETS = {"one": "first-secret", "two": "second-secret", "three": "third-secret"}


@asynccontextmanager
async def lanes(tmp_path: Path, **options: Any) -> AsyncGenerator[Bench]:
    settings: dict[str, Any] = {"speed": 50, "seconds": 1.0, "debug": False}
    async with bench(tmp_path, **(settings | options)) as b:
        for client_id, secret in SECRETS.items():
            b.service.add_client(client_id, secret)
        async with connect(b) as client:
            b.client = client
            yield b


def connect(b: Bench) -> EnhanceClient:
    return EnhanceClient(
        [
            ClientCredentials(client_id, secret, token_url=b.service.token_url)
            for client_id, secret in SECRETS.items()
        ],
        base_url=b.service.base_url,
        clock=b.clock,
        limits=RateLimits(creations_per_minute=10**6, others_per_minute=10**6, clock=b.clock),
    )


def shares(b: Bench) -> Counter[str]:
    """Return how many enhancements each API client asked for."""
    return Counter(record.client_id or "" for record in b.requests(CREATE))


async def test_the_work_is_shared_evenly_and_every_result_is_right(tmp_path: Path) -> None:
    async with lanes(tmp_path) as b:
        report = await b.batch(b.sources(24))
        b.check(report)
        assert set(shares(b)) == set(SECRETS)
        assert all(5 <= share <= 11 for share in shares(b).values())
        assert b.count(CREATE) == b.count(PUT) == b.count(GET) == 24
        busy = [b.service.queue_usage(client_id).busy_seconds for client_id in SECRETS]
        assert min(busy) > 0


async def test_all_strengths_of_a_source_go_through_one_lane(tmp_path: Path) -> None:
    async with lanes(tmp_path) as b:
        report = await b.batch(b.sources(6), strength=[10, 50, 93])
        b.check(report)
        assert b.count(PUT) == b.count(CREATE_ASSET) == 6
        assert b.count(CREATE) == 18
        assert len(shares(b)) == 3


async def test_the_same_content_in_two_lanes_is_enhanced_once_and_delivered_twice(
    tmp_path: Path,
) -> None:
    async with lanes(tmp_path) as b:
        sources = [b.source(f"{n}.mp3", b"ID3 the same") for n in range(6)]
        others = b.sources(9)
        mixed = [sources[0], *others[:4], *sources[1:4], *others[4:], *sources[4:]]
        report = await b.batch(mixed)
        b.check(report)
        assert b.count(CREATE) == 10
        assert len(shares(b)) == 3
        assert b.service.count(status=404) == 0


async def test_an_order_of_single_jobs_goes_where_there_is_least_to_do(tmp_path: Path) -> None:
    async with lanes(tmp_path, seconds=3.0) as b:
        jobs = [
            await b.client.submit(source, strength=93, output_dir=b.out) for source in b.sources(9)
        ]
        for job in jobs:
            result = await job
            assert job.source.path is not None
            expected = Rehearsal.expected(b.data[job.source.path], 93)
            assert result.path.read_bytes() == expected
        assert shares(b) == {"one": 3, "two": 3, "three": 3}


async def test_a_second_run_finds_each_enhancement_in_the_lane_it_belongs_to(
    tmp_path: Path,
) -> None:
    async with lanes(tmp_path) as b:
        sources = b.sources(6)
        b.check(await b.batch(sources, strength=[50, 93], journal=b.journal))
        for path in b.out.iterdir():
            path.unlink()
        async with connect(b) as client:
            report = await client.enhance_batch(
                sources, strength=[50, 93], output_dir=b.out, journal=b.journal
            )
        b.check(report)
        assert b.count(CREATE) == 12
        assert b.count(PUT) == 6


async def test_a_second_run_with_other_clients_begins_anew(tmp_path: Path) -> None:
    async with lanes(tmp_path) as b:
        sources = b.sources(4)
        b.check(await b.batch(sources, journal=b.journal))
        for path in b.out.iterdir():
            path.unlink()
        async with EnhanceClient(
            b.service.credentials, base_url=b.service.base_url, clock=b.clock
        ) as client:
            report = await client.enhance_batch(
                sources, strength=93, output_dir=b.out, journal=b.journal
            )
        b.check(report)
        assert b.count(CREATE) == b.count(PUT) == 8
        assert b.service.count(status=404) == 0


async def test_an_api_client_that_comes_later_has_its_share_and_stays(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=1.0, debug=False) as b:
        b.service.add_client("late", "late-secret")
        late = ClientCredentials("late", "late-secret", token_url=b.service.token_url)
        b.client.add_api_client(late)
        b.check(await b.batch(b.sources(8)))
        assert shares(b)["late"] == 4
        await b.client.aclose()
        async with b.client:
            b.check(await b.batch([b.source(f"{n}.mp3", b"ID3%d" % n) for n in range(8, 16)]))
        assert shares(b)["late"] == 8
