import asyncio

import pytest

from audio_enhance._transfer.progress import Progress


async def test_the_first_is_told_and_the_last() -> None:
    told: list[int] = []
    progress = Progress(told.append)
    for count in range(1000):
        progress.reached(count)
    progress.ended(1000)
    assert told[0] == 0
    assert told[-1] == 1000
    assert len(told) < 100  # a thousand calls take far less than the 5 s of a hundred


async def test_an_end_that_was_told_already_is_not_told_again() -> None:
    told: list[int] = []
    progress = Progress(told.append)
    progress.reached(4096)  # all of it came at once
    progress.ended(4096)
    assert told == [4096]


async def test_it_goes_on_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    told: list[int] = []
    progress = Progress(told.append)
    for count in range(11):
        progress.reached(count)
        now += 0.02
    assert told == [0, 3, 6, 9]
