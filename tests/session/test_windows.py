import asyncio
from collections.abc import Iterable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_enhance import RateLimits
from audio_enhance._session.windows import SlidingWindow
from tests.support.clock import ManualClock
from tests.support.virtual_time import LoopClock, in_virtual_time, virtually

Call = tuple[float, float]  # when it was let in, and when it ended


async def calls(
    window: SlidingWindow, clock: LoopClock, plan: Iterable[tuple[float, float]]
) -> list[Call]:
    """Make calls that arrive and last as planned; return when they began and ended."""
    made: list[Call] = []

    async def one(arrival: float, length: float) -> None:
        await clock.sleep(arrival)
        async with window:
            began = clock.monotonic()
            await clock.sleep(length)
            made.append((began, clock.monotonic()))

    await asyncio.gather(*(one(*planned) for planned in plan))
    return made


def most_in_any(period: float, made: list[Call]) -> int:
    """The most calls that a server can see in one period, if it sees each as suits it worst.

    A call may be seen at any moment from its beginning to its end. A period that holds the most
    can be moved until it begins with the end of a call.
    """
    return max(
        sum(began < start + period and ended >= start for began, ended in made)
        for start in (ended for _, ended in made)
    )


@settings(deadline=None)
@given(
    limit=st.integers(1, 5),
    plan=st.lists(
        st.tuples(st.floats(0, 200), st.one_of(st.just(0.0), st.floats(0, 100))),
        min_size=1,
        max_size=25,
    ),
)
def test_never_more_than_the_limit_in_any_period(
    limit: int, plan: list[tuple[float, float]]
) -> None:
    clock = LoopClock()
    window = SlidingWindow(limit, clock)
    made = in_virtual_time(calls(window, clock, plan))
    assert len(made) == len(plan)
    assert most_in_any(60, made) <= limit


