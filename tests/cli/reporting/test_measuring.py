import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from audio_enhance.cli.reporting.measuring import Sides
from audio_enhance.local.enhancer import demo_recording
from tests.support.tools import needs
from tests.support.videos import plain, silent
from tests.web.sound import speech

from .support import failed, row


async def test_rows_come_in_order_and_few_are_under_way(tmp_path: Path) -> None:
    taken: list[int] = []
    ahead: list[int] = []

    def rows() -> Iterator[dict[str, Any]]:
        for number in range(60):
            ahead.append(number - len(taken))
            yield row(f"/gone/{number // 2}.wav", strength=number % 2)

    async def take(row: dict[str, Any]) -> None:
        assert row["before"] == row["after"] == {"trouble": "The file is gone."}
        taken.append(2 * int(Path(row["source"]).stem) + row["strength"])

    await Sides(tmp_path, 3).measure(rows(), take)
    assert taken == list(range(60))
    assert max(ahead) <= 4
    assert not list(tmp_path.iterdir())


async def test_a_recording_is_looked_at_once_for_all_strengths(tmp_path: Path) -> None:
    recording, place = demo_recording(), tmp_path / "drawn"
    place.mkdir()
    (tmp_path / "bad.wav").write_bytes(b"RIFF")
    taken: list[dict[str, Any]] = []

    async def take(row: dict[str, Any]) -> None:
        taken.append(row)

    sides = Sides(place, 2)
    rows = [
        row("s3://bucket/a.wav"),
        row(str(recording), path=None),
        row(str(recording), strength=1, path=str(tmp_path / "bad.wav")),
        failed(str(recording), "Bad."),
    ]
    await sides.measure(iter(rows), take)
    far, first, second, third = taken
    assert far["before"]["trouble"].startswith("It is not on this machine")
    assert first["before"] is second["before"]
    assert first["before"]["noise_floor"] == -30.6
    assert first["before"]["wave"].startswith("M0 ")
    assert len(first["before"]["spectrogram"]) > 1000
    assert first["after"] == {"trouble": "It is not where it was."}
    assert second["after"]["trouble"].startswith("The file is not audio")
    assert third["before"] is third["after"] is None
    assert not list(place.iterdir())


@pytest.mark.slow
async def test_whoever_stops_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(speech(60))
    place = tmp_path / "drawn"
    place.mkdir()

    async def take(row: dict[str, Any]) -> None: ...

    rows = [row(str(tmp_path / "a.wav"), path=str(tmp_path / "a.wav"))]
    measuring = asyncio.create_task(Sides(place, 1).measure(iter(rows), take))
    while not list(place.iterdir()):
        assert not measuring.done()
        await asyncio.sleep(0.01)
    measuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await measuring
    assert not list(place.iterdir())
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@pytest.mark.slow
@needs("ffmpeg")
async def test_the_sound_of_a_video_is_measured(tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []

    async def take(row: dict[str, Any]) -> None:
        taken.append(row)

    place = tmp_path / "drawn"
    place.mkdir()
    video = str(plain(tmp_path / "v.mkv"))
    silence = str(silent(tmp_path / "s.mkv"))
    await Sides(place, 2).measure(iter([row(video, path=silence)]), take)
    [told] = taken
    assert told["before"]["duration"] == pytest.approx(1.2, abs=0.1)
    assert silence not in told["after"]["trouble"]
    assert not list(place.iterdir())


async def test_nothing_is_drawn_for_a_page_without_pictures(tmp_path: Path) -> None:
    taken: list[dict[str, Any]] = []

    async def take(row: dict[str, Any]) -> None:
        taken.append(row)

    sides = Sides(tmp_path, 1, drawn=False)
    await sides.measure(iter([row(str(demo_recording()), path=None)]), take)
    assert taken[0]["before"]["noise_floor"] == -30.6
    assert not {"wave", "spectrogram"} & set(taken[0]["before"])
