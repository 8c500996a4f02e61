"""The main jobs on other event loops: with tasks that begin where they are made, and on uvloop."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance import EnhanceClient, JobCancelledError, JobStatus
from audio_enhance.local import LocalService
from audio_enhance.local.enhancer import Rehearsal

pytestmark = pytest.mark.any_loop


def _recordings(folder: Path, count: int) -> list[Path]:
    """Write recordings, two of which have the same content."""
    paths = [folder / f"{number}.mp3" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_bytes(b"ID3" + bytes([max(1, number)]) * 300_000)
    return paths


async def test_a_batch_at_two_strengths(
    client: EnhanceClient, enhance_service: LocalService, tmp_path: Path
) -> None:
    paths = _recordings(tmp_path, 3)
    report = await client.enhance_batch(
        paths, strength=[50, 93], output_dir=tmp_path / "out", journal=tmp_path / "j.sqlite"
    )
    assert report.ok
    for outcome, path in zip(report, [path for path in paths for _ in range(2)], strict=True):
        assert outcome.path is not None
        expected = Rehearsal.expected(path.read_bytes(), outcome.strength)
        assert outcome.path.read_bytes() == expected
    assert enhance_service.count("POST /assets") == 2  # one for the two that are the same


async def test_twins_share_one_enhancement(
    client: EnhanceClient, enhance_service: LocalService
) -> None:
    jobs = [await client.submit(b"ID3" + bytes(9999), strength=93) for _ in range(3)]
    ids = {(await job).enhancement.id for job in jobs}
    assert len(ids) == 1
    assert enhance_service.count("POST /assets") == 1


async def test_a_job_that_is_cancelled_leaves_nothing(
    client: EnhanceClient, recording: Path, tmp_path: Path
) -> None:
    job = await client.submit(recording, strength=93, output_dir=tmp_path / "out")
    async for _ in job.events():
        job.cancel()
    with pytest.raises(JobCancelledError):
        await job
    assert job.status is JobStatus.CANCELLED
    await client.aclose()
    assert asyncio.all_tasks() - {asyncio.current_task()} == set()
