"""Credentials that end in the middle: mended where that is possible, stopped at once where not."""

import asyncio
from contextlib import aclosing
from pathlib import Path

from audio_enhance import AccessToken, AuthenticationError, ClientCredentials, JobCancelledError

from .support import CREATE, EAGER, GET, LOCATE, POLL, PUT, TOKEN, Counted, bench, statuses


async def test_a_token_that_ends_early_is_replaced_and_nobody_notices(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=1.0) as b:
        count = 0
        async for outcome in b.client.enhance_as_completed(
            b.sources(9), strength=93, output_dir=b.out
        ):
            b.check([outcome])
            count += 1
            if count % 3 == 0:
                b.service.revoke_tokens()
        assert count == 9
        assert 3 <= b.count(TOKEN) <= 4
        assert b.count(CREATE, 202) == b.count(PUT, 200) == 9


async def test_a_token_that_cannot_be_replaced_stops_the_batch_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=30, seconds=20.0) as b:
        token = AccessToken(
            b.service.issue_token(b.service.client_id), client_id=b.service.client_id
        )
        async with b.another(token, polling=EAGER) as client:
            sources = b.sources(40)
            running = asyncio.create_task(
                client.enhance_batch(sources, strength=93, output_dir=b.out)
            )
            async with asyncio.timeout(600):
                # One is done, two are at the server, eight are uploaded and wait.
                while not (b.count(GET) == 1 and b.count(CREATE) == 3 and b.count(PUT) >= 11):
                    await asyncio.sleep(0.002)
            await asyncio.sleep(0.05)
            b.service.revoke_tokens()
            before = len(b.service.record)
            fetched = {record.enhancement_id for record in b.requests(LOCATE)}
            at_the_server = {record.enhancement_id for record in b.requests(CREATE)} - fetched
            report = await running
            # The question about the head, whose refusal ends everything; and what may have gone
            # out before that was heard of: the next head's, and those that got their places.
            after = list(b.service.record)[before:]
            assert after[0].route == POLL
            assert len(after) <= 4
            assert {record.route for record in after} <= {POLL, CREATE}
            assert {record.status for record in after} <= {401, None}
        assert len(report) == 40
        assert isinstance(report.stopped_by, AuthenticationError)
        assert statuses(report)["succeeded"] == 1
        begun = [outcome for outcome in report.failed if not outcome.not_started]
        assert 2 <= len(begun) <= 4
        assert [outcome.source for outcome in report] == sources
        # What the server has is no loss: its ids are there.
        left = [outcome for outcome in report if outcome.enhancement_id in at_the_server]
        assert len(left) == len(at_the_server) == 2
        assert {outcome.status for outcome in left} == {"failed"}
        assert any(isinstance(outcome.error, AuthenticationError) for outcome in left)
        for outcome in left:
            assert isinstance(outcome.error, AuthenticationError | JobCancelledError)
        for outcome in report:
            if outcome.not_started:
                assert outcome.error is report.stopped_by
                assert outcome.path is None
        assert b.service.queue_usage().processed <= 2


async def test_wrong_credentials_are_found_with_the_first_request(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        wrong = ClientCredentials(b.service.client_id, "wrong", token_url=b.service.token_url)
        async with b.another(wrong) as client:
            report = await client.enhance_batch(b.sources(30), strength=93, output_dir=b.out)
        assert statuses(report) == {"failed": 30}
        # Those that waited for the same answer were begun.
        assert sum(not outcome.not_started for outcome in report) <= 4
        assert isinstance(report.stopped_by, AuthenticationError)
        assert {record.route for record in b.service.record} == {TOKEN}
        assert b.count(TOKEN) <= 2


async def test_what_comes_after_the_stop_is_reported_without_being_looked_at(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b:
        wrong = ClientCredentials(b.service.client_id, "wrong", token_url=b.service.token_url)
        async with b.another(wrong) as client:
            outcomes = [
                outcome
                async for outcome in client.enhance_as_completed(
                    iter(b.sources(200)), strength=[50, 93], output_dir=b.out, journal=b.journal
                )
            ]
        assert len(outcomes) == 400
        assert not any(outcome.ok for outcome in outcomes)
        assert sum(outcome.not_started for outcome in outcomes) >= 380


async def test_what_comes_after_the_stop_is_not_pulled_before_it_can_be_told(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b:
        sources = Counted([b.source("talk.mp3")] * 1000)
        wrong = ClientCredentials(b.service.client_id, "wrong", token_url=b.service.token_url)
        async with asyncio.timeout(600), b.another(wrong) as client:
            stream = client.enhance_as_completed(sources, strength=93, output_dir=b.out)
            async with aclosing(stream):
                outcomes = [await anext(stream)]
                await sources.until(250)
                # One is read and 256 are not; those that had begun then are more.
                assert sources.pulled <= 1 + 256 + 20
                outcomes += [outcome async for outcome in stream]
        assert len(outcomes) == sources.pulled == 1000
        assert not any(outcome.ok for outcome in outcomes)
