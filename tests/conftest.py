"""Fixtures that every test module may use."""

import asyncio
import gc
import os
import signal
from asyncio import AbstractEventLoop as AnyLoop
from collections.abc import AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AsyncExitStack
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import attrs
import pytest
from hypothesis import HealthCheck, settings

from audio_enhance import EnhanceClient, PollPolicy, RetryPolicy
from audio_enhance.local import Behaviour, Faults, LocalService
from audio_enhance.local.enhancer import Rehearsal

from .support.children import check_waited_for
from .support.clock import ManualClock
from .support.compiled import compiled_once
from .support.debug_mode import only_where_made
from .support.tools import fail_in_ci, how_to_install, lacking
from .support.virtual_time import VirtualLoop
from .support.warm import Warm, warm_server

# The package's own plugin loads by its entry point where the package is installed.
if not any(
    point.value == "audio_enhance.pytest_plugin" for point in entry_points(group="pytest11")
):
    pytest_plugins = ["audio_enhance.pytest_plugin"]

only_where_made()

# numpy's threads would wait for cores that other tests are on; read when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def _nothing(_number: int, _frame: FrameType | None) -> None: ...


# Shells start what runs in the background with Ctrl-C ignored (POSIX, "Asynchronous Lists"), and
# `nohup` does so with SIGHUP. It stays so in commands that are started from there: tests that send
# these would wait for ever. A handler that does nothing is as good here, and not inherited.
for name in ("SIGINT", "SIGHUP"):
    number = getattr(signal, name, None)
    if number is not None and signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, _nothing)

# How long an example takes says something about the machine only.
settings.register_profile("no clock", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no clock")

# What takes longest begins first, so that nobody is alone at work at the end.
LONGEST = (
    "system/test_each_step.py",
    "system/test_chaos.py",
    "web/test_browser_player.py",
    "system/test_kill.py",
    "transfer/test_memory.py",
    "web/test_browser.py",
    "local/enhancer/test_side_by_side.py",
    "web/test_load.py",
    "local/enhancer/test_memory.py",
    "dask/test_enhancer.py",
    "packaging/test_plugin_project.py",
)

# Folders whose tests run in virtual time, as do those that are marked so.
IN_VIRTUAL_TIME = {"jobs"}


def _eager() -> AnyLoop:
    """Return a loop whose tasks begin at once, where they are made."""
    loop = asyncio.new_event_loop()
    loop.set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined,unused-ignore]  # pyright: ignore[reportAttributeAccessIssue]  of 3.12
    return loop


# What a test that is marked `any_loop` runs on, as far as it is there.
LOOPS: dict[str, Callable[[], AnyLoop]] = {"real": asyncio.new_event_loop}
if hasattr(asyncio, "eager_task_factory"):
    LOOPS["eager"] = _eager
if find_spec("uvloop") is not None:
    LOOPS["uvloop"] = import_module("uvloop").new_event_loop

# Waits that nobody notices, for tests in which real bytes move and no clock can stand still.
QUICK_POLLING = PollPolicy(shortest=0.002, longest=0.05)
QUICK_RETRY = RetryPolicy(longest_wait=0.005)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], AnyLoop]]:
    """Say which event loop a test runs on."""
    if item.path.parent.name in IN_VIRTUAL_TIME or item.get_closest_marker("virtual_time"):
        return {"virtual": VirtualLoop}
    return LOOPS if item.get_closest_marker("any_loop") else {"real": asyncio.new_event_loop}


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Let the collector of garbage never look at the half million objects that are there to stay.

    These are modules and tests; tests are about what comes after them.
    """
    gc.disable()
    try:
        with compiled_once(Path(__file__)):
            return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_in_ci(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown() -> Generator[None]:
    yield
    check_waited_for()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List what was skipped for want of a tool, and how to install that."""
    needed = [what for skip in terminalreporter.getreports("skipped") if (what := lacking(skip))]
    if needed:
        terminalreporter.section("skipped for want of a tool")
        for line in how_to_install(needed):
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm | None]:
    """What starts our programs with everything imported already, where there is a way to."""
    with warm_server() as warm:
        yield warm


@pytest.fixture
def clock() -> ManualClock:
    """A clock whose sleeps return at once."""
    return ManualClock()


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A file that is called a recording, longer than any buffer of the network's."""
    path = tmp_path / "earhart-aviation.mp3"
    path.write_bytes(b"ID3" + bytes(range(256)) * 1200)
    return path


@pytest.fixture
async def client(enhance_service: LocalService) -> AsyncIterator[EnhanceClient]:
    """A client of `enhance_service` that hardly waits."""
    async with EnhanceClient(
        enhance_service.credentials,
        base_url=enhance_service.base_url,
        polling=QUICK_POLLING,
        retry=QUICK_RETRY,
    ) as client:
        yield client


@attrs.frozen
class World:
    """A local service and a client of it that live by the same clock."""

    service: LocalService
    client: EnhanceClient
    clock: ManualClock


class Connect(Protocol):
    """Starts a service and opens a client of it."""

    async def __call__(
        self,
        *,
        behaviour: Behaviour | None = None,
        faults: Faults | None = None,
        seconds: float = 0,
        **settings: Any,
    ) -> World: ...


@pytest.fixture
async def connect(clock: ManualClock) -> AsyncIterator[Connect]:
    """A function that starts a service and a client of it, in which waiting takes no time.

    `seconds` is how long an enhancement takes; other arguments are the client's.
    """
    async with AsyncExitStack() as stack:

        async def start(
            *,
            behaviour: Behaviour | None = None,
            faults: Faults | None = None,
            seconds: float = 0,
            **settings: Any,
        ) -> World:
            service = LocalService(
                behaviour=behaviour,
                faults=faults,
                enhancer=Rehearsal(seconds=seconds, sleep=clock.sleep),
                clock=clock.monotonic,
            )
            await stack.enter_async_context(service)
            settings.setdefault("auth", service.credentials)
            client = EnhanceClient(base_url=service.base_url, clock=clock, **settings)
            return World(service, await stack.enter_async_context(client), clock)

        yield start
