"""The enhancer that rehearses."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import Enhancer, NotAudioError, Rehearsal


async def test_the_result_is_known_beforehand(tmp_path: Path) -> None:
    source, result = tmp_path / "source", tmp_path / "result"
    data = bytes(range(256)) * 5000  # more than one read
    source.write_bytes(data)
    enhancer: Enhancer = Rehearsal()
    await enhancer.enhance(source, result, content_type="audio/mpeg", strength=93)
    await enhancer.close()
    assert result.read_bytes() == Rehearsal.expected(data, 93)
    assert Rehearsal.expected(b"abc", 7) == (
        b"enhanced strength=7 md5=900150983cd24fb0d6963f7d28e17f72\nabc"
    )


async def test_it_takes_the_time_it_is_told_to(tmp_path: Path) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    (tmp_path / "source").write_bytes(bytes(3 * 1024 * 1024))
    enhancer = Rehearsal(seconds=2, seconds_per_mib=0.5, sleep=sleep)
    await enhancer.enhance(tmp_path / "source", tmp_path / "r", content_type="", strength=1)
    assert waited == [3.5]


async def test_it_refuses_what_says_that_it_is_not_audio(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"not audio at all")
    with pytest.raises(NotAudioError):
        await Rehearsal().enhance(
            tmp_path / "source", tmp_path / "result", content_type="audio/wav", strength=50
        )
    assert not (tmp_path / "result").exists()


async def test_a_cancelled_one_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"abc")
    waiting = asyncio.Event()

    async def sleep(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(
        Rehearsal(sleep=sleep).enhance(
            tmp_path / "source", tmp_path / "result", content_type="audio/wav", strength=50
        )
    )
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not (tmp_path / "result").exists()


async def test_a_failed_one_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"abc")

    async def sleep(seconds: float) -> None:
        (tmp_path / "source").unlink()

    with pytest.raises(FileNotFoundError):
        await Rehearsal(sleep=sleep).enhance(
            tmp_path / "source", tmp_path / "result", content_type="audio/wav", strength=50
        )
    assert not (tmp_path / "result").exists()