@settings(deadline=None, max_examples=30)
@given(limit=st.integers(1, 7), rounds=st.integers(1, 5), extra=st.integers(0, 6))
def test_all_that_is_allowed_gets_through(limit: int, rounds: int, extra: int) -> None:
    clock = LoopClock()
    window = SlidingWindow(limit, clock)
    count = limit * rounds + min(extra, limit - 1)
    made = in_virtual_time(calls(window, clock, [(0.0, 0.0)] * count))
    # `limit` at once, `limit` more each time that a period has passed, and not a moment later.
    assert sorted(began for began, _ in made) == [60.0 * (n // limit) for n in range(count)]


@attrs.define
class Pair:
    """A recording: an asset, its upload, and an enhancement unless the upload fails."""

    arrival: float
    upload: float
    length: float
    fails: bool


async def pairs(limits: RateLimits, clock: LoopClock, plan: Iterable[Pair]) -> list[Call]:
    """Make two calls for each, as a lane would; return when they began and ended."""
    made: list[Call] = []
    owed: set[int] = set()
    limits.assets.owe(lambda: len(owed), 1)

    async def take(length: float) -> None:
        began = clock.monotonic()
        await clock.sleep(length)
        made.append((began, clock.monotonic()))

    async def one(number: int, pair: Pair) -> None:
        await clock.sleep(pair.arrival)
        async with limits.assets:
            await take(pair.length)
        owed.add(number)
        await clock.sleep(pair.upload)
        if pair.fails:
            owed.remove(number)
            limits.assets.look_again()
            return
        async with limits.creations:
            owed.remove(number)
            await take(pair.length)

    await asyncio.gather(*(one(number, pair) for number, pair in enumerate(plan)))
    return made


@settings(deadline=None)
@given(
    limit=st.integers(1, 6),
    plan=st.lists(
        st.builds(
            Pair, st.floats(0, 200), st.floats(0, 90), st.sampled_from([0.0, 0.1, 5]), st.booleans()
        ),
        min_size=1,
        max_size=12,
    ),
)
def test_assets_and_enhancements_together_never_exceed_it_and_all_have_their_turn(
    limit: int, plan: list[Pair]
) -> None:
    clock = LoopClock()
    limits = RateLimits(creations_per_minute=limit, others_per_minute=1, clock=clock)
    made = in_virtual_time(pairs(limits, clock, plan))
    assert len(made) == sum(1 if pair.fails else 2 for pair in plan)
    assert most_in_any(60, made) <= limit


@settings(deadline=None, max_examples=30)
@given(
    limit=st.integers(1, 9),
    jobs=st.integers(1, 12),
    upload=st.sampled_from([0.0, 0.5, 3.0]),
)
def test_assets_and_enhancements_together_use_what_is_allowed(
    limit: int, jobs: int, upload: float
) -> None:
    """The last of them comes in the minute that its number allows, give or take the uploads."""
    clock = LoopClock()
    limits = RateLimits(creations_per_minute=limit, others_per_minute=1, clock=clock)
    plan = [Pair(0.0, upload, 0.0, fails=False)] * jobs
    made = in_virtual_time(pairs(limits, clock, plan))
    minutes = (2 * jobs - 1) // limit
    assert max(began for began, _ in made) <= minutes * (60.0 + upload) + upload * jobs


def test_a_bucket_that_starts_full_would_fail_the_property() -> None:
    # 20 at once and then one every 0.1 s: what a token bucket of 20 in 2 s lets through.
    made = [(0.0, 0.0)] * 20 + [(0.1 * n, 0.1 * n) for n in range(1, 20)]
    assert most_in_any(2, made) == 39


@virtually
async def test_first_come_first_served() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)
    order: list[int] = []

    async def one(number: int) -> None:
        async with window:
            order.append(number)

    await asyncio.gather(*(one(number) for number in range(10)))
    assert order == list(range(10))
    assert clock.now == 9 * 60


@virtually
async def test_a_call_under_way_counts_however_long_it_takes() -> None:
    clock = LoopClock()
    window = SlidingWindow(2, clock)
    made = await calls(window, clock, [(0, 500), (0, 1), (2, 1), (3, 1)])
    assert made == [(0, 1), (61, 62), (122, 123), (0, 500)]


@virtually
async def test_the_whole_limit_under_way_waits_for_an_end() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)
    assert await calls(window, clock, [(0, 100), (0, 0)]) == [(0, 100), (160, 160)]


@virtually
async def test_failed_calls_count_too() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)

    with pytest.raises(KeyError):
        async with window:
            raise KeyError
    async with window:
        pass
    assert clock.now == 60


@virtually
async def test_a_pause_holds_everybody_back_and_never_shortens_another() -> None:
    clock = LoopClock()
    window = SlidingWindow(10, clock)
    window.pause(30)
    window.pause(5)
    made = await calls(window, clock, [(0, 0), (10, 0), (40, 0)])
    assert made == [(30, 30), (30, 30), (40, 40)]


@virtually
async def test_a_pause_while_somebody_waits() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)

    async def pause() -> None:
        await clock.sleep(50)
        window.pause(100)

    made, _ = await asyncio.gather(calls(window, clock, [(0, 0), (0, 0)]), pause())
    assert made == [(0, 0), (150, 150)]


@virtually
async def test_whoever_gives_up_waiting_is_in_nobodys_way() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)

    entered: list[float] = []

    async def one() -> None:
        async with window:
            entered.append(clock.monotonic())

    tasks = [asyncio.create_task(one()) for _ in range(4)]
    await clock.sleep(10)
    tasks[1].cancel()  # at the head of the queue
    tasks[2].cancel()  # behind it
    await asyncio.wait(tasks)
    assert entered == [0, 60]


