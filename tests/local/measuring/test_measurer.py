"""Measuring in a process of its own."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import EnhancerError, demo_recording
from audio_enhance.local.measuring import Measurer, Pyramid, survey
from tests.support.programs import output_of


async def test_it_finds_what_survey_finds_and_tells_how_far_it_is(tmp_path: Path) -> None:
    told: list[float] = []
    place = tmp_path / "a"
    found = await Measurer().measure(demo_recording(), place, tell=told.append)
    expected = survey(demo_recording(), tmp_path / "b")
    assert found["loudness"] == expected.figures.loudness
    assert found["lag"] == 0
    assert told
    peaks = Pyramid(place.with_name("a.peaks"), 4, found["peaks"])
    assert peaks.read(0, 0, 100) == expected.peaks.read(0, 0, 100)


async def test_what_cannot_be_measured_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"nothing to be heard")
    with pytest.raises(EnhancerError, match="not audio"):
        await Measurer().measure(tmp_path / "a.wav", tmp_path / "a")


async def test_whoever_wants_it_no_more_has_no_process(tmp_path: Path) -> None:
    measurer = Measurer()
    work = asyncio.create_task(measurer.measure(demo_recording(), tmp_path / "a"))
    await asyncio.sleep(0)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert not measurer._free.locked()


@pytest.mark.parametrize("module", ["surveying", "playable"])
def test_its_processes_need_neither_the_client_nor_the_service(module: str) -> None:
    program = (
        "import audio_enhance.local.measuring.__main__, sys;"
        f"import audio_enhance.local.measuring.{module};"
        "print([m for m in ('aiohttp', 'botocore', 'sqlite3') if m in sys.modules])"
    )
    assert output_of(program).strip() == "[]"
