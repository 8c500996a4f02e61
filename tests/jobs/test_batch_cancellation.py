"""Cancelling, at whatever moment: nothing is left behind, and what was paid for is known."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from audio_enhance import (
    EnhanceClient,
    Event,
    Finished,
    JobCancelledError,
    JobStatus,
    RateLimits,
    Submitted,
)
from audio_enhance.local import Fault
from tests.support.resources import open_files, partial_files, settled_files

from .support import (
    CREATE,
    CREATE_ASSET,
    GET,
    LOCATE,
    POLL,
    PUT,
    Bench,
    bench,
    client_tasks,
    files_below,
    statuses,
)


async def reached(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(600):
        while not condition():
            await asyncio.sleep(0.002)


async def cancelled(task: "asyncio.Task[object]") -> None:
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_a_job_cancelled_before_its_submission_costs_nothing_and_says_so(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        jobs = [
            await b.client.submit(source, strength=93, output_dir=b.out) for source in b.sources(6)
        ]
        await reached(lambda: b.count(CREATE) == 2)
        assert jobs[5].cancel() is True
        assert jobs[5].cancel() is True
        with pytest.raises(JobCancelledError, match="cost nothing"):
            await jobs[5]
        assert jobs[5].status == JobStatus.CANCELLED
        for job in jobs[:5]:
            assert (await job).path.exists()
        assert b.count(CREATE) == 5
        assert len(files_below(b.out)) == 5


async def test_a_job_cancelled_after_its_submission_is_left_to_the_server(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        jobs = [
            await b.client.submit(source, strength=93, output_dir=b.out) for source in b.sources(4)
        ]
        await reached(lambda: jobs[0].submitted and jobs[0].enhancement is not None)
        assert jobs[0].cancel() is False
        with pytest.raises(JobCancelledError, match="the server continues") as caught:
            await jobs[0]
        assert jobs[0].enhancement is not None
        assert caught.value.enhancement_id == jobs[0].enhancement.id
        for job in jobs[1:]:
            await job
        fetched = {record.enhancement_id for record in b.requests(LOCATE)}
        assert jobs[0].enhancement.id not in fetched
        assert len(files_below(b.out)) == b.count(GET) == 3
        # It goes on there, and can be had in the end.
        left = await b.client.wait_until_finished(jobs[0].enhancement)
        assert (await b.client.download(left, output_dir=b.out)).exists()


async def test_a_job_cancelled_at_once_is_over_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        job = await b.client.submit(b.source("a.mp3"), strength=93)
        assert job.cancel() is True  # before its task has had a turn
        events = [event async for event in job.events()]
        assert isinstance(events[-1], Finished)
        assert isinstance(events[-1].error, JobCancelledError)
        assert job.status == JobStatus.CANCELLED
        with pytest.raises(JobCancelledError):
            await job
        assert len(b.service.record) == 0


async def test_a_job_that_waits_for_the_rate_limit_can_still_be_cancelled_for_free(
    tmp_path: Path,
) -> None:
    limits = RateLimits(creations_per_minute=2)
    async with bench(tmp_path, speed=1.0, limits=limits) as b:
        first = await b.client.submit(b.source("a.mp3"), strength=93)
        await first  # two creations: the limit is used up for a minute
        second = await b.client.submit(b.source("b.mp3"), strength=93)
        await asyncio.sleep(0.05)
        assert second.cancel() is True
        with pytest.raises(JobCancelledError, match="cost nothing"):
            await second
        lane = b.client._connections.open.lanes[0]
        assert lane.queue.gate.held == 0
        assert lane.unsubmitted == lane.unfinished == 0
    assert b.count(CREATE) == 1


async def test_a_job_cancelled_while_its_request_is_answered_knows_what_it_leaves(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, speed=20, seconds=1.0) as b:
        b.service.faults.slow_seconds = 0.2
        b.service.faults.script(Fault.SLOW_ANSWER, route=CREATE)
        job = await b.client.submit(b.source("a.mp3"), strength=93)
        await reached(lambda: b.count(CREATE) == 1)
        assert job.enhancement is None
        assert job.cancel() is False  # too late: it may cost something
        with pytest.raises(JobCancelledError, match="the server continues") as caught:
            await job
        made = {record.enhancement_id for record in b.requests(CREATE)}
        assert {caught.value.enhancement_id} == made
        # The lane keeps its place until it is done, then goes on.
        await b.client.enhance(b.source("b.mp3"), strength=93, output_dir=b.out)
        assert b.client._connections.open.lanes[0].queue.outstanding == ()


async def test_nothing_is_asked_for_once_more_for_a_job_that_was_cancelled(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=1.0) as b:
        b.service.faults.retry_after = 1
        b.service.faults.script(Fault.TOO_MANY_REQUESTS, route=CREATE, times=3)
        job = await b.client.submit(b.source("a.mp3"), strength=93)
        await reached(lambda: b.count(CREATE, 429) == 1)
        await asyncio.sleep(0.02)
        assert job.cancel() is True  # what was refused cost nothing
        await asyncio.wait([job.task])
        await asyncio.sleep(1.1)
        assert b.count(CREATE) == 1


async def test_who_waits_for_a_job_may_be_cancelled_without_it(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        job = await b.client.submit(b.source("a.mp3"), strength=93)

        async def wait() -> object:
            return await job

        waiting = [asyncio.create_task(wait()) for _ in range(3)]
        await asyncio.sleep(0.02)
        await cancelled(waiting[0])
        assert (await waiting[1]) == (await waiting[2]) == await job
        assert job.status == JobStatus.SUCCEEDED


async def test_whoever_is_cancelled_together_with_the_job_is_cancelled(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        job = await b.client.submit(b.source("a.mp3"), strength=93)

        async def wait() -> object:
            return await job

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0.02)
        job.cancel()
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()


async def test_one_of_several_who_want_the_same_may_leave(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        b.source("a.mp3", b"ID3 same")
        b.source("b.mp3", b"ID3 same")
        sources = [tmp_path / "in" / "a.mp3", tmp_path / "in" / "b.mp3"]
        first: list[Event] = []

        def on_event(event: Event) -> None:
            # The job that began the work is cancelled as soon as the server has it.
            if isinstance(event, Submitted) and event.source.endswith("a.mp3"):
                first.append(event)
                job = next(
                    j
                    for j in b.client._connections.open.lanes[0].jobs
                    if j.source.filename == "a.mp3"
                )
                job.cancel()

        report = await b.batch(sources, on_event=on_event)
        assert first
        assert [outcome.ok for outcome in report] == [False, True]
        b.check(report[1:])
        assert b.count(CREATE) == b.count(PUT) == 1


async def test_a_batch_cancelled_at_any_moment_leaves_nothing_behind(tmp_path: Path) -> None:
    """After each event in turn: tasks, sockets, descriptors and part files are gone."""
    async with bench(tmp_path, speed=20, seconds=0.5) as b:
        sources = b.sources(5, size=3000)
        sources.append(b.source("twin.mp3", b.data[sources[0]]))
        files, tasks = open_files(), client_tasks()
        moments = [*range(1, 36, 5), *range(37, 100, 16)]
        early = 0
        for run, moment in enumerate(moments):
            early += await _cancelled_after(
                b, sources, moment, tmp_path / f"out{run}", run % 2 == 1
            )
            assert client_tasks() == tasks, f"tasks are left at moment {moment}"
            assert partial_files(tmp_path) == [], f"part files are left at moment {moment}"
            extra = await settled_files(files)
            assert not {fd: what for fd, what in extra.items() if "socket" not in what}, moment
        assert early >= 8
        await asyncio.sleep(0)
        # The service's side of the connections closes when it has noticed.
        assert await settled_files(files) == {}


async def _cancelled_after(
    b: Bench, sources: list[Path], moment: int, out: Path, journal: bool
) -> bool:
    """Run a batch, cancel it after so many events, and return whether that was before its end."""
    count = 0
    running: asyncio.Task[object]

    def on_event(event: Event) -> None:
        nonlocal count
        count += 1
        if count == moment:
            running.cancel()

    async with EnhanceClient(
        b.service.credentials,
        base_url=b.service.base_url,
        clock=b.clock,
        limits=RateLimits(creations_per_minute=10**6, others_per_minute=10**6),
    ) as client:
        running = asyncio.create_task(
            client.enhance_batch(
                sources,
                strength=[50, 93],
                output_dir=out,
                journal=out.with_suffix(".sqlite") if journal else None,
                on_event=on_event,
            )
        )
        await asyncio.wait([running])
        lane = client._connections.open.lanes[0]
        assert lane.unfinished == lane.unsubmitted == 0
    if not running.cancelled():
        running.result()
    return running.cancelled()


async def test_cancelling_a_batch_again_and_again_still_ends_in_order(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=1.0) as b:
        files, tasks = open_files(), client_tasks()
        b.service.faults.slow_answer = 1.0
        b.service.faults.slow_seconds = 0.05
        for turns in range(0, 60, 9):
            async with EnhanceClient(b.service.credentials, base_url=b.service.base_url) as client:
                running = asyncio.create_task(
                    client.enhance_batch(b.sources(4), strength=93, output_dir=b.out)
                )
                await asyncio.sleep(turns * 0.005)
                running.cancel()
                for _ in range(4):
                    await asyncio.sleep(0)
                    running.cancel()
                await asyncio.wait([running])
                assert running.cancelled()
            assert client_tasks() == tasks
            assert partial_files(tmp_path) == []
        assert await settled_files(files) == {}


async def test_leaving_a_stream_early_ends_what_is_under_way(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        closed = False

        async def lazily() -> AsyncIterator[Path]:
            nonlocal closed
            try:
                for source in b.sources(200):
                    yield source
            finally:
                closed = True

        sources = lazily()
        stream = b.client.enhance_as_completed(sources, strength=93, output_dir=b.out)
        async with aclosing(stream):
            async for outcome in stream:
                b.check([outcome])
                break
        assert b.client._connections.open.lanes[0].unfinished == 0
        assert {task.get_name() for task in client_tasks()} <= {"head of queue"}
        created = b.count(CREATE)
        assert created <= 5
        await asyncio.sleep(0.1)
        assert b.count(CREATE) == created
        assert partial_files(tmp_path) == []
        # The lane is as good as new.
        report = await b.batch(b.sources(3, stem="after"))
        b.check(report)
        await sources.aclose()  # type: ignore[attr-defined]
        assert closed


async def test_closing_the_client_ends_a_batch_that_another_task_runs(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        files, tasks = open_files(), client_tasks()
        client = EnhanceClient(b.service.credentials, base_url=b.service.base_url, clock=b.clock)
        finished: list[Event] = []
        running = asyncio.create_task(
            client.enhance_batch(
                iter(b.sources(40)),
                strength=93,
                output_dir=b.out,
                on_event=lambda event: (
                    finished.append(event) if isinstance(event, Finished) else None
                ),
            )
        )
        await reached(lambda: len(finished) >= 1)
        await client.aclose()
        async with asyncio.timeout(5):
            report = await running
        assert len(report) == 40
        found = statuses(report)
        assert found["succeeded"] >= 1
        begun = [outcome for outcome in report.failed if not outcome.not_started]
        assert len(begun) <= 20
        assert sum(found.values()) == 40
        assert isinstance(report.stopped_by, JobCancelledError)
        assert report[-1].not_started
        for outcome in begun:
            assert outcome.enhancement_id  # submitted, and can be had later
        assert b.count(CREATE) <= found["succeeded"] + len(begun)
        assert client_tasks() == tasks
        assert await settled_files(files) == {}


async def test_enhance_cancelled_ends_its_job(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=5.0) as b:
        for route in (CREATE_ASSET, PUT, CREATE, POLL):
            before = b.count(route)
            task = asyncio.create_task(
                b.client.enhance(b.source(f"{route[:4]}.mp3"), strength=93, output_dir=b.out)
            )
            await reached(lambda: b.count(route) > before)  # noqa: B023
            await cancelled(task)
            assert b.client._connections.open.lanes[0].unfinished == 0
        assert files_below(b.out) == set()


async def test_a_timeout_around_anything_ends_it(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=50.0) as b:
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: b.client.enhance(b.source("a.mp3"), strength=93, output_dir=b.out),
            lambda: b.batch(b.sources(3)),
        ]
        for call in calls:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.15):
                    await call()
        assert b.client._connections.open.lanes[0].unfinished == 0


@pytest.mark.parametrize("times", [1, 2, 3])
async def test_what_was_cancelled_can_be_enhanced_later_at_no_extra_cost(
    tmp_path: Path, times: int
) -> None:
    """The journal knows the id of an enhancement whose answer came after the cancellations."""
    async with bench(tmp_path, speed=20, seconds=1.0) as b:
        sources = b.sources(1)
        b.service.faults.slow_seconds = 0.2
        b.service.faults.script(Fault.SLOW_ANSWER, route=CREATE)
        running = asyncio.create_task(b.batch(sources, journal=b.journal))
        await reached(lambda: b.count(CREATE) == 1)
        for _ in range(times - 1):
            running.cancel()
            for _ in range(5):
                await asyncio.sleep(0)
        await cancelled(running)
        report = await b.batch(sources, journal=b.journal)
        b.check(report)
        assert b.count(CREATE) == b.count(PUT) == 1
        assert report.extra_enhancements == 0
