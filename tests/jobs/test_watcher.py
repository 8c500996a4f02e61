"""The enhancements outstanding at the server: who is asked about, when, and how many there are."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

import pytest

from audio_enhance import (
    ConnectionFailedError,
    EnhancementStatus,
    NotFoundError,
    PollPolicy,
    SpeechEnhancement,
    WaitTimeoutError,
)
from audio_enhance._jobs.watcher import Outstanding, ServerQueue
from tests.support.clock import TurnClock
from tests.support.resources import other_tasks

from .simulated import SimulatedServer


def ignored(*_: object) -> None:
    pass


class Run:
    """A queue and its server in simulated time."""

    def __init__(
        self,
        *,
        latency: float = 0.0,
        longest: float | None = None,
        depth: int | None = None,
        polling: PollPolicy | None = None,
    ) -> None:
        # Simulated time takes many turns of the loop, and its debug mode doubles their cost.
        asyncio.get_running_loop().set_debug(False)
        self.clock = TurnClock(1_000_000.0)
        self.server = SimulatedServer(self.clock, latency)
        self.queue = ServerQueue(
            self.server.ask, polling or PollPolicy(), self.clock, longest=longest
        )
        self.finished: list[str] = []
        self.told: list[tuple[str, EnhancementStatus, datetime | None]] = []
        if depth is not None:
            self.queue.window.depth = self.queue.gate.places = depth

    async def submit(
        self,
        seconds: float,
        *,
        size: int = 1_000_000,
        content_type: str = "audio/wav",
        priority: int = 0,
        sent: Callable[[], bool] = lambda: True,
        create: Callable[[], Awaitable[SpeechEnhancement]] | None = None,
    ) -> Outstanding:
        return await self.queue.submit(
            create or (lambda: self.server.create(seconds)),
            sent=sent,
            byte_size=size,
            content_type=content_type,
            priority=priority,
            on_submitted=lambda _: None,
            on_status=self._on_status,
        )

    async def enhance(self, seconds: float, **arguments: int) -> SpeechEnhancement:
        outstanding = await self.submit(seconds, **arguments)  # type: ignore[arg-type]
        enhancement = await outstanding.finished
        self.finished.append(enhancement.id)
        return enhancement

    def _on_status(self, enhancement: SpeechEnhancement, expected: datetime | None) -> None:
        self.told.append((enhancement.id, enhancement.status, expected))

    async def all(self, *seconds: float) -> list[SpeechEnhancement]:
        return list(await asyncio.gather(*(self.enhance(each) for each in seconds)))


async def test_only_the_head_is_asked_about_and_the_order_is_the_servers() -> None:
    run = Run(depth=5)

    async def scenario() -> None:
        await run.all(*[30.0] * 5)

    await run.clock.run(scenario())
    asked = [enhancement_id for enhancement_id, _ in run.server.asked]
    assert asked == sorted(asked)
    assert run.finished == ["e0", "e1", "e2", "e3", "e4"]


async def test_the_order_is_that_of_the_requests_not_that_of_their_answers() -> None:
    run = Run()

    async def scenario() -> None:
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

    await run.clock.run(scenario())
    # The younger one was the only one known for two seconds: questions about it are no mistake,
    # nor is the one that was due when the older one became known.
    asked = [enhancement_id for enhancement_id, time in run.server.asked if time > 1_000_003.0]
    assert asked[1:] == sorted(asked[1:])


async def test_once_something_is_learned_a_job_costs_one_question() -> None:
    run = Run(latency=0.05)

    async def scenario() -> None:
        await run.all(*[20.0] * 40)

    await run.clock.run(scenario())
    assert [run.server.questions(f"e{n}") for n in range(2, 40)] == [1] * 38
    # Nothing is known about the first but that another one is in work behind it.
    assert run.server.questions("e0") <= 12


async def test_nobody_waits_for_an_unknown_head_that_is_noticed_late() -> None:
    run = Run()

    async def scenario() -> None:
        # The second is half as large, and takes half as long: so late may the first be noticed.
        first = run.enhance(100.0, size=2_000_000)
        rest = [run.enhance(50.0, size=1_000_000) for _ in range(3)]
        begun = run.clock.now
        await asyncio.gather(first, *rest)
        assert run.clock.now - begun == pytest.approx(250.0, rel=0.02)

    await run.clock.run(scenario())
    assert run.server.questions("e0") <= 18


async def test_a_head_with_nobody_behind_it_is_noticed_soon() -> None:
    run = Run()

    async def scenario() -> None:
        await run.enhance(20.0)

    await run.clock.run(scenario())
    late = run.server.asked[-1][1] - run.server.end_of("e0")
    assert late <= 0.25 * 1.1 * 20.0


async def test_the_first_question_comes_at_the_estimated_end() -> None:
    run = Run()

    async def scenario() -> None:
        await run.enhance(10.0, size=1_000_000)
        await run.enhance(10.0, size=1_000_000)
        await run.clock.sleep(100.0)
        begun = run.clock.now
        run.server.asked.clear()
        await run.enhance(10.0, size=1_000_000)
        # A fiftieth later: at the very end half of the questions would come too early.
        assert [time - begun for _, time in run.server.asked] == [pytest.approx(10.2)]

    await run.clock.run(scenario())
    expected = run.told[-2][2]
    assert expected is not None
    assert expected.timestamp() == pytest.approx(run.server.end_of("e2"))


async def test_successors_that_must_be_done_are_looked_at_without_waiting() -> None:
    run = Run(depth=4)

    async def scenario() -> None:
        await run.all(10.0, 10.0)
        outstanding = [await run.submit(10.0) for _ in range(4)]
        run.server.latency = 100.0  # the answer about the head comes when all are done
        await asyncio.sleep(0)
        await outstanding[0].finished
        run.server.latency = 0.0
        begun = run.clock.now
        await asyncio.gather(*(entry.finished for entry in outstanding))
        assert run.clock.now == begun

    await run.clock.run(scenario())


@pytest.mark.parametrize("oddity", [1.0, 400.0])
async def test_one_slow_or_fast_job_costs_a_few_questions_and_no_mistake(oddity: float) -> None:
    run = Run(latency=0.02)
    seconds = [20.0] * 12
    seconds[6] = oddity

    async def scenario() -> list[SpeechEnhancement]:
        return await run.all(*seconds)

    found = await run.clock.run(scenario())
    assert all(enhancement.status == EnhancementStatus.SUCCEEDED for enhancement in found)
    assert run.finished == [f"e{n}" for n in range(12)]
    assert [run.server.questions(f"e{n}") for n in range(7, 12)] == [1] * 5
    assert run.server.questions("e6") <= 45  # at most `PollPolicy.longest` apart
    # What was found late is late by a share of what had passed already, not more.
    assert run.clock.now - 1_000_000.0 <= 1.25 * sum(seconds) + 20.0


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

    found = await run.clock.run(scenario())
    assert [enhancement.id for enhancement in found] == [f"e{n}" for n in range(20)]
    assert all(enhancement.status == EnhancementStatus.SUCCEEDED for enhancement in found)
    assert len(run.server.asked) <= 20 + 20 + 6 * 15


async def test_a_stuck_job_becomes_an_error_that_says_how_to_go_on_and_the_lane_goes_on() -> None:
    run = Run(longest=600.0)

    async def scenario() -> None:
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

    await run.clock.run(scenario())


async def test_without_a_limit_half_an_hour_is_never_too_long() -> None:
    run = Run(polling=PollPolicy(longest=100.0))

    async def scenario() -> None:
        await run.all(1.0, 1.0)
        assert (await run.enhance(1700.0)).status == EnhancementStatus.SUCCEEDED
        stuck = await run.submit(10_000.0)
        begun = run.clock.now
        with pytest.raises(WaitTimeoutError):
            await stuck.finished
        assert 1800.0 <= run.clock.now - begun <= 1910.0

    await run.clock.run(scenario())


async def test_an_answer_that_cannot_be_had_ends_that_job_alone() -> None:
    run = Run()

    async def scenario() -> None:
        gone = await run.submit(10.0)
        behind = await run.submit(10.0)
        del run.server._works["e0"]
        with pytest.raises(NotFoundError):
            await gone.finished
        assert (await behind.finished).status == EnhancementStatus.SUCCEEDED

    await run.clock.run(scenario())


@pytest.mark.parametrize(
    ("longest", "away", "given_up"),
    [(None, 500.0, False), (None, 700.0, True), (100.0, 90.0, False), (100.0, 200.0, True)],
)
async def test_what_the_server_has_is_not_given_up_while_the_network_is_away(
    longest: float | None, away: float, given_up: bool
) -> None:
    run = Run(longest=longest)
    back = run.clock.now + away

    async def ask(asset_id: str, enhancement_id: str) -> SpeechEnhancement:
        if run.clock.now < back:
            raise ConnectionFailedError("No connection.", connected=False)
        return await run.server.ask(asset_id, enhancement_id)

    run.queue = ServerQueue(ask, PollPolicy(), run.clock, longest=longest)

    async def scenario() -> None:
        first = await run.submit(10.0)
        if given_up:
            with pytest.raises(ConnectionFailedError):
                await first.finished
            assert run.clock.now < back
        else:
            assert (await first.finished).status == EnhancementStatus.SUCCEEDED

    await run.clock.run(scenario())


async def test_work_of_another_process_before_the_first_one_is_not_learned() -> None:
    run = Run()

    async def scenario() -> None:
        run.server.foreign(3600.0)
        await run.enhance(10.0)
        expected = run.queue.estimate.expected("audio/wav", 1_000_000)
        assert expected is not None
        # Less what passed between the last time it was seen waiting and its beginning.
        assert 10.0 <= expected <= 10.0 + PollPolicy().longest * 1.1 + 1.0

    await run.clock.run(scenario())


async def test_a_failed_enhancement_teaches_nothing() -> None:
    run = Run()

    async def scenario() -> None:
        await run.all(100.0, 100.0, 100.0)
        before = run.queue.estimate.expected("audio/wav", 1_000_000)
        for _ in range(8):
            failing = await run.submit(
                0, create=lambda: run.server.create(0.5, outcome=EnhancementStatus.FAILED)
            )
            assert (await failing.finished).status == EnhancementStatus.FAILED
        assert run.queue.estimate.expected("audio/wav", 1_000_000) == before

    await run.clock.run(scenario())


async def test_the_window_deepens_for_jobs_shorter_than_a_round_trip_and_shallows_again() -> None:
    run = Run(latency=0.25)
    depths: list[int] = []

    async def scenario() -> None:
        assert run.queue.window.depth == 2
        await run.all(*[0.1] * 120)
        depths.append(run.queue.window.depth)
        await run.all(*[60.0] * 50)
        depths.append(run.queue.window.depth)

    await run.clock.run(scenario())
    deep, shallow = depths
    assert 8 <= deep <= 32
    assert shallow == 2


async def test_with_a_deep_enough_window_the_server_hardly_idles() -> None:
    async def seconds_for(jobs: int, run: Run) -> float:
        begun = run.clock.now
        await run.all(*[0.5] * jobs)
        return run.clock.now - begun

    run = Run(latency=0.25)
    await run.clock.run(seconds_for(40, run))  # learns
    taken = await run.clock.run(seconds_for(100, run))
    assert taken <= 1.1 * 100 * 0.5


async def test_never_more_than_the_window_is_outstanding() -> None:
    run = Run(latency=0.1)
    most = 0

    async def watch() -> None:
        nonlocal most
        while len(run.finished) < 30:
            most = max(most, len(run.queue.outstanding))
            assert len(run.queue.outstanding) <= 2
            await run.clock.sleep(0.5)

    async def scenario() -> None:
        watching = asyncio.create_task(watch())
        await run.all(*[5.0] * 30)
        await watching

    await run.clock.run(scenario())
    assert most == 2


async def test_the_important_ones_get_the_next_places() -> None:
    run = Run()
    order: list[str] = []

    async def one(name: str, priority: int) -> None:
        outstanding = await run.submit(10.0, priority=priority)
        order.append(name)
        await outstanding.finished

    async def scenario() -> None:
        await asyncio.gather(
            *(one(f"n{n}", 0) for n in range(4)), *(one(f"high{n}", 5) for n in range(2))
        )

    await run.clock.run(scenario())
    assert order == ["n0", "n1", "high0", "high1", "n2", "n3"]


async def test_giving_up_before_the_request_went_out_creates_nothing() -> None:
    run = Run()

    async def limited() -> SpeechEnhancement:
        await run.clock.sleep(50.0)  # waits for its turn under the rate limit
        return await run.server.create(10.0)

    async def scenario() -> None:
        task = asyncio.create_task(run.submit(0, create=limited, sent=lambda: False))
        await run.clock.sleep(1.0)
        assert run.queue.gate.held == 1
        task.cancel()
        await asyncio.wait([task])
        assert run.queue.gate.held == 0
        await run.clock.sleep(100.0)
        assert run.server.busy == 0.0

    await run.clock.run(scenario())


async def test_a_request_on_its_way_is_seen_through_and_keeps_its_place() -> None:
    run = Run(latency=2.0)
    submitted: list[str] = []

    async def scenario() -> None:
        task = asyncio.create_task(
            run.queue.submit(
                lambda: run.server.create(30.0),
                sent=lambda: True,
                byte_size=1000,
                content_type="audio/wav",
                priority=0,
                on_submitted=lambda entry: submitted.append(entry.enhancement.id),
                on_status=ignored,
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

    await run.clock.run(scenario())


async def test_a_request_that_fails_gives_its_place_back() -> None:
    run = Run()

    async def refused() -> SpeechEnhancement:
        raise NotFoundError("There is no such asset.", status=404)

    async def scenario() -> None:
        for _ in range(5):
            with pytest.raises(NotFoundError):
                await run.submit(0, create=refused)
        assert run.queue.gate.held == 0

    await run.clock.run(scenario())


async def test_what_was_created_earlier_is_taken_up_without_a_place() -> None:
    run = Run()

    async def scenario() -> None:
        old = [await run.server.create(40.0) for _ in range(4)]
        await run.clock.sleep(50.0)
        entries = [
            run.queue.take_up(
                run.server.state(enhancement.id),
                byte_size=1000,
                content_type="audio/wav",
                on_status=ignored,
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

    await run.clock.run(scenario())


async def test_closing_ends_everything_and_waits_for_the_answers_on_their_way() -> None:
    run = Run(latency=1.0)
    closed: list[str] = []

    async def scenario() -> None:
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

    await run.clock.run(scenario())
    assert closed == []


@pytest.mark.parametrize(("kind", "size"), [("audio/mpeg", 17_000_000), ("audio/wav", 17_000_000)])
async def test_small_recordings_say_little_of_large_ones(kind: str, size: int) -> None:
    """Two seconds for a short one are no reason to wait for minutes before the first question."""
    run = Run()

    async def scenario() -> None:
        await run.enhance(2.3, size=165_000)
        begun = run.clock.now
        entry = await run.submit(10.0, size=size, content_type=kind)
        await entry.finished
        assert run.clock.now - begun < 1.35 * 10.0

    await run.clock.run(scenario())


async def test_a_recording_far_larger_than_others_is_not_taken_for_stuck() -> None:
    run = Run()

    async def scenario() -> None:
        await run.enhance(10.0, size=100_000)
        finished = await run.enhance(20_000.0, size=200_000_000)
        assert finished.status == EnhancementStatus.SUCCEEDED

    await run.clock.run(scenario())
