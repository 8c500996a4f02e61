"""Creations: as many as the window is deep, seen through, each place given back."""

import asyncio
import gc
from functools import partial

import pytest

from audio_enhance import (
    EnhancementStatus,
    NotFoundError,
    SpeechEnhancement,
)
from tests.support.resources import other_tasks
from tests.support.virtual_time import virtually

from .watched import Run, ignored


@virtually
async def test_the_window_deepens_for_jobs_shorter_than_a_round_trip_and_shallows_again() -> None:
    run = Run(latency=0.25)
    depths: list[int] = []

    assert run.queue.window.depth == 2
    await run.all(*[0.1] * 120)
    depths.append(run.queue.window.depth)
    await run.all(*[60.0] * 50)
    depths.append(run.queue.window.depth)
    deep, shallow = depths
    assert 8 <= deep <= 32
    assert shallow == 2


@virtually
async def test_with_a_deep_enough_window_the_server_hardly_idles() -> None:
    async def seconds_for(jobs: int, run: Run) -> float:
        begun = run.clock.now
        await run.all(*[0.5] * jobs)
        return run.clock.now - begun

    run = Run(latency=0.25)
    await seconds_for(40, run)  # learns
    taken = await seconds_for(100, run)
    assert taken <= 1.1 * 100 * 0.5


@virtually
async def test_never_more_than_the_window_is_outstanding() -> None:
    run = Run(latency=0.1)
    most = 0

    async def watch() -> None:
        nonlocal most
        while len(run.finished) < 30:
            most = max(most, len(run.queue.outstanding))
            assert len(run.queue.outstanding) <= 2
            await run.clock.sleep(0.5)

    watching = asyncio.create_task(watch())
    await run.all(*[5.0] * 30)
    await watching
    assert most == 2


@virtually
async def test_the_important_ones_get_the_next_places() -> None:
    run = Run()
    order: list[str] = []

    async def one(name: str, priority: int) -> None:
        outstanding = await run.submit(10.0, priority=priority)
        order.append(name)
        await outstanding.finished

    await asyncio.gather(
        *(one(f"n{n}", 0) for n in range(4)), *(one(f"high{n}", 5) for n in range(2))
    )
    assert order == ["n0", "n1", "high0", "high1", "n2", "n3"]


@virtually
async def test_giving_up_before_the_request_went_out_creates_nothing() -> None:
    run = Run()

    async def limited() -> SpeechEnhancement:
        await run.clock.sleep(50.0)  # waits for its turn under the rate limit
        return await run.server.create(10.0)

    task = asyncio.create_task(run.submit(0, create=limited, sent=lambda: False))
    await run.clock.sleep(1.0)
    assert run.queue.gate.held == 1
    task.cancel()
    await asyncio.wait([task])
    assert run.queue.gate.held == 0
    await run.clock.sleep(100.0)
    assert run.server.busy == 0.0


