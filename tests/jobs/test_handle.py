"""What jobs tell: everything, in order, to whoever listens, without ever waiting for them."""

import asyncio
import logging
from pathlib import Path

import pytest

from audio_enhance import (
    Downloading,
    EnhancementStatus,
    Event,
    Finished,
    Hashing,
    InvalidSourceError,
    Job,
    JobCancelledError,
    JobStatus,
    Processing,
    Queued,
    Retrying,
    ServerError,
    Source,
    Submitted,
    Uploading,
    Waiting,
)
from audio_enhance._recording.source import original_of
from audio_enhance.local import Fault
from audio_enhance.local.enhancer import Rehearsal

from .support import CREATE, CREATE_ASSET, POLL, TOKEN, bench


def kinds(events: list[Event]) -> list[type[Event]]:
    """Return the kinds of events, repetitions left out."""
    found: list[type[Event]] = []
    for event in events:
        if not found or found[-1] is not type(event):
            found.append(type(event))
    return found


WHOLE = [
    *(Queued, Hashing, Waiting, Uploading, Waiting, Submitted, Processing, Downloading, Finished)
]


async def test_a_job_tells_everything_in_order_with_its_ids(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        source = b.source("talk.mp3", size=300_000)
        events: list[Event] = []
        result = await b.client.enhance(
            source, strength=93, output_dir=b.out, on_event=events.append
        )
        assert kinds(events) == WHOLE
        assert {(event.source, event.strength) for event in events} == {(str(source), 93)}
        assert len({event.job_id for event in events}) == 1
        sent = [event.sent for event in events if isinstance(event, Uploading)]
        assert sent == sorted(sent)
        assert sent[0] == 0
        assert sent[-1] == 300_000
        assert {event.total for event in events if isinstance(event, Uploading)} == {300_000}
        size = result.path.stat().st_size
        received = [event for event in events if isinstance(event, Downloading)]
        assert (received[0].received, received[0].total) == (0, None)
        assert (received[-1].received, received[-1].total) == (size, size)
        known = [
            event for event in events if isinstance(event, Submitted | Processing | Downloading)
        ]
        assert {event.enhancement_id for event in known} == {result.enhancement.id}
        uploaded = [event for event in events if isinstance(event, Uploading) and event.sent]
        assert {event.asset_id for event in uploaded + known} == {result.asset.id}
        last = events[-1]
        assert isinstance(last, Finished)
        assert last.path == str(result.path)
        assert last.error is None
        assert isinstance(events[-2], Downloading)
        assert next(e for e in events if isinstance(e, Submitted)).position == 0
        assert EnhancementStatus.SUCCEEDED in {
            event.status for event in events if isinstance(event, Processing)
        }


async def test_an_expected_end_is_told_once_something_is_known(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=10.0) as b:
        expected: list[object] = []

        def on_event(event: Event) -> None:
            if isinstance(event, Processing):
                expected.append(event.expected_end)

        for source in b.sources(2):
            await b.client.enhance(source, strength=93, output_dir=b.out, on_event=on_event)
        assert expected[0] is None
        assert expected[-2] is not None


async def test_no_end_is_told_of_one_that_is_far_larger_than_any_before(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=10.0) as b:
        ends: list[float] = []

        def on_event(event: Event) -> None:
            if isinstance(event, Processing) and event.expected_end is not None:
                ends.append(event.expected_end.timestamp() - b.clock.time())

        for size in (400, 500, 400_000):
            ends.clear()
            source = b.source(f"{size}.mp3", size=size)
            await b.client.enhance(source, strength=93, output_dir=b.out, on_event=on_event)
            assert bool(ends) == (size == 500)


async def test_positions_are_those_in_the_servers_queue(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=3.0) as b:
        events: list[Event] = []
        await b.batch(b.sources(5), on_event=events.append)
        positions = [event.position for event in events if isinstance(event, Submitted)]
        assert len(positions) == 5
        assert {0, 1} <= set(positions) <= {0, 1, 2, 3, 4}
        order = [type(event) for event in events]
        assert order.count(Finished) == order.count(Queued) == 5


async def test_whoever_comes_late_is_given_the_state_and_the_end(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        job = await b.client.submit(b.source("talk.mp3", size=400_000), strength=93)
        await job
        events = [event async for event in job.events()]
        assert [type(event) for event in events] == [
            Queued,
            Hashing,
            Uploading,
            Waiting,
            Submitted,
            Processing,
            Finished,
        ]
        uploading = events[2]
        assert isinstance(uploading, Uploading)
        assert uploading.sent == uploading.total  # the latest of its kind


async def test_several_read_at_once_each_at_their_own_pace(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        job = await b.client.submit(
            b.source("talk.mp3", size=2_000_000), strength=93, output_dir=b.out
        )

        async def read(pause: float) -> list[Event]:
            found: list[Event] = []
            async for event in job.events():
                found.append(event)
                await asyncio.sleep(pause)
            return found

        quick, slow = await asyncio.gather(read(0), read(0.02))
        assert kinds(quick) == WHOLE
        # Nothing that says how far it is comes late: the slow one is given the latest.
        assert kinds(slow)[-1] is Finished
        assert len(slow) < len(quick)


async def test_who_reads_slowly_never_slows_the_lane(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=1.0) as b:
        jobs = [
            await b.client.submit(source, strength=93, output_dir=b.out)
            for source in b.sources(6, size=200_000)
        ]
        stuck = [job.events() for job in jobs]
        for reader in stuck:
            await anext(reader)  # and never again
        for job in jobs:
            assert (await job).path.exists()
            # What is kept for the one who may come back is bounded.
            assert len(job._running._history) <= 8
        for reader in stuck:
            await reader.aclose()


async def test_reading_goes_on_after_a_number(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=2.0) as b:
        job = await b.client.submit(b.source("talk.mp3"), strength=93, output_dir=b.out)
        first: list[tuple[int, Event]] = []
        async for number, event in job.numbered_events():
            first.append((number, event))
            if isinstance(event, Submitted):
                break
        rest = [entry async for entry in job.numbered_events(after=first[-1][0])]
        numbers = [number for number, _ in first + rest]
        assert numbers == sorted(set(numbers))
        assert isinstance(rest[-1][1], Finished)
        assert not any(isinstance(event, Queued | Submitted) for _, event in rest)
        # Whoever has seen the end is not kept waiting for more.
        async with asyncio.timeout(1):
            assert [e async for e in job.numbered_events(after=numbers[-1])] == []
            assert [e async for e in job.numbered_events(after=numbers[-1] + 100)] == []


async def test_a_listener_that_raises_harms_nothing_and_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path, speed=50) as b:

        def on_event(event: Event) -> None:
            raise RuntimeError("a mistake in the listener")

        with caplog.at_level(logging.ERROR, "audio_enhance"):
            report = await b.batch(b.sources(3), on_event=on_event)
        b.check(report)
        assert "a mistake in the listener" in caplog.text


async def test_what_is_tried_again_is_told_with_its_reason_and_its_wait(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=1.0) as b:
        b.service.faults.script(Fault.SERVER_ERROR, route=CREATE_ASSET, status=503)
        b.service.faults.script(Fault.SERVER_ERROR, route=CREATE, status=500)
        b.service.faults.script(Fault.FAILED_ENHANCEMENT)
        events: list[Event] = []
        await b.client.enhance(
            b.source("a.mp3"), strength=93, output_dir=b.out, on_event=events.append
        )
        retries = [event for event in events if isinstance(event, Retrying)]
        assert len(retries) == 3
        assert isinstance(retries[0].error, ServerError)
        assert [retry.error.phase for retry in retries] == [
            "create asset",
            "create speech enhancement",
            "process",
        ]
        assert all(retry.wait >= 0.0 for retry in retries)


async def test_failing_tokens_and_questions_are_told_to_who_waits_for_them(tmp_path: Path) -> None:
    """Or a lost network would look like a server that takes its time."""
    async with bench(tmp_path, speed=50, seconds=1.0) as b:
        b.service.faults.script(Fault.SERVER_ERROR, route=TOKEN, status=503)
        b.service.faults.script(Fault.SERVER_ERROR, route=POLL, status=503)
        events: list[Event] = []
        await b.client.enhance(
            b.source("a.mp3"), strength=93, output_dir=b.out, on_event=events.append
        )
        retries = [event for event in events if isinstance(event, Retrying)]
        assert [type(retry.error) for retry in retries] == [ServerError, ServerError]
        assert retries[1].error.phase == "process"


async def test_a_failure_is_the_last_event_and_what_await_raises(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        job = await b.client.submit(tmp_path / "missing.mp3", strength=93)
        with pytest.raises(InvalidSourceError) as caught:
            await job
        events = [event async for event in job.events()]
        assert kinds(events) == [Queued, Hashing, Finished]
        assert isinstance(events[-1], Finished)
        assert events[-1].error is caught.value
        assert job.status == JobStatus.FAILED


async def test_a_failure_that_nobody_foresaw_is_told_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with bench(tmp_path) as b:
        source = Source.from_path(b.source("a.mp3"))

        def broken(*_: object) -> None:
            raise ZeroDivisionError("by nobody foreseen")

        monkeypatch.setattr(type(original_of(source).content), "fingerprint", broken)
        job = await b.client.submit(source, strength=93)
        events = [event async for event in job.events()]
        assert isinstance(events[-1], Finished)
        assert "by nobody foreseen" in str(events[-1].error)
        with pytest.raises(ZeroDivisionError):
            await job
        assert job.status == JobStatus.FAILED
        report = await b.batch([source])
        assert "by nobody foreseen" in str(report[0].error)
        assert "something unforeseen" in caplog.text


async def test_jobs_of_the_same_content_are_all_told(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=4.0) as b:
        sources = [b.source(f"{n}.mp3", b"ID3 the same") for n in range(3)]
        events: list[Event] = []
        b.check(await b.batch(sources, on_event=events.append))
        for source in sources:
            mine = [event for event in events if event.source == str(source)]
            assert kinds(mine) == WHOLE
            assert mine[-2].enhancement_id == events[-1].enhancement_id


async def test_the_states_of_a_handle(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=4.0) as b:
        job = await b.client.submit(b.source("a.mp3"), strength=93, output_dir=b.out)
        seen = [job.status]
        async for _ in job.events():
            if job.status != seen[-1]:
                seen.append(job.status)
        order = list(JobStatus)
        assert seen[0] == JobStatus.QUEUED
        assert seen == sorted(seen, key=order.index)
        assert JobStatus.PROCESSING in seen
        assert seen[-1] == JobStatus.SUCCEEDED
        results = await asyncio.gather(*(_awaited(job) for _ in range(3)))
        assert results[0] is results[1] is results[2]
        assert job.source.path is not None
        expected = Rehearsal.expected(b.data[job.source.path], 93)
        assert (await job).path.read_bytes() == expected


async def _awaited(job: Job) -> object:
    return await job


async def test_a_cancellation_shows_at_once(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=50, seconds=4.0) as b:
        job = await b.client.submit(b.source("talk.mp3"), output_dir=b.out)
        seen = asyncio.create_task(_kinds_of(job))
        await asyncio.sleep(1)
        job.cancel()
        assert job.status == JobStatus.CANCELLED
        assert job.submitted
        assert isinstance(job.error, JobCancelledError)
        # Whoever follows it is told of the end itself.
        assert (await seen)[-1] is Finished


async def _kinds_of(job: Job) -> list[type[Event]]:
    return [type(event) async for event in job.events()]
