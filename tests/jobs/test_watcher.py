"""The head of the queue: it is asked about when the window says so, and its owners hear of it."""

import asyncio
import gc
from contextvars import Context, ContextVar

import pytest

from audio_enhance import (
    ConnectionFailedError,
    EnhancementStatus,
    NotFoundError,
    PollPolicy,
    ServerError,
    SpeechEnhancement,
    WaitTimeoutError,
)
from audio_enhance._jobs.watcher import Outstanding, ServerQueue
from audio_enhance._session.retry import OnRetry
from tests.support.virtual_time import virtually

from .watched import Run, ignored


@virtually
async def test_only_the_head_is_asked_about_and_the_order_is_the_servers() -> None:
    run = Run(depth=5)

    await run.all(*[30.0] * 5)
    asked = [enhancement_id for enhancement_id, _ in run.server.asked]
    assert asked == sorted(asked)
    assert run.finished == ["e0", "e1", "e2", "e3", "e4"]


@virtually
async def test_the_order_is_that_of_the_requests_not_that_of_their_answers() -> None:
    run = Run()

    late = asyncio.create_task(
        run.submit(0, create=lambda: run.server.create(10.0, slow_answer=3.0))
    )
    await run.clock.sleep(1.0)
    early = await run.submit(10.0)
    await late
    assert list(run.queue.outstanding) == [late.result(), early]
    assert run.queue.position(early) == 1
    await asyncio.gather(late.result().finished, early.finished)
    assert not run.queue.outstanding
    assert run.queue.position(early) == 0
    # The younger one was the only one known for two seconds: questions about it are no mistake,
    # nor is the one that was due when the older one became known.
    asked = [enhancement_id for enhancement_id, time in run.server.asked if time > 3.0]
    assert asked[1:] == sorted(asked[1:])


@virtually
async def test_once_something_is_learned_a_job_costs_one_question() -> None:
    run = Run(latency=0.05)

    await run.all(*[20.0] * 40)
    assert [run.server.questions(f"e{n}") for n in range(2, 40)] == [1] * 38
    # Nothing is known about the first but that another one is in work behind it.
    assert run.server.questions("e0") <= 12


@virtually
async def test_nobody_waits_for_an_unknown_head_that_is_noticed_late() -> None:
    run = Run()

    # The second is half as large, and takes half as long: so late may the first be noticed.
    first = run.enhance(100.0, size=2_000_000)
    rest = [run.enhance(50.0, size=1_000_000) for _ in range(3)]
    begun = run.clock.now
    await asyncio.gather(first, *rest)
    assert run.clock.now - begun == pytest.approx(250.0, rel=0.02)
    assert run.server.questions("e0") <= 18


@virtually
async def test_a_head_with_nobody_behind_it_is_noticed_soon() -> None:
    run = Run()

    await run.enhance(20.0)
    late = run.server.asked[-1][1] - run.server.end_of("e0")
    assert late <= 0.25 * 1.1 * 20.0


@virtually
async def test_the_first_question_comes_at_the_estimated_end() -> None:
    run = Run()

    await run.enhance(10.0, size=1_000_000)
    await run.enhance(10.0, size=1_000_000)
    await run.clock.sleep(100.0)
    begun = run.clock.now
    run.server.asked.clear()
    await run.enhance(10.0, size=1_000_000)
    # A fiftieth later: at the very end half of the questions would come too early.
    assert [time - begun for _, time in run.server.asked] == [pytest.approx(10.2)]
    for _, _, expected in run.told[-2:]:  # that it is the head, and then its end
        assert expected is not None
        assert expected.timestamp() == pytest.approx(run.server.end_of("e2"), abs=0.25)


_TRACE: ContextVar[str] = ContextVar("trace", default="none")


@virtually
async def test_each_is_asked_about_in_the_context_of_whose_it_is() -> None:
    run = Run()
    seen: set[tuple[str, str]] = set()

    async def ask(asset_id: str, enhancement_id: str, **_: object) -> SpeechEnhancement:
        seen.add((enhancement_id, _TRACE.get()))
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=None)
    traced, untraced = Context(), Context()
    traced.run(_TRACE.set, "one")
    # What asks about both of a pair was begun in the context of the first.
    for contexts in ((traced, untraced), (untraced, traced)):
        pair = [asyncio.create_task(run.enhance(10.0), context=each) for each in contexts]
        await asyncio.gather(*pair)
    assert seen == {("e0", "one"), ("e1", "none"), ("e2", "none"), ("e3", "one")}


