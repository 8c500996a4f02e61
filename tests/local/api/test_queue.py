"""One enhancement at a time for each API client, oldest first."""

import asyncio
from pathlib import Path

from audio_enhance.local import Fault
from tests.local.conftest import Serve
from tests.local.support import BODY, Caller, FakeClock, StandIn


async def test_one_at_a_time_oldest_first(caller: Caller, enhancer: StandIn) -> None:
    enhancer.gate = asyncio.Event()
    first, second = await caller.ready(BODY), await caller.ready(BODY + b"second")
    queued = [
        await caller.enhance(second, 1),
        await caller.enhance(first, 2),
        await caller.enhance(second, 3),
    ]
    await enhancer.started.get()
    statuses = [(await caller.enhancement(enhancement))["status"] for enhancement in queued]
    assert statuses == ["processing", "queued", "queued"]
    enhancer.gate.set()
    done = [await caller.finished(enhancement) for enhancement in queued]
    assert [strength for _, _, strength in enhancer.seen] == [1, 2, 3]
    assert enhancer.most == 1
    finishes = [enhancement["finished_processing_at"] for enhancement in done]
    assert finishes == sorted(finishes)


async def test_each_api_client_has_a_queue_of_its_own(caller: Caller, enhancer: StandIn) -> None:
    service = caller.service
    service.add_client("other", "secret")
    other = Caller(service, caller.session, "other", service.issue_token("other"))
    enhancer.gate = asyncio.Event()
    mine = [await caller.enhance(await caller.ready(), strength) for strength in (1, 2)]
    theirs = [await other.enhance(await other.ready(), strength) for strength in (11, 12)]
    assert {await enhancer.started.get(), await enhancer.started.get()} == {1, 11}
    assert enhancer.running == 2
    assert (await caller.enhancement(mine[0]))["status"] == "processing"
    assert (await caller.enhancement(mine[1]))["status"] == "queued"
    assert (await other.enhancement(theirs[0]))["status"] == "processing"
    assert (await other.enhancement(theirs[1]))["status"] == "queued"
    enhancer.gate.set()
    for enhancement in mine:
        await caller.finished(enhancement)
    for enhancement in theirs:
        await other.finished(enhancement)
    strengths = [strength for _, _, strength in enhancer.seen]
    assert [s for s in strengths if s < 10] == [1, 2]
    assert [s for s in strengths if s > 10] == [11, 12]
    assert service.queue_usage().processed == service.queue_usage("other").processed == 2


async def test_the_queue_survives_whatever_the_enhancer_does(
    serve: Serve, enhancer: StandIn, tmp_path: Path
) -> None:
    caller = await serve(directory=tmp_path)
    asset = await caller.ready()
    enhancer.error = MemoryError("too long")
    assert (await caller.finished(await caller.enhance(asset)))["status"] == "failed"
    enhancer.error = TimeoutError()
    assert (await caller.finished(await caller.enhance(asset)))["status"] == "failed"
    enhancer.error = None
    assert (await caller.finished(await caller.enhance(asset)))["status"] == "succeeded"
    assert caller.service.queue_usage().processed == 3
    [work] = tmp_path.glob(".work*")
    assert list(work.iterdir()) == [], "nothing half-made is left"


async def test_a_failed_enhancement_on_demand(caller: Caller, enhancer: StandIn) -> None:
    caller.service.faults.script(Fault.FAILED_ENHANCEMENT, skip=1)
    asset = await caller.ready()
    queued = [await caller.enhance(asset, strength) for strength in (1, 2, 3)]
    done = [(await caller.finished(enhancement))["status"] for enhancement in queued]
    assert done == ["succeeded", "failed", "succeeded"]
    assert [strength for _, _, strength in enhancer.seen] == [1, 3]
    assert caller.service.faults.injected == {Fault.FAILED_ENHANCEMENT: 1}


async def test_usage_accounts_for_busy_and_idle_time(
    serve: Serve, clock: FakeClock, enhancer: StandIn
) -> None:
    caller = await serve(clock=clock)
    usage = caller.service.queue_usage()
    assert (usage.processed, usage.busy_seconds, usage.idle_seconds) == (0, 0, 0)
    asset = await caller.ready()
    for number, seconds in enumerate((3.0, 4.0), start=1):
        enhancer.gate = asyncio.Event()
        clock.now = number * 100.0 + 1000
        queued = await caller.enhance(asset)
        await enhancer.started.get()
        clock.now += seconds
        enhancer.gate.set()
        await caller.finished(queued)
    usage = caller.service.queue_usage()
    assert usage.processed == 2
    assert (usage.first_start, usage.last_end) == (1100.0, 1204.0)
    assert usage.busy_seconds == caller.service.queue_busy_seconds == 7.0
    assert usage.idle_seconds == 97.0


async def test_stopping_abandons_the_queue(serve: Serve, enhancer: StandIn) -> None:
    caller = await serve()
    enhancer.gate = asyncio.Event()
    asset = await caller.ready()
    for _ in range(3):
        await caller.enhance(asset)
    await enhancer.started.get()
    await caller.service.stop()
    assert enhancer.running == 0
    assert len(enhancer.seen) == 1
    assert enhancer.closed
