"""Blocking work that is waited for even when nobody wants it any more."""

import asyncio
import threading

import pytest

from audio_enhance.cli.threads import abandonable, to_its_end


async def test_it_returns_and_raises_what_the_work_does() -> None:
    assert await to_its_end(lambda: 32) == 32
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)


@pytest.mark.parametrize("fails", [False, True])
async def test_whoever_is_cancelled_waits_for_its_end(fails: bool) -> None:
    begun, go_on = threading.Event(), threading.Event()
    done: list[int] = []

    def work() -> None:
        begun.set()
        go_on.wait(10)
        done.append(1)
        assert not fails

    task = asyncio.create_task(to_its_end(work))
    await asyncio.to_thread(begun.wait, 10)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == [1]


async def test_what_may_never_end_is_left_alone_by_whoever_is_cancelled() -> None:
    assert await abandonable(lambda: 32) == 32
    with pytest.raises(ZeroDivisionError):
        await abandonable(lambda: 1 // 0)

    begun, go_on = threading.Event(), threading.Event()

    def work() -> None:
        begun.set()
        go_on.wait(10)

    task = asyncio.create_task(abandonable(work))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not go_on.is_set()
    go_on.set()
