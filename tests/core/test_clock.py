"""The machine's clock, next to what it is made of."""

import asyncio
import time

import pytest

from audio_enhance._core.clock import Clock, SystemClock


def test_it_tells_the_machines_time() -> None:
    clock: Clock = SystemClock()
    assert time.monotonic() <= clock.monotonic() <= time.monotonic()
    assert time.time() <= clock.time() <= time.time()


@pytest.mark.virtual_time
async def test_it_waits_with_the_loop() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await SystemClock().sleep(3600.0)
    assert loop.time() == began + 3600.0
