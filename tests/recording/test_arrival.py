"""Kept data of processes that died: gone where no journal knew of it, and left alone elsewhere."""

import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import Source
from audio_enhance._core import file_lock
from audio_enhance._recording.arrival import Arrival, remove_left

DIE = """
import asyncio, os, pathlib, sys
import pytest

from audio_enhance import Source
from audio_enhance._core import file_lock

async def main(folder, known):
    async def chunks():
        yield b"ID3 something"
        if not known:
            print("arriving", flush=True)
    source = await Source.spool(chunks(), "a.mp3", keep_in=folder)
    if known:
        source.keep()
    os._exit(9)

asyncio.run(main(sys.argv[1], "known" in sys.argv))
"""


async def chunks() -> AsyncIterator[bytes]:
    yield b"ID3 something else"


def names(folder: Path) -> list[str]:
    return sorted(path.suffix for path in folder.iterdir())


def died(folder: Path, *known: str) -> None:
    run = [sys.executable, "-c", DIE, str(folder), *known]
    assert subprocess.run(run, check=False, capture_output=True).returncode == 9


async def test_what_no_journal_knew_of_goes_with_the_next_upload(tmp_path: Path) -> None:
    died(tmp_path)
    assert names(tmp_path) == [".arriving", ".spooled"]
    async with await Source.spool(chunks(), "a.mp3", keep_in=tmp_path) as source:
        assert source.kept_at is not None
        assert {path.stem for path in tmp_path.iterdir()} == {source.kept_at.stem}
    assert names(tmp_path) == []


async def test_what_a_journal_knows_of_stays(tmp_path: Path) -> None:
    died(tmp_path, "known")
    assert names(tmp_path) == [".spooled"]
    remove_left(tmp_path)
    assert names(tmp_path) == [".spooled"]


async def test_what_is_arriving_stays(tmp_path: Path) -> None:
    async with (
        await Source.spool(chunks(), "a.mp3", keep_in=tmp_path),
        await Source.spool(chunks(), "b.mp3", keep_in=tmp_path),
    ):
        assert names(tmp_path) == [".arriving"] * 2 + [".spooled"] * 2


def test_a_mark_that_a_journal_outlived_takes_no_data_along(tmp_path: Path) -> None:
    """The end of a process between two steps: the mark says that it is over, and is still there."""
    data = tmp_path / ".audio-enhance-1.spooled"
    data.touch()
    held = Arrival(data)
    remove_left(tmp_path)
    assert names(tmp_path) == [".arriving", ".spooled"]  # it is locked: its process is alive
    held.over(known=True)
    copy = tmp_path / ".audio-enhance-2.arriving"
    copy.write_bytes(b"known\n")
    copy.with_suffix(".spooled").touch()
    remove_left(tmp_path)
    assert copy.with_suffix(".spooled").exists()
    assert not copy.exists()


def test_a_link_in_the_place_of_a_mark_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.touch()
    (tmp_path / ".audio-enhance-3.arriving").symlink_to(other)
    (tmp_path / ".audio-enhance-3.spooled").touch()
    remove_left(tmp_path)
    assert (tmp_path / ".audio-enhance-3.spooled").exists()


def test_a_mark_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / ".audio-enhance-1.spooled"
    looks = 0

    def late(fd: int) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            remove_left(tmp_path)
        real(fd)

    real = file_lock.lock
    monkeypatch.setattr("audio_enhance._recording.arrival.lock", late)
    held = Arrival(data)
    assert looks == 2
    data.touch()
    remove_left(tmp_path)
    assert names(tmp_path) == [".arriving", ".spooled"]
    held.over(known=False)


def test_data_that_arrives_while_others_look_for_what_is_left_stays(tmp_path: Path) -> None:
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            remove_left(tmp_path)

    others = [threading.Thread(target=look) for _ in range(2)]
    for other in others:
        other.start()
    try:
        for number in range(500):
            data = tmp_path / f".audio-enhance-{number}.spooled"
            held = Arrival(data)
            data.touch()
            remove_left(tmp_path)  # with those that still look, and had begun before
            data.unlink()
            held.over(known=False)
    finally:
        over.set()
        for other in others:
            other.join()
