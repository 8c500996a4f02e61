"""Work that several want: done once, for as long as anybody wants it."""

import asyncio
import gc
from collections.abc import Awaitable, Callable

import pytest

from audio_enhance._jobs.once import Once
from tests.support.resources import other_tasks


class Work:
    """Work that waits until it is told to go on, and counts how often it was begun."""

    def __init__(self, result: str = "done", error: Exception | None = None) -> None:
        self.begun = 0
        self.cancelled = 0
        self.wanting: list[str] = []
        self.joined: list[str] = []
        self.go = asyncio.Event()
        self._result = result
        self._error = error

    async def catch_up(self, newcomer: str) -> None:
        self.joined.append(newcomer)

    async def run(self) -> str:
        self.begun += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self._error is not None:
            raise self._error
        return self._result


class Doing:
    """Work that does what a function does."""

    def __init__(self, run: Callable[[], Awaitable[str]]) -> None:
        self.wanting: list[str] = []
        self._run = run

    async def catch_up(self, newcomer: str) -> None:
        pass

    async def run(self) -> str:
        return await self._run()


def wanting(shared: Once[str, str], name: str, work: Work | Doing) -> "asyncio.Task[str]":
    return asyncio.create_task(shared.get("key", name, lambda: work))


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_meanwhile_and_who_comes_later_gets_the_one_result() -> None:
    shared, work = Once[str, str](keep=4), Work()
    tasks = [wanting(shared, name, work) for name in "abc"]
    await turns()
    assert work.wanting == ["a", "b", "c"]
    work.go.set()
    assert await asyncio.gather(*tasks) == ["done"] * 3
    assert await shared.get("key", "d", lambda: work) == "done"
    assert work.begun == 1


async def test_the_work_goes_on_without_the_one_who_began_it() -> None:
    shared, work = Once[str, str](keep=4), Work()
    first, second = wanting(shared, "a", work), wanting(shared, "b", work)
    await turns()
    first.cancel()
    await turns()
    assert first.cancelled()
    assert work.wanting == ["b"]
    work.go.set()
    assert await second == "done"
    assert (work.begun, work.cancelled) == (1, 0)


async def test_the_work_ends_with_the_last_who_wants_it_and_begins_anew() -> None:
    shared, work = Once[str, str](keep=4), Work()
    tasks = [wanting(shared, "a", work), wanting(shared, "b", work)]
    await turns()
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert work.cancelled == 1
    assert not other_tasks()
    again = wanting(shared, "c", work)
    await turns()
    work.go.set()
    assert await again == "done"
    assert work.begun == 2


async def test_cancelling_twice_still_waits_for_the_end_of_the_work() -> None:
    shared = Once[str, str](keep=4)
    cleaned = False

    async def work() -> str:
        nonlocal cleaned
        try:
            await asyncio.Event().wait()
        finally:
            for _pause in range(3):
                try:
                    await asyncio.sleep(0.01)
                except asyncio.CancelledError:
                    continue
            cleaned = True
        raise AssertionError

    task = wanting(shared, "a", Doing(work))
    await turns()
    task.cancel()
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert cleaned
    assert not other_tasks()


async def test_a_failure_reaches_everybody_and_is_not_remembered() -> None:
    shared, work = Once[str, str](keep=4), Work(error=ValueError("no"))
    tasks = [wanting(shared, name, work) for name in "ab"]
    await turns()
    work.go.set()
    for task in tasks:
        with pytest.raises(ValueError, match="no"):
            await task
    with pytest.raises(ValueError, match="no"):
        await shared.get("key", "c", lambda: work)
    assert work.begun == 2


async def test_a_failure_that_nobody_is_left_to_hear_of_is_no_complaint() -> None:
    shared = Once[str, str](keep=4)

    async def work() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while it was stopped")

    task = wanting(shared, "a", Doing(work))
    await turns()
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()


async def test_only_the_latest_results_are_kept_and_any_can_be_forgotten() -> None:
    shared = Once[str, str](keep=2)
    begun: list[str] = []

    async def get(key: str) -> str:
        async def work() -> str:
            begun.append(key)
            return f"{key}-{len(begun)}"

        return await shared.get(key, "x", lambda: Doing(work))

    assert [await get(key) for key in "aba"] == ["a-1", "b-2", "a-1"]
    assert await get("c") == "c-3"  # b is the one that nobody asked for lately
    assert await get("a") == "a-1"
    again = await get("b")
    assert again == "b-4"
    shared.forget("b", again)
    assert await get("b") == "b-5"


async def test_only_the_result_that_is_of_no_use_is_forgotten() -> None:
    shared = Once[str, str](keep=2)

    async def work() -> str:
        return "new"

    await shared.get("key", "a", lambda: Doing(work))
    shared.forget("key", "old")  # somebody else has replaced it meanwhile

    async def never() -> str:
        raise AssertionError("it was remembered")

    assert await shared.get("key", "b", lambda: Doing(never)) == "new"


async def test_who_joins_is_brought_up_to_date_and_who_begins_is_not() -> None:
    shared, work = Once[str, str](keep=4), Work()
    tasks = [wanting(shared, name, work) for name in "ab"]
    await turns()
    assert work.joined == ["b"]
    work.go.set()
    await asyncio.gather(*tasks)


async def test_who_comes_in_the_moment_of_the_end_begins_no_second_work() -> None:
    shared, work = Once[str, str](keep=4), Work()
    first = wanting(shared, "a", work)
    await turns()
    work.go.set()
    for pause in range(6):  # in whichever turn of the loop the work ends
        late = wanting(shared, f"late {pause}", work)
        await asyncio.sleep(0)
        assert await late == "done"
    assert await first == "done"
    assert work.begun == 1


async def test_who_leaves_in_the_moment_of_the_end_takes_no_result_away() -> None:
    shared, work = Once[str, str](keep=4), Work()
    first = wanting(shared, "a", work)
    await turns()
    work.go.set()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first])
    assert await shared.get("key", "b", lambda: work) == "done"
    assert work.begun == 1


@pytest.mark.parametrize("rounds", range(5))
async def test_work_that_fails_as_its_last_waiter_goes_is_looked_at(rounds: int) -> None:
    shared = Once[str, str](keep=1)
    work = Work(error=ValueError("refused"))
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))
    one = wanting(shared, "one", work)
    await turns()
    work.go.set()
    for _ in range(rounds):
        await asyncio.sleep(0)
    one.cancel()
    await asyncio.wait([one])
    if not one.cancelled():
        assert isinstance(one.exception(), ValueError)
    del one, work
    gc.collect()
    assert complaints == []


async def test_who_comes_while_the_given_up_work_still_ends_begins_anew_and_is_joined() -> None:
    shared, ending = Once[str, str](keep=4), asyncio.Event()

    async def slow_to_end() -> str:
        try:
            await asyncio.Event().wait()
        finally:
            await ending.wait()
        raise AssertionError

    first = wanting(shared, "a", Doing(slow_to_end))
    await turns()
    first.cancel()
    await turns()
    work = Work()
    second = wanting(shared, "b", work)
    await turns()
    assert work.begun == 1
    ending.set()
    await asyncio.wait([first])
    third = wanting(shared, "c", work)
    await turns()
    assert work.wanting == ["b", "c"]
    work.go.set()
    assert (await second, await third) == ("done", "done")
    assert work.begun == 1
