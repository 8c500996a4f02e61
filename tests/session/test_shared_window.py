"""A window that processes share, in a real Redis. Its clock is its own, so periods are short."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import define

from audio_enhance import (
    ConnectionFailedError,
    EnhanceClient,
    RateLimitError,
    RateLimits,
    RetryPolicy,
    Source,
)
from audio_enhance._core.clock import SystemClock
from audio_enhance._session.shared_window import Meeting, SharedWindow
from audio_enhance._session.windows import SlidingWindow
from audio_enhance.local import Fault, LocalService
from tests.support.clock import ManualClock
from tests.support.resources import open_files
from tests.support.tools import path_of

from .test_windows import most_in_any

PERIOD = 0.2


@define
class Redis:
    """A Redis that can be stopped, and loses what it knew."""

    socket: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            (
                *(path_of("redis-server"), "--port", "0", "--unixsocket", str(self.socket)),
                *("--save", "", "--appendonly", "no", "--dir", str(self.socket.parent)),
            ),
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        while b"accept connections" not in (line := self.process.stdout.readline()):
            assert line, "it has ended"

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.communicate()
            self.process = None

    def window(self, limit: int, *, period: float = PERIOD) -> SharedWindow:
        meeting = Meeting(self.url, "studio", None)
        return SharedWindow(limit, SystemClock(), meeting, "creations", period=period)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    """One for all tests here."""
    redis = Redis(tmp_path_factory.mktemp("redis") / "socket")
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture
async def redis(running: Redis) -> Redis:
    """One that knows nothing."""
    if running.process is None:
        running.start()
    await Meeting(running.url, "studio", None).evaluate("redis.call('FLUSHALL')", ())
    return running


async def call(window: SlidingWindow) -> tuple[float, float]:
    """Make a call; return when it was let in and when it ended."""
    async with window:
        began = time.monotonic()
        await asyncio.sleep(0)
        return began, time.monotonic()


@pytest.mark.any_loop
async def test_together_they_never_exceed_it(redis: Redis) -> None:
    windows = [redis.window(4) for _ in range(3)]
    made = await asyncio.gather(*(call(windows[number % 3]) for number in range(12)))
    assert most_in_any(PERIOD, made) <= 4
    began = sorted(began for began, _ in made)
    assert began[-1] - began[0] >= 2 * PERIOD


@pytest.mark.slow
def test_eight_processes_never_exceed_it(redis: Redis) -> None:
    driver = Path(__file__).with_name("redis_driver.py")
    arguments = (redis.url, "20", "0.5", "8", "15")
    run = subprocess.run(
        [sys.executable, str(driver), *arguments], capture_output=True, text=True, check=True
    )
    made = [tuple(map(float, line.split())) for line in run.stdout.splitlines()]
    assert (len(made), run.stderr) == (8 * 15, "")
    assert most_in_any(0.5, [(began, ended) for began, ended in made]) <= 20


async def test_a_call_that_is_under_way_elsewhere_counts(redis: Redis) -> None:
    first, second = redis.window(1), redis.window(1)
    async with first:
        waiting = asyncio.create_task(call(second))
        await asyncio.sleep(2 * PERIOD)
        assert not waiting.done()
        ended = time.monotonic()
    began, _ = await waiting
    assert began >= ended + PERIOD


async def test_all_wait_when_one_was_told_to(redis: Redis) -> None:
    first, second = redis.window(10), redis.window(10)
    first.pause(50.0, RateLimitError("Slow down.", status=429, retry_after=50.0))
    await first.tell_others()
    with pytest.raises(RateLimitError, match="Another program") as told:
        await call(second)
    assert told.value.held_back
    assert told.value.retry_after == pytest.approx(50.0, abs=10.0)
    third = redis.window(10)
    third.pause(0.01)  # never shortens another
    await third.tell_others()
    with pytest.raises(RateLimitError):
        await call(redis.window(10))


async def test_a_client_that_is_told_to_wait_tells_the_others(
    redis: Redis, enhance_service: LocalService
) -> None:
    source = Source.from_bytes(b"ID3", filename="talk.mp3")
    limits = RateLimits.shared(redis.url, name="studio")
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        limits=limits,
        retry=RetryPolicy(attempts=1),
    ) as client:
        await client.create_asset(source)
        enhance_service.faults.retry_after = 30
        enhance_service.faults.script(Fault.TOO_MANY_REQUESTS)
        with pytest.raises(RateLimitError):
            await client.create_asset(source)
    others = RateLimits.shared(redis.url, name="studio")
    with pytest.raises(RateLimitError, match="Another program"):
        await call(others.creations)
    await call(others.others)  # it was about creations


async def test_whoever_gives_up_has_not_been_let_in(redis: Redis) -> None:
    window = redis.window(2, period=60.0)
    tasks = [asyncio.create_task(call(window)) for _ in range(2)]
    await asyncio.sleep(0)  # on their way to the Redis
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert all(task.cancelled() for task in tasks)
    other = redis.window(2, period=60.0)
    async with other, other:
        pass  # both are free


async def test_nothing_is_left_open(redis: Redis) -> None:
    before, tasks = open_files(), asyncio.all_tasks()
    await call(redis.window(3))
    assert asyncio.all_tasks() == tasks
    assert open_files() == before


def test_it_works_in_one_event_loop_after_another(redis: Redis) -> None:
    window = redis.window(1)
    made = [asyncio.run(call(window)) for _ in range(2)]
    assert most_in_any(PERIOD, made) <= 1


class TestLost:
    """A Redis that cannot be reached, or has forgotten."""

    async def test_it_is_an_error_that_says_what_to_do(self, redis: Redis) -> None:
        window = redis.window(5)
        await call(window)
        redis.stop()
        with pytest.raises(ConnectionFailedError, match="shared rate limits") as lost:
            await call(window)
        assert lost.value.retryable
        assert not lost.value.outcome_unknown
        assert "share_if_lost" in (lost.value.hint or "")
        redis.start()
        await call(window)

    async def test_a_call_that_ends_meanwhile_has_not_failed(self, redis: Redis) -> None:
        window = redis.window(5)
        async with window:
            redis.stop()

    async def test_each_keeps_to_its_share_if_told_so(self, redis: Redis) -> None:
        clock = ManualClock()
        window = SharedWindow(8, clock, Meeting(redis.url, "studio", 1 / 4), "creations")
        redis.stop()
        for _ in range(2):
            await call(window)
        assert window.free_in(1) == 60.0
        # What was done alone is told when it is back, and the share holds for a period more.
        redis.start()
        clock.pass_by(59.0)
        assert window.free_in(1) == 1.0
        clock.pass_by(1.5)
        await call(window)
        assert window.free_in(1) == 0.0
        other = SharedWindow(2, SystemClock(), Meeting(redis.url, "studio", None), "creations")
        await call(other)
        assert other.free_in(1) > 30.0  # one of its own, one of the others

    async def test_one_that_has_lost_what_it_knew_is_told(self, redis: Redis) -> None:
        first, second = redis.window(3, period=60.0), redis.window(3, period=60.0)
        for _ in range(2):
            await call(first)
        redis.stop()
        redis.start()
        await call(first)
        waiting = asyncio.create_task(call(second))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
