"""One API client of several is refused: the others do its work, and nothing is paid for twice."""

import asyncio
import io
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from audio_enhance import AccessToken, AuthenticationError, ClientCredentials, EnhanceClient
from tests.support.virtual_time import virtually

from .support import CREATE, EAGER, Bench, bench, client_tasks, rows, statuses


def wrong(b: Bench, client_id: str) -> ClientCredentials:
    return ClientCredentials(client_id, "wrong", token_url=b.service.token_url)


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.1)


def creations(b: Bench, client_id: str) -> int:
    return Counter(record.client_id for record in b.requests(CREATE))[client_id]


@virtually
async def test_the_others_do_its_work_and_it_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path, seconds=1.0) as b:
        async with b.another([wrong(b, "unknown"), b.service.credentials]) as client:
            report = await client.enhance_batch(
                b.sources(6), strength=[50, 93], output_dir=b.out, journal=b.journal
            )
        b.check(report)
        assert report.stopped_by is None
        assert b.count(CREATE) == 12
        (told,) = [each for each in caplog.messages if "is refused" in each]
        assert "unknown" in told
        assert {row["client_id"] for row in rows(b).values()} == {b.service.client_id}
        assert {row["error"] for row in rows(b).values()} == {None}


@virtually
async def test_what_it_had_submitted_is_not_made_a_second_time(tmp_path: Path) -> None:
    async with bench(tmp_path, seconds=20.0) as b:
        b.service.add_client("one", "first-secret")
        token = AccessToken(b.service.issue_token("one"), client_id="one")
        async with b.another([token, b.service.credentials], polling=EAGER) as client:
            running = asyncio.create_task(
                client.enhance_batch(b.sources(12), strength=93, output_dir=b.out)
            )
            await until(lambda: creations(b, "one") >= 2)
            await asyncio.sleep(1.0)
            b.service.revoke_tokens()  # the other client gets another one
            report = await running
        assert report.stopped_by is None
        assert report.failed
        for outcome in report.failed:
            assert isinstance(outcome.error, AuthenticationError)
            assert outcome.error.client_id == "one"
            assert outcome.enhancement_id is not None
        assert b.count(CREATE, 202) == 12
        b.check(report.succeeded)


@virtually
async def test_what_an_earlier_run_paid_for_waits_for_its_own_client(tmp_path: Path) -> None:
    async with bench(tmp_path, seconds=5.0) as b:
        b.service.add_client("one", "first-secret")
        right = ClientCredentials("one", "first-secret", token_url=b.service.token_url)
        sources = b.sources(3)
        async with b.another(right) as client:
            run = asyncio.create_task(
                client.enhance_batch(sources[:1], strength=93, output_dir=b.out, journal=b.journal)
            )
            await until(lambda: creations(b, "one") == 1)
            await asyncio.sleep(1.0)
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)
        async with b.another([wrong(b, "one"), b.service.credentials]) as client:
            report = await client.enhance_batch(
                sources, strength=93, output_dir=b.out, journal=b.journal
            )
        assert [outcome.ok for outcome in report] == [False, True, True]
        assert isinstance(report[0].error, AuthenticationError)
        assert b.count(CREATE) == 3
        # With the right credentials it is fetched.
        async with b.another([right, b.service.credentials]) as client:
            again = await client.enhance_batch(
                sources, strength=93, output_dir=b.out, journal=b.journal
            )
        assert statuses(again) == {"succeeded": 1, "skipped": 2}
        assert b.count(CREATE) == 3


@virtually
async def test_open_files_are_still_there_for_the_others(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        files = [io.BytesIO(b"ID3 number %d" % number) for number in range(4)]
        async with b.another([wrong(b, "unknown"), b.service.credentials]) as client:
            report = await client.enhance_batch(files, strength=93, output_dir=b.out)
        assert report.ok, [outcome.error for outcome in report.failed]


@virtually
async def test_when_none_is_left_the_batch_stops(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        async with b.another([wrong(b, "unknown"), wrong(b, "another")]) as client:
            report = await client.enhance_batch(b.sources(30), strength=93, output_dir=b.out)
        assert isinstance(report.stopped_by, AuthenticationError)
        assert statuses(report) == {"failed": 30}
        assert all(isinstance(outcome.error, AuthenticationError) for outcome in report)
        assert b.count(CREATE) == 0


@virtually
async def test_who_leaves_early_leaves_nothing_behind(tmp_path: Path) -> None:
    async with bench(tmp_path, seconds=5.0) as b:
        async with b.another([wrong(b, "unknown"), b.service.credentials]) as client:
            assert isinstance(client, EnhanceClient)
            stream = client.enhance_as_completed(b.sources(40), strength=93, output_dir=b.out)
            async with aclosing(stream):
                assert (await anext(stream)).ok
            assert all(lane.unfinished == 0 for lane in client._connections.open.lanes)
            created = b.count(CREATE)
            await asyncio.sleep(60.0)
            assert b.count(CREATE) == created
        assert not client_tasks()