@virtually
async def test_successors_that_must_be_done_are_looked_at_without_waiting() -> None:
    run = Run(depth=4)

    await run.all(10.0, 10.0)
    outstanding = [await run.submit(10.0) for _ in range(4)]
    # The answer about the head, and about no other, is on its way until all are done.
    run.server.latency = 100.0
    asyncio.get_running_loop().call_later(150.0, setattr, run.server, "latency", 0.0)
    await outstanding[0].finished
    begun = run.clock.now
    await asyncio.gather(*(entry.finished for entry in outstanding))
    assert run.clock.now == begun


@pytest.mark.parametrize("oddity", [1.0, 400.0])
@virtually
async def test_one_slow_or_fast_job_costs_a_few_questions_and_no_mistake(oddity: float) -> None:
    run = Run(latency=0.02)
    seconds = [20.0] * 12
    seconds[6] = oddity

    async def scenario() -> list[SpeechEnhancement]:
        return await run.all(*seconds)

    found = await scenario()
    assert all(enhancement.status == EnhancementStatus.SUCCEEDED for enhancement in found)
    assert run.finished == [f"e{n}" for n in range(12)]
    assert [run.server.questions(f"e{n}") for n in range(7, 12)] == [1] * 5
    assert run.server.questions("e6") <= 45  # at most `PollPolicy.longest` apart
    # What was found late is late by a share of what had passed already, not more.
    assert run.clock.now <= 1.25 * sum(seconds) + 20.0


@virtually
async def test_jobs_of_another_process_in_the_same_queue_cost_questions_only() -> None:
    run = Run(latency=0.02)

    async def neighbour() -> None:
        for _ in range(6):
            await run.clock.sleep(70.0)
            run.server.foreign(35.0)

    async def scenario() -> list[SpeechEnhancement]:
        meddling = asyncio.create_task(neighbour())
        found = await run.all(*[20.0] * 20)
        await meddling
        return found

    found = await scenario()
    assert [enhancement.id for enhancement in found] == [f"e{n}" for n in range(20)]
    assert all(enhancement.status == EnhancementStatus.SUCCEEDED for enhancement in found)
    assert len(run.server.asked) <= 20 + 20 + 6 * 15


@virtually
async def test_a_stuck_job_becomes_an_error_that_says_how_to_go_on_and_the_lane_goes_on() -> None:
    run = Run(longest=600.0)

    await run.all(10.0, 10.0)
    stuck = await run.submit(1100.0)
    behind = await run.submit(10.0)
    with pytest.raises(WaitTimeoutError, match="still processing after 6") as caught:
        await stuck.finished
    assert caught.value.enhancement_id == "e2"
    assert caught.value.asset_id == "a"
    assert "e2" in str(caught.value)
    assert run.queue.outstanding == (behind,)
    later = await run.submit(10.0)  # the place of the stuck one is free
    with pytest.raises(WaitTimeoutError):
        await behind.finished  # it really is behind it, at the server
    assert (await later.finished).status == EnhancementStatus.SUCCEEDED


@virtually
async def test_without_a_limit_half_an_hour_is_never_too_long() -> None:
    run = Run(polling=PollPolicy(longest=100.0))

    await run.all(1.0, 1.0)
    assert (await run.enhance(1700.0)).status == EnhancementStatus.SUCCEEDED
    stuck = await run.submit(10_000.0)
    begun = run.clock.now
    with pytest.raises(WaitTimeoutError):
        await stuck.finished
    assert 1800.0 <= run.clock.now - begun <= 1910.0


