"""Measuring in a process of its own."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance.local.enhancer import EnhancerError, demo_recording
from audio_enhance.local.enhancer.worker import kill
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


async def test_a_process_looks_through_one_recording_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "damaged.wav").write_bytes(b"nothing to be heard")

    async def loudness(measurer: Measurer, name: str) -> object:
        return (await measurer.measure(demo_recording(), tmp_path / name))["loudness"]

    async with Measurer() as measurer:
        first = await loudness(measurer, "a")
        assert measurer._kept is not None
        [process] = measurer._kept
        with pytest.raises(EnhancerError):
            await measurer.measure(tmp_path / "damaged.wav", tmp_path / "b")
        assert await loudness(measurer, "c") == first
        assert measurer._kept == [process]
        # One that has ended meanwhile is not asked.
        kill(process)
        await process.wait()
        assert await loudness(measurer, "d") == first
        [other] = measurer._kept
        assert other.pid != process.pid
    assert other.returncode is not None


@pytest.mark.parametrize("module", ["surveying", "playable"])
def test_its_processes_need_neither_the_client_nor_the_service(module: str) -> None:
    program = (
        "import audio_enhance.local.measuring.__main__, sys;"
        f"import audio_enhance.local.measuring.{module};"
        "print([m for m in ('aiohttp', 'botocore', 'sqlite3') if m in sys.modules])"
    )
    assert output_of(program).strip() == "[]"
