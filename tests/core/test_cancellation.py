import asyncio
import contextlib
import threading

import pytest

from audio_enhance._core.cancellation import in_thread, left_alone, stopped_in_thread, to_its_end


async def test_work_runs_in_another_thread() -> None:
    assert await in_thread(lambda _: threading.get_ident()) != threading.get_ident()
    assert await to_its_end(threading.get_ident) != threading.get_ident()


async def test_what_work_raises_comes_out() -> None:
    def fail(*_: object) -> None:
        raise KeyError("k")

    with pytest.raises(KeyError):
        await in_thread(fail)
    with pytest.raises(KeyError):
        await to_its_end(fail)


async def test_long_work_is_told_that_nobody_waits() -> None:
    started, ended = threading.Event(), threading.Event()

    def work(cancelled: threading.Event) -> None:
        started.set()
        assert cancelled.wait(5)
        ended.set()

    task = asyncio.create_task(in_thread(work))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(ended.wait, 5)


async def test_long_work_on_files_is_told_and_its_end_waited_for() -> None:
    started, ended = threading.Event(), threading.Event()

    def work(cancelled: threading.Event) -> str:
        started.set()
        assert cancelled.wait(5)
        ended.set()
        raise KeyError("nobody sees it")

    task = asyncio.create_task(stopped_in_thread(work))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert await stopped_in_thread(lambda _: "done") == "done"


async def test_what_a_future_comes_to() -> None:
    loop = asyncio.get_running_loop()
    there = loop.create_future()
    there.set_result("result")
    assert await left_alone(there) == "result"
    coming = loop.create_future()
    loop.call_soon(coming.set_exception, KeyError("k"))
    with pytest.raises(KeyError):
        await left_alone(coming)
    cancelled = loop.create_future()
    loop.call_soon(cancelled.cancel)
    with pytest.raises(asyncio.CancelledError):
        await left_alone(cancelled)


async def test_who_waits_for_a_future_may_be_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    first, second = (asyncio.create_task(left_alone(future)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel("no longer wanted")
    with pytest.raises(asyncio.CancelledError, match="no longer wanted"):
        await first
    future.set_result("result")
    assert await second == "result"


async def test_who_is_cancelled_as_a_future_ends_is_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(left_alone(future))
    await asyncio.sleep(0)
    future.set_result("result")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_is_cancelled_twice_at_once_is_woken_once() -> None:
    future = asyncio.get_running_loop().create_future()
    after: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def goes_on() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await left_alone(future)
        return await after

    task = asyncio.create_task(goes_on())
    await asyncio.sleep(0)
    task.cancel()
    task.cancel()
    for _ in range(3):
        await asyncio.sleep(0)
    after.set_result("what it waits for now")
    assert await task == "what it waits for now"
    assert not future.done()


class Gate:
    """Work that goes on when it is told to."""

    def __init__(self) -> None:
        self.started, self.go_on = threading.Event(), threading.Event()
        self.done = False

    def __call__(self) -> str:
        self.started.set()
        assert self.go_on.wait(5)
        self.done = True
        return "result"


@pytest.mark.parametrize("times", [1, 3])
async def test_short_work_is_waited_for_however_often_it_is_cancelled(times: int) -> None:
    gate = Gate()
    task = asyncio.create_task(to_its_end(gate))
    await asyncio.to_thread(gate.started.wait, 5)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0.01)
        assert not task.done()
    gate.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gate.done


async def test_what_a_cancelled_caller_never_sees_is_taken_back() -> None:
    gate = Gate()
    undone: list[str] = []
    task = asyncio.create_task(to_its_end(gate, undo=undone.append))
    await asyncio.to_thread(gate.started.wait, 5)
    task.cancel()
    gate.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert undone == ["result"]


async def test_what_the_caller_sees_is_not_taken_back() -> None:
    undone: list[int] = []
    assert await to_its_end(lambda: 7, undo=undone.append) == 7
    assert undone == []


async def test_cancelled_work_that_fails_complains_to_nobody() -> None:
    started, go_on = threading.Event(), threading.Event()

    def work() -> None:
        started.set()
        go_on.wait(5)
        raise OSError("late")

    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: complaints.append(what))
    task = asyncio.create_task(to_its_end(work, undo=complaints.append))
    await asyncio.to_thread(started.wait, 5)
    task.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    assert complaints == []


async def test_a_deadline_is_kept_apart_from_a_cancellation() -> None:
    gate = Gate()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            asyncio.get_running_loop().call_later(0.05, gate.go_on.set)
            await to_its_end(gate)
    assert gate.done
