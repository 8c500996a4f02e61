"""A folder that is watched: what is given out of it, and when. Time passes by itself here."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Self

import pytest

from audio_enhance import ConfigurationError
from audio_enhance.cli.execution.hot_folder import HotFolder
from audio_enhance.cli.input.selection import Filter
from tests.cli.commands.test_enhance import make

pytestmark = pytest.mark.virtual_time

SETTLE = 5.0


class Watched:
    """A folder, and what it has told."""

    def __init__(self, folder: Path, *, poll: bool = True) -> None:
        self.folder = folder
        self.told: list[str] = []
        self.hot = HotFolder(
            folder,
            folder / "enhanced",
            Filter(exclude=["*.mp3"]),
            settle=SETTLE,
            poll=poll,
            expect=lambda name, size: self.told.append(f"{Path(name).name} {size}"),
            withdraw=lambda name: self.told.append(f"{Path(name).name} later"),
        )
        self.ready: AsyncGenerator[str]
        self._asking: asyncio.Task[str] | None = None

    async def next(self) -> tuple[str, float]:
        """Return what is given out next, and how long that took."""
        began = asyncio.get_running_loop().time()
        name, self._asking = await self._asked(), None
        return Path(name).name, asyncio.get_running_loop().time() - began

    async def nothing(self, seconds: float) -> None:
        """See that nothing is given out for so long."""
        await asyncio.wait([self._asked()], timeout=seconds)
        assert not self._asked().done()

    def _asked(self) -> asyncio.Task[str]:
        # Asked once: an iterator that is cancelled has ended.
        if self._asking is None:
            self._asking = asyncio.create_task(anext(self.ready))
        return self._asking

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Self]:
        async with self.hot.watched() as ready, aclosing(ready):
            self.ready = ready
            try:
                yield self
            finally:
                if self._asking is not None:
                    self._asking.cancel()
                    await asyncio.wait([self._asking])


@pytest.fixture
async def watched(tmp_path: Path) -> AsyncIterator[Watched]:
    async with Watched(tmp_path).opened() as watched:
        yield watched
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_what_was_there_is_taken_when_it_has_not_changed_for_a_while(
    tmp_path: Path,
) -> None:
    make(tmp_path, "a.wav", "below/b.wav", "left out.mp3", ".hidden.wav", "notes.txt")
    make(tmp_path, "enhanced/a-enhanced-93p.wav")
    async with Watched(tmp_path).opened() as watched:
        assert [await watched.next(), await watched.next()] == [("a.wav", SETTLE), ("b.wav", 0.0)]
        assert watched.told == ["a.wav 254", "b.wav 554"]
        await watched.nothing(60)


async def test_what_grows_is_left_alone(watched: Watched, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    for _ in range(10):
        await watched.nothing(SETTLE - 1)
        with (tmp_path / "a.wav").open("ab") as file:
            file.write(b"more")
    name, seconds = await watched.next()
    assert name == "a.wav"
    assert seconds + SETTLE >= SETTLE  # it was looked at meanwhile
    assert watched.told == [f"a.wav {(tmp_path / 'a.wav').stat().st_size}"]


@pytest.mark.parametrize("ending", [".part", ".crdownload", ".tmp"])
async def test_what_somebody_still_writes_is_left_alone(
    watched: Watched, tmp_path: Path, ending: str
) -> None:
    # As browsers do: the name is taken by an empty file, or by one that is not yet whole.
    (tmp_path / "empty.wav").touch()
    make(tmp_path, "a.wav", f"a.wav{ending}", f"b.wav{ending}")
    await watched.nothing(60)
    (tmp_path / f"a.wav{ending}").unlink()
    (tmp_path / f"b.wav{ending}").replace(tmp_path / "empty.wav")
    assert sorted([(await watched.next())[0], (await watched.next())[0]]) == ["a.wav", "empty.wav"]


async def test_what_changes_is_given_out_again(watched: Watched, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    await watched.next()
    (tmp_path / "a.wav").write_bytes(b"another recording")
    await watched.nothing(60)  # somebody is still at work on it
    watched.hot.done(str(tmp_path / "a.wav"))
    assert (await watched.next())[0] == "a.wav"
    watched.hot.done(str(tmp_path / "a.wav"))
    await watched.nothing(60)

    (tmp_path / "a.wav").unlink()
    await watched.nothing(60)
    make(tmp_path, "a.wav")
    assert (await watched.next())[0] == "a.wav"


async def test_what_changes_while_it_waits_is_given_out_when_it_has_settled(
    tmp_path: Path,
) -> None:
    make(tmp_path, "a.wav", "b.wav")  # before anybody looks, so that one look finds both
    async with Watched(tmp_path).opened() as watched:
        assert (await watched.next())[0] == "a.wav"
        (tmp_path / "b.wav").write_bytes(b"longer than it was " * 100)
        assert (await watched.next())[0] == "b.wav"
    assert watched.told == ["a.wav 254", "b.wav 254", "b.wav later", "b.wav 1900"]


async def test_what_the_network_kept_away_is_given_out_once_more(
    watched: Watched, tmp_path: Path
) -> None:
    make(tmp_path, "a.wav")
    await watched.next()
    watched.hot.again(str(tmp_path / "a.wav"))
    assert await watched.next() == ("a.wav", 60.0)


async def test_a_folder_that_goes_and_comes_back(watched: Watched, tmp_path: Path) -> None:
    make(tmp_path, "a.wav")
    await watched.next()
    watched.hot.done(str(tmp_path / "a.wav"))
    away = tmp_path.with_name("away")
    tmp_path.replace(away)
    await watched.nothing(60)
    away.replace(tmp_path)
    await watched.nothing(60)  # it is what was done


async def test_where_no_changes_are_notified_polling_is_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def awatch(*_: object, **__: object) -> None:
        raise OSError(28, "OS file watch limit reached")

    monkeypatch.setattr("watchfiles.awatch", awatch)
    async with Watched(tmp_path, poll=False).hot.watched() as ready, aclosing(ready):
        with pytest.raises(ConfigurationError, match="file watch limit") as caught:
            await anext(ready)
    assert "--poll" in str(caught.value)
