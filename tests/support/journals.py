"""Journals of a test's own, and what must not be left of them."""

import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import attrs
import pytest

import audio_enhance
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import Journal

MD5 = "016cc94d14971b2639b0bf8f861fc214"

How = Callable[[Path], Awaitable[Journal]]


@attrs.define
class Clock:
    """A clock that is set by hand."""

    now: float = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def journal(path: Path, clock: Clock) -> AsyncIterator[Journal]:
    async with await Journal.open(path, clock=clock) as journal:
        yield journal


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread and no descriptor outlives a test's journals."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    left = [t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio")]
    assert left == []
    assert _descriptors() <= descriptors


def _descriptors() -> set[str]:
    """The files of the temporary folder that this process has open."""
    folder = Path("/proc/self/fd")
    found: set[str] = set()
    for link in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(OSError):
            found.add(str(link.readlink()))
    return {name for name in found if "batch.sqlite" in name}


def done(source: str, state: EntryState, **details: object) -> JournalEntry:
    """An entry for some content that has an asset and an enhancement."""
    known: dict[str, object] = {
        "md5": MD5,
        "byte_size": 59400,
        "client_id": "client",
        "asset_id": f"asset of {source}",
        "enhancement_id": f"enhancement of {source}",
    }
    return JournalEntry(source=source, strength=93, state=state, **(known | details))  # type: ignore[arg-type]


async def opening(path: Path, how: How = Journal.open) -> None:
    """Open a journal and close it."""
    async with await how(path):
        pass


def files(folder: Path) -> list[str]:
    """The names of what is in a folder."""
    return sorted(file.name for file in folder.iterdir())


async def all_of(journal: Journal, *states: EntryState) -> list[JournalEntry]:
    return [entry async for entry in journal.entries(*states)]


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Another Python with this package."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        # Without what measures coverage in children: it loads sqlite3 itself.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        | {"PYTHONPATH": str(Path(audio_enhance.__file__).parents[1])},
    )
