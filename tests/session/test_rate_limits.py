import asyncio
from collections.abc import Iterable

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_enhance import RateLimits
from audio_enhance._session.rate_limits import SlidingWindow
from tests.support.clock import ManualClock, TurnClock

Call = tuple[float, float]  # when it was let in, and when it ended


async def calls(
    window: SlidingWindow, clock: TurnClock, plan: Iterable[tuple[float, float]]
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
    clock = TurnClock()
    window = SlidingWindow(limit, clock)
    made = asyncio.run(clock.run(calls(window, clock, plan)))
    assert len(made) == len(plan)
    assert most_in_any(60, made) <= limit


@settings(deadline=None, max_examples=30)
@given(limit=st.integers(1, 7), rounds=st.integers(1, 5), extra=st.integers(0, 6))
def test_all_that_is_allowed_gets_through(limit: int, rounds: int, extra: int) -> None:
    clock = TurnClock()
    window = SlidingWindow(limit, clock)
    count = limit * rounds + min(extra, limit - 1)
    made = asyncio.run(clock.run(calls(window, clock, [(0.0, 0.0)] * count)))
    # `limit` at once, `limit` more each time that a period has passed, and not a moment later.
    assert sorted(began for began, _ in made) == [60.0 * (n // limit) for n in range(count)]


@attrs.define
class Pair:
    """A recording: an asset, its upload, and an enhancement unless the upload fails."""

    arrival: float
    upload: float
    length: float
    fails: bool


async def pairs(limits: RateLimits, clock: TurnClock, plan: Iterable[Pair]) -> list[Call]:
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
    clock = TurnClock()
    limits = RateLimits(creations_per_minute=limit, others_per_minute=1, clock=clock)
    made = asyncio.run(clock.run(pairs(limits, clock, plan)))
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
    clock = TurnClock()
    limits = RateLimits(creations_per_minute=limit, others_per_minute=1, clock=clock)
    plan = [Pair(0.0, upload, 0.0, fails=False)] * jobs
    made = asyncio.run(clock.run(pairs(limits, clock, plan)))
    minutes = (2 * jobs - 1) // limit
    assert max(began for began, _ in made) <= minutes * (60.0 + upload) + upload * jobs


async def test_a_bucket_that_starts_full_would_fail_the_property() -> None:
    # 20 at once and then one every 0.1 s: what a token bucket of 20 in 2 s lets through.
    made = [(0.0, 0.0)] * 20 + [(0.1 * n, 0.1 * n) for n in range(1, 20)]
    assert most_in_any(2, made) == 39


async def test_first_come_first_served() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)
    order: list[int] = []

    async def one(number: int) -> None:
        async with window:
            order.append(number)

    async def all_of_them() -> None:
        await asyncio.gather(*(one(number) for number in range(10)))

    await clock.run(all_of_them())
    assert order == list(range(10))
    assert clock.now == 9 * 60


async def test_a_call_under_way_counts_however_long_it_takes() -> None:
    clock = TurnClock()
    window = SlidingWindow(2, clock)
    made = await clock.run(calls(window, clock, [(0, 500), (0, 1), (2, 1), (3, 1)]))
    assert made == [(0, 1), (61, 62), (122, 123), (0, 500)]


async def test_the_whole_limit_under_way_waits_for_an_end() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)
    assert await clock.run(calls(window, clock, [(0, 100), (0, 0)])) == [(0, 100), (160, 160)]


async def test_failed_calls_count_too() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)

    async def fail_then_call() -> None:
        with pytest.raises(KeyError):
            async with window:
                raise KeyError
        async with window:
            pass

    await clock.run(fail_then_call())
    assert clock.now == 60


async def test_a_pause_holds_everybody_back_and_never_shortens_another() -> None:
    clock = TurnClock()
    window = SlidingWindow(10, clock)
    window.pause(30)
    window.pause(5)
    made = await clock.run(calls(window, clock, [(0, 0), (10, 0), (40, 0)]))
    assert made == [(30, 30), (30, 30), (40, 40)]


async def test_a_pause_while_somebody_waits() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)

    async def pause() -> None:
        await clock.sleep(50)
        window.pause(100)

    async def both() -> list[Call]:
        made, _ = await asyncio.gather(calls(window, clock, [(0, 0), (0, 0)]), pause())
        return made

    assert await clock.run(both()) == [(0, 0), (150, 150)]


async def test_whoever_gives_up_waiting_is_in_nobodys_way() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)

    async def scene() -> list[float]:
        entered: list[float] = []

        async def one() -> None:
            async with window:
                entered.append(clock.monotonic())

        tasks = [asyncio.create_task(one()) for _ in range(4)]
        await clock.sleep(10)
        tasks[1].cancel()  # at the head of the queue
        tasks[2].cancel()  # behind it
        await asyncio.wait(tasks)
        return entered

    assert await clock.run(scene()) == [0, 60]


async def test_whoever_gives_up_waiting_for_an_end_is_in_nobodys_way() -> None:
    clock = TurnClock()
    window = SlidingWindow(1, clock)

    async def scene() -> list[Call]:
        first = asyncio.create_task(calls(window, clock, [(0, 100)]))
        second = asyncio.create_task(calls(window, clock, [(0, 0)]))
        third = asyncio.create_task(calls(window, clock, [(0, 0)]))
        await clock.sleep(1)
        second.cancel()
        return [*await first, *await third]

    assert await clock.run(scene()) == [(0, 100), (160, 160)]


async def test_its_repr_shows_its_state(clock: ManualClock) -> None:
    window = SlidingWindow(3, clock)
    async with window:
        async with window:
            pass
        assert repr(window) == "SlidingWindow(2 of 3 in 60 s)"


def test_a_limit_of_none_at_all_is_refused(clock: ManualClock) -> None:
    with pytest.raises(ValueError):
        SlidingWindow(0, clock)


def test_the_published_limits() -> None:
    limits = RateLimits()
    assert (limits.creations.limit, limits.others.limit) == (100, 500)
    assert limits.creations.period == limits.others.period == 60
    assert "100" in repr(limits)
    assert "500" in repr(limits)