@virtually
async def test_whoever_gives_up_waiting_for_an_end_is_in_nobodys_way() -> None:
    clock = LoopClock()
    window = SlidingWindow(1, clock)

    first = asyncio.create_task(calls(window, clock, [(0, 100)]))
    second = asyncio.create_task(calls(window, clock, [(0, 0)]))
    third = asyncio.create_task(calls(window, clock, [(0, 0)]))
    await clock.sleep(1)
    second.cancel()
    assert [*await first, *await third] == [(0, 100), (160, 160)]


async def test_its_repr_shows_its_state(clock: ManualClock) -> None:
    window = SlidingWindow(3, clock)
    async with window:
        async with window:
            pass
        assert repr(window) == "SlidingWindow(2 of 3 in 60 s)"


def test_a_limit_of_none_at_all_is_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError):
        SlidingWindow(0, clock)


class TestAhead:
    """When an asset may be created: what it makes necessary goes first."""

    @staticmethod
    def limits(clock: LoopClock, limit: int, *, owed: int = 0, most: int = 0) -> RateLimits:
        limits = RateLimits(creations_per_minute=limit, clock=clock)
        limits.assets.owe(lambda: owed, most)
        return limits

    @staticmethod
    async def spend(limits: RateLimits, clock: LoopClock, *ends: float) -> None:
        """Let calls be made that end at these times."""
        for end in ends:
            async with limits.creations:
                await clock.sleep(end - clock.now)

    @staticmethod
    async def entered(limits: RateLimits, clock: LoopClock) -> float:
        async with limits.assets:
            return clock.now

    @virtually
    async def test_with_nothing_owed_the_last_call_is_used(self) -> None:
        clock = LoopClock()
        limits = self.limits(clock, 2)
        await self.spend(limits, clock, 1.0)
        assert await self.entered(limits, clock) == 1.0

    @virtually
    async def test_calls_are_left_for_what_is_owed_and_for_its_own_enhancement(self) -> None:
        clock = LoopClock()
        limits = self.limits(clock, 4, owed=1, most=1)
        await self.spend(limits, clock, 1.0, 2.0)
        # One is free for itself, one for its enhancement, none for the one that is owed.
        assert await self.entered(limits, clock) == pytest.approx(61.0 - 5.0)

    @virtually
    async def test_a_call_that_is_free_soon_is_in_time(self) -> None:
        """A twelfth of the period: its upload takes about as long."""
        clock = LoopClock()
        limits = self.limits(clock, 3, owed=1, most=1)
        await self.spend(limits, clock, 1.0)
        await clock.sleep(55.5)
        assert await self.entered(limits, clock) == 56.5  # the third is free at 61

    @virtually
    async def test_but_not_one_that_is_free_later(self) -> None:
        clock = LoopClock()
        limits = self.limits(clock, 3, owed=1, most=1)
        await self.spend(limits, clock, 1.0)
        assert await self.entered(limits, clock) == pytest.approx(56.0)

    @virtually
    async def test_others_that_are_on_their_way_will_need_theirs_too(self) -> None:
        """An asset under way is owed by nobody yet."""
        clock = LoopClock()
        limits = self.limits(clock, 4)

        async def asset(seconds: float) -> float:
            async with limits.assets:
                began = clock.now
                await clock.sleep(seconds)
                return began

        # The first two need four between them; the third would leave one of them without.
        began = await asyncio.gather(*(asset(10.0) for _ in range(3)))
        assert began == [0.0, 0.0, 10.0]

    @virtually
    async def test_who_waits_for_a_call_goes_before_any_asset(self) -> None:
        clock = LoopClock()
        limits = self.limits(clock, 1)
        order: list[str] = []

        async def enter(name: str) -> None:
            async with limits.creations if name == "enhancement" else limits.assets:
                order.append(name)

        await self.spend(limits, clock, 1.0)
        async with asyncio.TaskGroup() as group:
            for name in ("asset", "enhancement"):
                group.create_task(enter(name))
                await clock.sleep(1.0)
        assert order == ["enhancement", "asset"]
