"""Short jobs under the creation limit: they end as soon as it allows, whatever happens to some."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, cast

import attrs
import pytest

from audio_enhance import AccessToken, Asset, Outcome, RateLimits, Source, SpeechEnhancement
from audio_enhance._core.errors import StorageError
from audio_enhance._core.models import AssetStatus
from audio_enhance._jobs.batch import Batch
from audio_enhance._jobs.lane import Lane
from audio_enhance._jobs.opened import Sharing, lane_of
from audio_enhance._jobs.order import Order
from audio_enhance._jobs.running import RunningJob
from audio_enhance._settings import Settings
from tests.support.resources import other_tasks
from tests.support.virtual_time import LoopClock, in_virtual_time

from .simulated import SimulatedServer

ROUND_TRIP = 0.05
TRANSFER = 0.5
WAY_IN = 4 * ROUND_TRIP + TRANSFER
# Questions come a fiftieth late, the first ones before anything is known; and one that came too
# early, since every third recording takes longer, is asked again after a share of its time.
SLACK = 1.5


class SimulatedApi:
    """The calls that a lane makes, under real limits.

    Attributes:
        made: When each asset ("a") and enhancement ("e") was let in.
    """

    def __init__(self, clock: LoopClock, limits: RateLimits, seconds: Callable[[int], float]):
        self.client_id = "client"
        self.limits = limits
        self.made: list[tuple[str, float]] = []
        self.seconds = seconds
        self.server = SimulatedServer(clock)
        self.clock = clock

    async def create_speech_enhancement(
        self,
        asset_id: str,
        _strength: int,
        *,
        on_send: Callable[[], Awaitable[None]],
        **_: object,
    ) -> SpeechEnhancement:
        async with self.limits.creations:
            await on_send()
            self.made.append(("e", self.clock.now))
            await self.clock.sleep(ROUND_TRIP)
            return await self.server.create(self.seconds(int(asset_id)))

    async def get_speech_enhancement(
        self, asset_id: str, found: str, **_: object
    ) -> SpeechEnhancement:
        await self.clock.sleep(ROUND_TRIP)
        return await self.server.ask(asset_id, found)


class SimulatedSteps:
    """The five steps without a wire.

    Attributes:
        broken: The numbers of recordings whose upload fails.
        slow: How long the upload of some others takes.
    """

    def __init__(self, api: SimulatedApi) -> None:
        self.api = api
        self.clock = api.clock
        self.broken: set[int] = set()
        self.slow: dict[int, float] = {}
        self._assets: dict[str, Asset] = {}

    async def create_asset(self, source: Source, **_: object) -> Asset:
        clock = self.api.clock
        async with self.api.limits.assets:
            self.api.made.append(("a", clock.now))
            await clock.sleep(ROUND_TRIP)
        at = datetime.fromtimestamp(clock.now, UTC)
        asset = self._assets[source.filename] = Asset(
            id=source.filename.removesuffix(".mp3"),
            filename=source.filename,
            upload_url=None,
            status=AssetStatus.READY_FOR_PROCESSING,
            created_at=at,
            updated_at=at,
            byte_size=(await source.fingerprint()).byte_size,
            content_type=source.content_type,
            checksum=None,
        )
        return asset

    async def upload(self, asset: Asset, _source: Source, **_: object) -> None:
        number = int(asset.id)
        await self.api.clock.sleep(ROUND_TRIP + self.slow.get(number, TRANSFER))
        if number in self.broken:
            raise StorageError("The object store wants none of it.", status=400)

    async def wait_until_ready(self, _asset_id: str, *, source: Source, **_: object) -> Asset:
        await self.api.clock.sleep(ROUND_TRIP)
        return self._assets[source.filename]


@attrs.define
class World:
    """Lanes that share the limits of one organization, in simulated time."""

    clock: LoopClock
    limits: RateLimits
    moved: asyncio.Event
    lanes: list[Lane]
    steps: list[SimulatedSteps]

    @property
    def made(self) -> list[tuple[str, float]]:
        """What was created by whichever lane, and when, in order."""
        return sorted((made for each in self.steps for made in each.api.made), key=itemgetter(1))

    async def batch(self, count: int, strengths: Sequence[int] = (93,)) -> list[Outcome]:
        """Send so many recordings through the lanes."""
        order = Order()
        batch = Batch(self.lanes, self.moved, order, strengths, on_event=())
        sources = [recording(number) for number in range(count)]
        return [outcome async for _, outcome in batch.run(sources)]

    def submit(self, number: int) -> RunningJob:
        """Send one through the first lane."""
        job = RunningJob(recording(number), 93, 0)
        self.lanes[0].start(job, Order())
        return job


def recording(number: int) -> Source:
    return Source.from_bytes(f"ID3 {number}".encode(), f"{number}.mp3")


def short(number: int) -> float:
    """How long the server takes: every third recording is longer."""
    return 1.0 if number % 3 == 0 else 0.5


def in_simulated_time(
    scene: Callable[[World], Coroutine[Any, Any, None]],
    *,
    limit: int,
    seconds: Callable[[int], float] = short,
    lanes: int = 1,
) -> World:
    """Play a scene; nothing may be left of it, or be owed, and no limit exceeded."""
    clock = LoopClock(epoch=0.0)

    async def play() -> World:
        limits = RateLimits(creations_per_minute=limit, others_per_minute=10**6, clock=clock)
        moved = asyncio.Event()
        settings = Settings(AccessToken("t", client_id="c"), clock=clock)
        sharing = Sharing()
        steps = [SimulatedSteps(SimulatedApi(clock, limits, seconds)) for _ in range(lanes)]
        world = World(
            clock,
            limits,
            moved,
            [lane_of(cast("Any", each), settings, sharing, moved) for each in steps],
            steps,
        )
        before = other_tasks()
        try:
            await scene(world)
            assert "0 owed" in repr(limits.assets)
        finally:
            for lane in world.lanes:
                await lane.aclose()
        assert other_tasks() == before
        return world

    world = in_virtual_time(play())
    times = [at for _, at in world.made]
    assert all(after - before >= 60.0 for before, after in zip(times, times[limit:], strict=False))
    return world


def allowed(jobs: int, limit: int, seconds: Callable[[int], float] = short) -> float:
    """When the last of them can be finished, if they are begun in order of arrival."""
    processing = [seconds(number) for number in range(jobs)]
    a_minute = limit // 2
    return max(
        begun / a_minute * 60.0 + WAY_IN + sum(processing[begun:])
        for begun in range(0, jobs, a_minute)
    )


@pytest.mark.parametrize("jobs", [49, 50, 51, 54, 60, 65, 120])
def test_short_jobs_end_when_the_limit_allows(jobs: int) -> None:
    async def scene(world: World) -> None:
        assert all(outcome.ok for outcome in await world.batch(jobs))
        assert world.clock.now <= allowed(jobs, 100) + SLACK

    world = in_simulated_time(scene, limit=100)
    in_the_first_minute = [what for what, at in world.made if at < 60.0]
    # Spent pairwise: no asset takes what an enhancement before it could have had.
    assert in_the_first_minute.count("e") == min(jobs, 50)


def test_long_jobs_are_uploaded_ahead_as_ever() -> None:
    def long(_: int) -> float:
        return 40.0

    async def scene(world: World) -> None:
        assert all(outcome.ok for outcome in await world.batch(20))
        assert world.clock.now <= WAY_IN + 20 * 40.0 + SLACK

    world = in_simulated_time(scene, limit=100, seconds=long)
    # All that may be ahead is there before the first one is finished.
    assert [what for what, at in world.made if at < 30.0].count("a") == 2 + 8


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
@pytest.mark.parametrize("lanes", [1, 3])
def test_small_limits_are_used_up_and_nobody_waits_for_ever(limit: int, lanes: int) -> None:
    async def scene(world: World) -> None:
        assert all(outcome.ok for outcome in await world.batch(9))
        # The last of 18 creations comes in this minute at the latest; one that slipped in before
        # an enhancement of another lane can cost the time of one upload in each minute.
        minutes = (2 * 9 - 1) // limit
        assert world.clock.now <= minutes * (60.0 + WAY_IN) + WAY_IN + 9 * 1.0 + SLACK

    world = in_simulated_time(scene, limit=limit, lanes=lanes)
    assert len(world.made) == 18


def test_a_long_job_of_one_lane_does_not_hold_up_another() -> None:
    """What is owed by a lane whose server is busy is left alone, however small the limit."""

    def seconds(number: int) -> float:
        return 1800.0 if number < 4 else 0.5

    async def scene(world: World) -> None:
        busy, free = world.lanes
        order = Order()
        long = [RunningJob(recording(number), 93, 0) for number in range(4)]
        for job in long:
            busy.start(job, order)
        await world.clock.sleep(600.0)
        assert "2 owed" in repr(world.limits.assets)
        other = RunningJob(recording(4), 93, 0)
        free.start(other, order)
        await other
        assert world.clock.now <= 600.0 + 2 * 60.0 + WAY_IN + SLACK
        for job in long:
            job.cancel()
        await asyncio.wait([job.task for job in long])

    in_simulated_time(scene, limit=2, seconds=seconds, lanes=2)


def test_what_fails_after_its_asset_gives_its_place_to_the_next() -> None:
    async def scene(world: World) -> None:
        world.steps[0].broken = set(range(0, 60, 2))
        outcomes = await world.batch(60)
        assert sum(outcome.ok for outcome in outcomes) == 30
        # 90 creations: none has to wait.
        assert world.clock.now < 60.0

    in_simulated_time(scene, limit=100)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_a_failure_under_a_small_limit_wakes_the_next_at_once(limit: int) -> None:
    async def scene(world: World) -> None:
        world.steps[0].broken = {0, 1, 3}
        outcomes = await world.batch(5)
        assert sum(outcome.ok for outcome in outcomes) == 2
        assert world.clock.now <= (7 - 1) // limit * (60.0 + WAY_IN) + 2 * WAY_IN + SLACK

    in_simulated_time(scene, limit=limit)


def test_several_strengths_of_a_recording_owe_one_each() -> None:
    async def scene(world: World) -> None:
        assert all(outcome.ok for outcome in await world.batch(40, strengths=(50, 93)))
        # 33 recordings have all they need in the first minute.
        assert world.clock.now <= 60.0 + WAY_IN + 2 * 7 * 1.0 + SLACK

    world = in_simulated_time(scene, limit=100)
    assert [what for what, _ in world.made].count("a") == 40


def test_a_slow_upload_is_passed_by_others_and_still_has_its_turn() -> None:
    async def scene(world: World) -> None:
        world.steps[0].slow = {3: 40.0, 30: 40.0}
        assert all(outcome.ok for outcome in await world.batch(60))
        assert world.clock.now <= allowed(60, 100) + 10.0

    world = in_simulated_time(scene, limit=100)
    assert [what for what, at in world.made if at < 60.0].count("e") >= 49


def test_an_asset_that_is_there_already_needs_one_creation_only() -> None:
    """The second job of the same recording finds its upload remembered."""

    async def scene(world: World) -> None:
        order = Order()
        for strength in (50, 93):
            job = RunningJob(recording(0), strength, 0)
            world.lanes[0].start(job, order)
            await job
        assert world.clock.now < 60.0

    assert len(in_simulated_time(scene, limit=3).made) == 3


@pytest.mark.parametrize("seconds", [0.0, 0.03, 0.2, 0.7, 20.0, 59.9, 60.0, 60.3, 61.0, 130.0])
def test_cancelling_at_any_moment_leaves_nothing_owed(seconds: float) -> None:
    async def scene(world: World) -> None:
        jobs = [world.submit(number) for number in range(12)]
        await world.clock.sleep(seconds)
        for job in jobs[:11]:
            job.cancel()
        await asyncio.wait([job.task for job in jobs])
        left = len([job for job in jobs if job.asset is not None])
        await jobs[11]
        # What had an asset has cost one creation, or two; the last one waited for no more.
        assert world.clock.now <= max(seconds, (2 * left + 1) // 3 * 61.0) + 2 * 61.0

    in_simulated_time(scene, limit=3)