@virtually
async def test_an_answer_that_cannot_be_had_ends_that_job_alone() -> None:
    run = Run()

    gone = await run.submit(10.0)
    behind = await run.submit(10.0)
    del run.server._works["e0"]
    with pytest.raises(NotFoundError):
        await gone.finished
    assert run.server.questions("e0") == 1  # to ask again would not help
    assert (await behind.finished).status == EnhancementStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("longest", "away", "given_up"),
    [(None, 500.0, False), (None, 700.0, True), (100.0, 90.0, False), (100.0, 200.0, True)],
)
@virtually
async def test_what_the_server_has_is_not_given_up_while_the_network_is_away(
    longest: float | None, away: float, given_up: bool
) -> None:
    run = Run(longest=longest)
    back = run.clock.now + away

    async def ask(asset_id: str, enhancement_id: str, **_: object) -> SpeechEnhancement:
        if run.clock.now < back:
            raise ConnectionFailedError("No connection.", connected=False)
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=longest)

    first = await run.submit(10.0)
    if given_up:
        with pytest.raises(ConnectionFailedError):
            await first.finished
        assert run.clock.now < back
    else:
        assert (await first.finished).status == EnhancementStatus.SUCCEEDED


@virtually
async def test_work_of_another_process_before_the_first_one_is_not_learned() -> None:
    run = Run()

    run.server.foreign(3600.0)
    await run.enhance(10.0)
    expected = run.queue.estimate.expected("audio/wav", 1_000_000)
    assert expected is not None
    # Less what passed between the last time it was seen waiting and its beginning.
    assert 10.0 <= expected <= 10.0 + PollPolicy().longest * 1.1 + 1.0


@virtually
async def test_a_failed_enhancement_teaches_nothing() -> None:
    run = Run()

    await run.all(100.0, 100.0, 100.0)
    before = run.queue.estimate.expected("audio/wav", 1_000_000)
    for _ in range(8):
        failing = await run.submit(
            0, create=lambda: run.server.create(0.5, outcome=EnhancementStatus.FAILED)
        )
        assert (await failing.finished).status == EnhancementStatus.FAILED
    assert run.queue.estimate.expected("audio/wav", 1_000_000) == before


@virtually
async def test_an_older_one_that_becomes_known_is_asked_about_at_its_own_time() -> None:
    run = Run()
    await run.enhance(10.0, size=1_000_000)
    late = asyncio.create_task(
        run.submit(10.0, create=lambda: run.server.create(10.0, slow_answer=3.0))
    )
    await run.clock.sleep(1.0)
    young = await run.submit(1000.0, size=100_000_000)  # expected to take four times as long
    old = await late
    assert run.queue.outstanding == (old, young)
    await old.finished
    assert run.clock.now == pytest.approx(run.server.end_of("e1") + 3.2, abs=0.5)
    await young.finished


@virtually
async def test_what_is_taken_up_while_it_is_outstanding_is_asked_about_once_for_both() -> None:
    run = Run()
    mine = await run.submit(30.0)
    theirs: list[EnhancementStatus] = []
    other = run.queue.take_up(
        run.server.state("e0"),
        byte_size=1_000_000,
        content_type="audio/wav",
        on_status=lambda enhancement, _: theirs.append(enhancement.status),
        on_retry=ignored,
    )
    assert run.queue.outstanding == (mine, other)
    assert await mine.finished is await other.finished
    assert theirs == [status for _, status, _ in run.told][-len(theirs) :]
    assert theirs[-1] == EnhancementStatus.SUCCEEDED
    assert run.server.questions("e0") == len(run.server.asked) == run.queue.questions
    assert run.queue.gate.held == 0


@virtually
async def test_a_question_on_its_way_is_answered_whatever_becomes_known_meanwhile() -> None:
    run = Run(latency=1.0)
    begun, answered = list[str](), list[str]()

    async def ask(asset_id: str, enhancement_id: str, **_: object) -> SpeechEnhancement:
        begun.append(enhancement_id)
        found = await run.server.ask(asset_id, enhancement_id)
        answered.append(enhancement_id)
        return found

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=None)
    late = asyncio.create_task(
        run.submit(0, create=lambda: run.server.create(10.0, slow_answer=2.0))
    )
    await run.clock.sleep(0.5)
    young = await run.submit(10.0)
    await run.clock.sleep(1.0)
    assert begun == ["e1"]
    assert answered == []
    old = await late  # older than the one that is being asked about
    third = asyncio.create_task(run.submit(10.0))  # and one that is younger than both
    await asyncio.gather(old.finished, young.finished)
    await (await third).finished
    assert answered == begun


@virtually
async def test_one_that_nobody_waits_for_any_more_holds_up_nobody() -> None:
    run = Run()
    left = await run.submit(10.0)
    behind = await run.submit(10.0)
    left.finished.cancel()
    assert (await behind.finished).status == EnhancementStatus.SUCCEEDED
    assert run.queue.gate.held == 0


