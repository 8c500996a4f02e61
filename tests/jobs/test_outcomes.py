"""Outcomes that nobody reads for a while: what has begun goes on, and nothing more is begun."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import pytest

from audio_enhance import EnhanceClient, JobCancelledError
from audio_enhance._jobs import outcomes

from .support import CREATE, Counted, bench, client_tasks, files_below, statuses


async def test_no_source_is_pulled_while_too_many_outcomes_wait_to_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outcomes, "_UNREAD", 8)
    async with bench(tmp_path, speed=40, seconds=1.0, debug=False) as b:
        sources = Counted(b.sources(80))
        stream = b.client.enhance_as_completed(sources, strength=93, output_dir=b.out)
        async with aclosing(stream):
            seen = [await anext(stream)]
            lane = b.client._connections.open.lanes[0]
            await sources.until(1 + 8)
            async with asyncio.timeout(600):
                while lane.unfinished:  # what has begun is not held up by anybody
                    await asyncio.sleep(0.005)
            await asyncio.sleep(0.1)
            # One is read, eight are not; and what was under way when they were eight: uploaded or
            # on its way there, in a window that may have become deeper, or being downloaded.
            assert sources.pulled <= 1 + 8 + 32
            assert len(files_below(b.out)) == b.count(CREATE) == sources.pulled
            seen += [outcome async for outcome in stream]
        b.check(seen)
        assert len(seen) == sources.pulled == b.count(CREATE) == 80


async def test_what_is_skipped_waits_to_be_read_too(tmp_path: Path) -> None:
    async with bench(tmp_path, debug=False) as b:
        files = b.sources(5)
        b.check(await b.batch(files, journal=b.journal))
        before = len(b.service.record)
        sources = Counted(files * 160)
        stream = b.client.enhance_as_completed(
            sources, strength=93, output_dir=b.out, journal=b.journal
        )
        async with aclosing(stream):
            seen = [await anext(stream)]
            await sources.until(257)
            assert sources.pulled == 257
            seen += [outcome async for outcome in stream]
        assert statuses(seen) == {"skipped": 800}
        assert [outcome.source for outcome in seen] == files * 160
        assert len(b.service.record) == before


async def test_what_is_refused_waits_to_be_read_too(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        good = b.source("good.mp3")
        sources = Counted([7] * 600 + [good])
        stream = b.client.enhance_as_completed(sources, strength=[50, 93], output_dir=b.out)
        async with aclosing(stream):
            seen = [await anext(stream)]
            await sources.until(129)
            assert sources.pulled == 129  # two outcomes each
            seen += [outcome async for outcome in stream]
        assert statuses(seen) == {"failed": 1200, "succeeded": 2}
        b.check(seen[-2:])


async def test_a_batch_that_waits_to_be_read_can_be_left(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        before = client_tasks()
        sources = Counted([b.source("good.mp3"), *[7] * 600])
        stream = b.client.enhance_as_completed(sources, strength=93, output_dir=b.out)
        async with asyncio.timeout(600), aclosing(stream):
            await anext(stream)
            await sources.until(257)
        assert {task.get_name() for task in client_tasks() - before} <= {"head of queue"}
        assert b.client._connections.open.lanes[0].unfinished == 0


async def test_a_batch_that_waits_to_be_read_can_be_cancelled(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        before = client_tasks()
        sources = Counted([7] * 600)

        async def read_one() -> None:
            stream = b.client.enhance_as_completed(sources, strength=93, output_dir=b.out)
            async with aclosing(stream):
                async for _ in stream:
                    await asyncio.Event().wait()

        reading = asyncio.create_task(read_one())
        await sources.until(257)
        reading.cancel()
        async with asyncio.timeout(600):
            with pytest.raises(asyncio.CancelledError):
                await reading
        assert client_tasks() <= before
        assert sources.pulled == 257


async def test_a_client_can_be_closed_while_a_batch_of_it_waits_to_be_read(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        client = EnhanceClient(b.service.credentials, base_url=b.service.base_url, clock=b.clock)
        sources = Counted([*[7] * 600, *b.sources(3)])
        async with asyncio.timeout(600):
            await client.__aenter__()
            stream = client.enhance_as_completed(sources, strength=93, output_dir=b.out)
            async with aclosing(stream):
                seen = [await anext(stream)]
                await sources.until(257)
                await client.aclose()
                seen += [outcome async for outcome in stream]
        assert statuses(seen) == {"failed": 603}
        assert [outcome.not_started for outcome in seen] == [False] * 600 + [True] * 3
        assert all(isinstance(outcome.error, JobCancelledError) for outcome in seen[-3:])
        assert len(b.service.record) == 0
