"""One object in one event loop after the other: nothing is bound before it is used."""

import asyncio

import pytest

from audio_enhance import ClientCredentials, EnhanceClient, RateLimits, Source
from audio_enhance._core.per_loop import PerLoop
from audio_enhance._recording.source import original_of
from audio_enhance._session.retry import OnRetry
from audio_enhance._session.tokens import Grant, RenewingTokens
from audio_enhance.local import LocalService
from tests.conftest import QUICK_POLLING, QUICK_RETRY
from tests.support.virtual_time import LoopClock, in_virtual_time

AGAIN = 3


@pytest.mark.parametrize("which", ["creations", "assets", "others"])
def test_rate_limits_in_which_some_had_to_wait(which: str) -> None:
    clock = LoopClock()
    limits = RateLimits(creations_per_minute=2, others_per_minute=2, clock=clock)
    window, entered = getattr(limits, which), 0

    async def one() -> None:
        nonlocal entered
        async with window:
            entered += 1
            await asyncio.sleep(0)

    async def several() -> None:
        await asyncio.gather(*(one() for _ in range(5)))

    for run in range(AGAIN):
        in_virtual_time(several(), now=1000.0 * run)
    assert entered == 5 * AGAIN


def test_a_source_that_several_wanted_to_hash() -> None:
    source = Source.from_bytes(b"ID3" + bytes(2 << 20), "talk.mp3")

    async def several() -> None:
        original_of(source).forget()
        await asyncio.gather(*(source.fingerprint() for _ in range(3)))

    for _ in range(AGAIN):
        asyncio.run(several())


def test_tokens_that_several_waited_for() -> None:
    fetched = 0

    async def fetch(_: ClientCredentials, on_retry: OnRetry | None) -> Grant:
        nonlocal fetched
        fetched += 1
        await asyncio.sleep(0)
        return Grant(f"token {fetched}", 60)

    tokens = RenewingTokens(ClientCredentials("id", "secret"), fetch, LoopClock())

    async def several() -> None:
        for token in await asyncio.gather(*(tokens.token() for _ in range(3))):
            tokens.reject(token)

    for _ in range(AGAIN):
        asyncio.run(several())
    assert fetched == AGAIN


async def test_a_client_that_was_closed_in_between(enhance_service: LocalService) -> None:
    client = EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
        limits=RateLimits(creations_per_minute=50),
    )
    source = Source.from_bytes(b"ID3" + bytes(1000), "talk.mp3")
    finished: list[str] = []

    async def enhance() -> None:
        async with client:
            jobs = [await client.submit(source, strength=strength) for strength in (10, 20)]
            finished.extend([(await job).enhancement.status.value for job in jobs])

    for _ in range(AGAIN):
        await asyncio.to_thread(asyncio.run, enhance())
    assert finished == ["succeeded"] * 2 * AGAIN


async def test_within_one_loop_it_is_the_same() -> None:
    lock = PerLoop(asyncio.Lock)
    assert lock.here is lock.here


def test_in_the_next_loop_it_is_another_even_where_the_first_one_was() -> None:
    made = PerLoop(object)

    async def here() -> object:
        return made.here

    found = [asyncio.run(here()) for _ in range(AGAIN)]
    assert len({id(each) for each in found}) == AGAIN


async def test_nothing_is_made_before_it_is_used() -> None:
    made: list[int] = []
    lock = PerLoop(lambda: made.append(1))
    assert made == []
    _ = lock.here
    assert made == [1]
