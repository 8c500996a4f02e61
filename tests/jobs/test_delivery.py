"""Results on their way to their places, where those are on other disks."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from audio_enhance import (
    BatchReport,
    EnhanceClient,
    Journal,
    OutputError,
    OutputExistsError,
    Source,
)
from audio_enhance._jobs.delivery import Delivery
from audio_enhance._jobs.running import RunningJob
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._transfer import held_places
from audio_enhance._transfer.output_folder import OutputFolder
from audio_enhance.local import LocalService


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Two of the same name, whose results have folders of their own."""
    paths = [tmp_path / "rec" / folder / "same.wav" for folder in "ab"]
    for path in paths:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"RIFF" + bytes(path))
    return paths


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Path]:
    """A folder on another disk."""
    here = tmp_path.stat().st_dev
    places = (Path(place) for place in ("/dev/shm", "/var/tmp"))
    other = next(
        (place for place in places if place.is_dir() and place.stat().st_dev != here), None
    )
    if other is None:
        pytest.skip("there is no other disk")
    with tempfile.TemporaryDirectory(dir=other) as folder:
        yield Path(folder)


async def test_a_link_may_lead_to_another_disk(
    client: EnhanceClient, recordings: list[Path], far: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to(far)
    report = await client.enhance_batch(
        recordings, strength=93, output_dir=tmp_path / "out", journal=tmp_path / "j.sqlite"
    )
    assert report.ok
    assert [path.name for path in far.iterdir()] == ["same-enhanced-93p.wav"]


async def test_a_link_to_nowhere_is_found_before_anything_is_sent(
    client: EnhanceClient, enhance_service: LocalService, recordings: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a").symlink_to("nowhere")
    report = await client.enhance_batch(recordings, strength=93, output_dir=tmp_path / "out")
    assert [type(outcome.error) for outcome in report] == [OutputError, type(None)]
    assert enhance_service.count("POST /assets") == 1


async def test_two_runs_into_one_folder_pay_once(
    enhance_service: LocalService, tmp_path: Path
) -> None:
    """Each has a journal and a client of its own; one of them is told before anything is sent."""
    (tmp_path / "talk.mp3").write_bytes(b"ID3 some")

    async def run(name: str) -> BatchReport:
        async with enhance_service.connect() as client:
            return await client.enhance_batch(
                [tmp_path / "talk.mp3"],
                strength=93,
                output_dir=tmp_path / "out",
                journal=tmp_path / name,
            )

    reports = await asyncio.gather(run("a.sqlite"), run("b.sqlite"))
    [error] = [outcome.error for report in reports for outcome in report.failed]
    assert "Another job writes its result to" in str(error)
    assert enhance_service.count("POST /assets") == 1
    assert enhance_service.count("POST /speech_enhancements") == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["talk-enhanced-93p.mp3"]


async def test_a_folder_that_is_removed_meanwhile_is_made_again(
    client: EnhanceClient, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    removed = False
    names: list[str] = []
    sources = [Source.from_bytes(b"ID3 %d" % number, f"{number}.mp3") for number in range(40)]
    run = client.enhance_as_completed(sources, strength=93, output_dir=out)
    async with aclosing(run) as outcomes:
        async for outcome in outcomes:
            if not removed:
                # In one step: the run writes and removes files in there meanwhile.
                out.rename(tmp_path / "gone")
                removed = True
            names.append(type(outcome.error).__name__)
    assert names.count("NoneType") == 40


@pytest.mark.parametrize("by", ["batch", "take_up"])
async def test_what_a_dead_run_held_goes_with_the_next_one(
    client: EnhanceClient, tmp_path: Path, by: str
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / held_places._NAME).touch()
    async with await Journal.open(tmp_path / "j.sqlite") as journal:
        if by == "batch":
            assert (await client.enhance_batch([], strength=93, output_dir=out)).ok
        else:
            assert await client.take_up(journal, output_dir=out) == []
    assert list(out.iterdir()) == []


PLAIN, NUMBERED = "talk-enhanced-93p.mp3", "talk-enhanced-93p-1.mp3"


def delivery(outputs: OutputFolder) -> Delivery:
    """The delivery of one more result of the same name."""
    job = RunningJob(Source.from_bytes(b"ID3 some", "talk.mp3"), strength=93, priority=0)
    return Delivery(job, outputs, None)


async def test_whoever_is_given_first_has_the_name_whoever_arrives_first(tmp_path: Path) -> None:
    outputs = OutputFolder(tmp_path)
    with delivery(outputs) as first, delivery(outputs) as second:
        assert await second._place(PLAIN) == (tmp_path / NUMBERED, False)
        first.look(Fingerprint(8, b""))
        await first.check()
        assert await first._place(PLAIN) == (tmp_path / PLAIN, False)


async def test_a_name_that_a_failed_job_claimed_is_free_again(tmp_path: Path) -> None:
    outputs = OutputFolder(tmp_path)
    with pytest.raises(OutputError), delivery(outputs) as first:
        await first._place(PLAIN)
        raise OutputError("The disk is full.")
    with delivery(outputs) as second:
        assert await second._place(PLAIN) == (tmp_path / PLAIN, False)


async def test_a_call_hears_that_another_one_has_the_place_before_anything_is_read(
    tmp_path: Path,
) -> None:
    with (
        delivery(OutputFolder(tmp_path / "out")),
        pytest.raises(OutputExistsError, match="Another job writes its result to"),
        delivery(OutputFolder(tmp_path / "out")),
    ):
        raise AssertionError
    with delivery(OutputFolder(tmp_path / "out")):
        assert not (tmp_path / "out").exists()


async def test_results_made_again_keep_their_places_in_any_order(
    client: EnhanceClient, tmp_path: Path
) -> None:
    sources = [Source.from_bytes(b"ID3 %d" % number, "talk.mp3") for number in range(2)]

    async def run(given: list[Source], *, redo: bool) -> dict[object, str]:
        report = await client.enhance_batch(
            (each for each in given),
            strength=93,
            output_dir=tmp_path / "out",
            journal=tmp_path / "j.sqlite",
            redo=redo,
        )
        assert report.ok
        return {outcome.source: str(outcome.path) for outcome in report}

    places = await run(sources, redo=False)
    assert [Path(place).name for place in places.values()] == [PLAIN, NUMBERED]
    assert await run(sources[::-1], redo=True) == places