@virtually
async def test_nobody_complains_of_an_end_in_vain_that_nobody_waited_for() -> None:
    run = Run()
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    await run.submit(10.0)
    del run.server._works["e0"]
    await run.clock.sleep(60.0)
    assert run.queue.outstanding == ()
    gc.collect()
    assert complaints == []


@virtually
async def test_that_it_is_the_head_is_told_once_and_then_each_answer() -> None:
    run = Run()
    first = await run.submit(20.0)
    second = await run.submit(20.0)
    await asyncio.gather(first.finished, second.finished)
    for entry in (first, second):
        key = entry.enhancement.id
        told = [status for about, status, _ in run.told if about == key]
        assert len(told) == 1 + run.server.questions(key)
        assert run.server.questions(key) >= 1


@virtually
async def test_what_ended_in_vain_is_the_head_anew_when_it_is_taken_up() -> None:
    run = Run()
    away = True

    async def ask(asset_id: str, enhancement_id: str, **_: object) -> SpeechEnhancement:
        if away:
            raise NotFoundError("There is none.", status=404)
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=None)
    first = await run.submit(20.0)
    with pytest.raises(NotFoundError):
        await first.finished
    away = False
    told: list[float] = []
    again = run.queue.take_up(
        run.server.state("e0"),
        byte_size=1_000_000,
        content_type="audio/wav",
        on_status=lambda _enhancement, _expected: told.append(run.clock.now),
        on_retry=ignored,
    )
    begun = run.clock.now
    await again.finished
    assert told[0] == begun  # before any answer


@virtually
async def test_a_listener_that_fails_ends_its_own_job_alone() -> None:
    run = Run()

    def fail(*_: object) -> None:
        raise ValueError("a mistake")

    odd = await run.queue.submit(
        lambda: run.server.create(10.0),
        sent=lambda: True,
        byte_size=1000,
        content_type="audio/wav",
        priority=0,
        on_submitted=ignored,
        on_status=fail,
        on_retry=ignored,
    )
    behind = await run.submit(10.0)
    with pytest.raises(ValueError, match="a mistake"):
        await odd.finished
    assert run.queue.outstanding == (behind,)
    assert (await behind.finished).status == EnhancementStatus.SUCCEEDED


@virtually
async def test_what_stands_in_the_way_of_a_question_is_told_to_those_who_wait_for_it() -> None:
    run = Run()
    told: list[tuple[str, str, float]] = []

    async def ask(asset_id: str, enhancement_id: str, *, on_retry: OnRetry) -> SpeechEnhancement:
        on_retry(ServerError("busy", status=503), 1.0)
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=None)

    def taken_up(enhancement: SpeechEnhancement, who: str) -> Outstanding:
        return run.queue.take_up(
            enhancement,
            byte_size=1000,
            content_type="audio/wav",
            on_status=ignored,
            on_retry=lambda error, wait: told.append((who, error.message, wait)),
        )

    head, behind = [await run.server.create(seconds) for seconds in (2.0, 600.0)]
    mine, yours, gone = (taken_up(head, who) for who in ("mine", "yours", "gone"))
    other = taken_up(behind, "other")
    gone.finished.cancel()
    await asyncio.gather(mine.finished, yours.finished)
    assert set(told) == {("mine", "busy", 1.0), ("yours", "busy", 1.0)}
    await other.finished
    assert ("other", "busy", 1.0) in told


@pytest.mark.parametrize("on_its_way", [False, True])
@virtually
async def test_what_was_cancelled_and_is_not_there_is_not_asked_for_again(
    on_its_way: bool,
) -> None:
    run = Run(latency=1.0)
    tries = 0

    async def ask(asset_id: str, enhancement_id: str, *, on_retry: OnRetry) -> SpeechEnhancement:
        nonlocal tries
        while enhancement_id == "e0" and tries < 9:
            tries += 1
            on_retry(NotFoundError("There is none.", status=404, early=True), 1.0)
            await run.clock.sleep(1.0)
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=None)
    gone = asyncio.create_task(run.enhance(10.0))
    await run.clock.sleep(1.5 if on_its_way else 2.5)
    behind = asyncio.create_task(run.enhance(10.0))
    gone.cancel()
    tries = 0
    await behind
    assert tries == 1
    assert gone.cancelled()