@virtually
async def test_a_request_on_its_way_is_seen_through_and_keeps_its_place() -> None:
    run = Run(latency=2.0)
    submitted: list[str] = []

    task = asyncio.create_task(
        run.queue.submit(
            lambda: run.server.create(30.0),
            sent=lambda: True,
            byte_size=1000,
            content_type="audio/wav",
            priority=0,
            on_submitted=lambda entry: submitted.append(entry.enhancement.id),
            on_status=ignored,
            on_retry=ignored,
        )
    )
    await run.clock.sleep(1.0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert submitted == ["e0"]  # known before whoever was cancelled leaves
    assert run.queue.gate.held == 1
    await run.clock.sleep(60.0)
    assert run.queue.outstanding == ()
    assert run.queue.gate.held == 0


@virtually
async def test_a_request_that_fails_gives_its_place_back() -> None:
    run = Run()

    async def refused() -> SpeechEnhancement:
        raise NotFoundError("There is no such asset.", status=404)

    for _ in range(5):
        with pytest.raises(NotFoundError):
            await run.submit(0, create=refused)
    assert run.queue.gate.held == 0


@virtually
async def test_nobody_complains_of_a_failure_that_nobody_waits_for_any_more() -> None:
    run = Run()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    task = asyncio.create_task(run.submit(0, create=partial(refuse, run)))
    await run.clock.sleep(1.0)
    task.cancel()
    await asyncio.wait([task])  # after a grace that is shorter than the answer takes
    await run.clock.sleep(100.0)
    assert run.queue.gate.held == 0
    gc.collect()
    assert complaints == []


@virtually
async def test_what_was_created_earlier_is_taken_up_without_a_place() -> None:
    run = Run()

    old = [await run.server.create(40.0) for _ in range(4)]
    await run.clock.sleep(50.0)
    entries = [
        run.queue.take_up(
            run.server.state(enhancement.id),
            byte_size=1000,
            content_type="audio/wav",
            on_status=ignored,
            on_retry=ignored,
        )
        for enhancement in old
    ]
    assert run.queue.gate.held == 0
    # The first one is finished already: nothing needs to be asked.
    assert entries[0].finished.done()
    new = asyncio.create_task(run.enhance(10.0))
    await asyncio.gather(new, *(entry.finished for entry in entries))
    assert run.server.questions("e0") == 0
    assert all(entry.finished.result().status == "succeeded" for entry in entries)


@virtually
async def test_closing_ends_everything_and_waits_for_the_answers_on_their_way() -> None:
    run = Run(latency=1.0)
    closed: list[str] = []

    first = asyncio.create_task(run.enhance(100.0))
    await run.clock.sleep(5.0)
    second = asyncio.create_task(run.enhance(100.0))
    await run.clock.sleep(1.5)
    names = {"head of queue", "create speech enhancement"}
    before = {task for task in other_tasks() if task.get_name() in names}
    assert len(before) == 2
    assert [entry.enhancement.id for entry in run.queue.outstanding] == ["e0"]
    closing = asyncio.create_task(run.queue.aclose())
    await run.clock.sleep(1.0)
    await closing
    await asyncio.wait([first, second])
    assert first.cancelled()
    assert second.cancelled()
    assert [entry.enhancement.id for entry in run.queue.outstanding] == ["e0", "e1"]
    closed.extend(task.get_name() for task in before if not task.done())
    assert closed == []


@pytest.mark.parametrize(("kind", "size"), [("audio/mpeg", 17_000_000), ("audio/wav", 17_000_000)])
@virtually
async def test_small_recordings_say_little_of_large_ones(kind: str, size: int) -> None:
    """Two seconds for a short one are no reason to wait for minutes before the first question."""
    run = Run()

    await run.enhance(2.3, size=165_000)
    begun = run.clock.now
    entry = await run.submit(10.0, size=size, content_type=kind)
    await entry.finished
    assert run.clock.now - begun < 1.35 * 10.0


@virtually
async def test_a_recording_far_larger_than_others_is_not_taken_for_stuck() -> None:
    run = Run()

    await run.enhance(10.0, size=100_000)
    finished = await run.enhance(20_000.0, size=200_000_000)
    assert finished.status == EnhancementStatus.SUCCEEDED


@virtually
async def test_who_found_a_place_free_has_waited_for_no_end() -> None:
    run = Run()
    for _ in range(12):
        await run.enhance(0.1)
        await run.clock.sleep(60.0)
    assert run.queue.window.depth == 2


@virtually
async def test_who_got_the_place_of_a_refused_creation_has_waited_for_no_end() -> None:
    run = Run()
    await run.enhance(0.1)
    for _ in range(8):
        await run.enhance(0.1)
        blocked = [asyncio.create_task(run.submit(0, create=partial(refuse, run))) for _ in "ab"]
        waiting = asyncio.create_task(run.enhance(0.1))
        await waiting
        await asyncio.wait(blocked)
        assert all(isinstance(task.exception(), NotFoundError) for task in blocked)
    assert run.queue.window.depth == 2


async def refuse(run: Run) -> SpeechEnhancement:
    await run.clock.sleep(60.0)
    raise NotFoundError("There is no such asset.", status=404)
