"""What several calls of one client want is uploaded and enhanced once."""

import asyncio
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    Asset,
    EnhancementStatus,
    EnhanceResult,
    InvalidSourceError,
    Journal,
    JournalError,
    OutputExistsError,
    Source,
)
from audio_enhance._jobs.enhanced import Enhanced
from audio_enhance._jobs.lane import Lane
from audio_enhance._jobs.state import JobState
from audio_enhance._jobs.steps import Steps
from audio_enhance._jobs.subscribers import Subscriber
from audio_enhance._recording.fingerprint import ContentKey
from tests.jobs.support import CREATE, CREATE_ASSET, POLL, PUT, Bench, bench


async def test_the_same_content_at_once_is_uploaded_and_enhanced_once(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=2.0) as b:
        one = b.source("one.mp3", b"ID3 the same")
        two = b.source("two.mp3", b"ID3 the same")
        job = await b.client.submit(one, strength=93, output_dir=b.out)
        single, report = await asyncio.gather(
            b.client.enhance(two, strength=93, output_dir=b.out / "single"),
            b.batch([one, two], output_dir=b.out / "batch"),
        )
        results = [await job, single]
        assert report.ok
        assert len({result.enhancement.id for result in results}) == 1
        assert {outcome.enhancement_id for outcome in report} == {single.enhancement.id}
        assert (b.count(PUT), b.count(CREATE_ASSET), b.count(CREATE)) == (1, 1, 1)
        paths = [result.path for result in results] + [outcome.path for outcome in report]
        assert len({path.read_bytes() for path in paths if path is not None}) == 1
        assert len(set(paths)) == 4


async def one_gone(b: Bench) -> tuple[Source, Source]:
    """Return two sources of the same content, hashed already; the first is not there any more."""
    data = b"ID3 the same " * 3000  # too long to be kept in memory once it was hashed
    gone, there = (Source.from_path(b.source(name, data)) for name in ("a.mp3", "b.mp3"))
    for source in (gone, there):
        await source.fingerprint()
    (b.folder / "in" / "a.mp3").unlink()
    return gone, there


async def test_one_that_is_gone_does_not_hold_up_another_of_its_content(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        # Without a folder to look at first, both want it before the server can answer anything.
        jobs = [await b.client.submit(source, strength=93) for source in await one_gone(b)]
        assert len({(await job).enhancement.id for job in jobs}) == 1
        assert b.count(CREATE_ASSET) == b.count(PUT) == b.count(CREATE) == 1


async def test_one_that_joins_just_after_another_was_found_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with bench(tmp_path) as b:
        gone, there = await one_gone(b)
        hashed, now = asyncio.Event(), asyncio.get_running_loop().create_future()
        upload, join = Steps.upload, Lane._enhanced

        async def found_gone(steps: Steps, asset: Asset, source: Source, **told: Any) -> None:
            try:
                await upload(steps, asset, source, **told)
            except InvalidSourceError:
                # Its turn comes when nobody else was there to try, before anybody hears of it.
                now.set_result(None)
                raise

        async def joins_late(lane: Lane, wish: Subscriber, content: ContentKey) -> Enhanced:
            if wish.job.source is there:
                hashed.set()
                await now
            return await join(lane, wish, content)

        monkeypatch.setattr(Steps, "upload", found_gone)
        monkeypatch.setattr(Lane, "_enhanced", joins_late)
        late = await b.client.submit(there, strength=93)
        await hashed.wait()
        first = await b.client.submit(gone, strength=93)
        await asyncio.gather(first, late)
        assert b.count(PUT) == b.count(CREATE) == 1


async def test_one_source_at_three_strengths_is_uploaded_once(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        source = Source.from_path(b.source("talk.mp3"))
        for strength in (50, 93, 100):
            await b.client.enhance(source, strength=strength, output_dir=b.out)
        assert (b.count(PUT), b.count(CREATE)) == (1, 3)


async def test_what_is_finished_already_costs_a_look(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        talk = b.source("talk.mp3")
        first = await b.client.enhance(talk, strength=93, output_dir=b.out / "a")
        polls = b.count(POLL)
        second = await b.client.enhance(talk, strength=93, output_dir=b.out / "b")
        assert second.enhancement.id == first.enhancement.id
        assert (b.count(CREATE), b.count(POLL)) == (1, polls + 1)
        assert second.path.read_bytes() == first.path.read_bytes()


async def test_what_the_server_has_dropped_since_is_made_anew(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        talk = b.source("talk.mp3")
        first = await b.client.enhance(talk, strength=93, output_dir=b.out / "a")
        sharing = b.client._connections.open._sharing
        for remembered in (sharing.assets._finished, sharing.enhancements._finished):
            for key, value in remembered.items():
                remembered[key] = _gone(value)
        second = await b.client.enhance(talk, strength=93, output_dir=b.out / "b")
        assert second.enhancement.id != first.enhancement.id
        # One creation was for the asset that is gone.
        assert (b.count(PUT), b.count(CREATE)) == (2, 3)


def _gone(known: Any) -> Any:
    """Return what is remembered under an id that the server does not know any more."""
    nobody = "00000000-0000-0000-0000-000000000000"
    if isinstance(known, Asset):
        return attrs.evolve(known, id=nobody)
    return attrs.evolve(known, asset=_gone(known.asset))


async def test_jobs_of_one_content_share_their_state_and_end_on_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=4.0) as b:
        one = b.source("one.mp3", b"ID3 the same")
        two = b.source("two.mp3", b"ID3 the same")
        first = await b.client.submit(one, strength=93)
        second = await b.client.submit(two, strength=93)
        async with asyncio.timeout(10):
            while second.enhancement is None:
                await asyncio.sleep(0.002)
        assert first._running.track is second._running.track
        assert first.cancel() is False  # the server was asked already
        await asyncio.wait([first.task])
        assert first._running.track.state is JobState.CANCELLED
        assert first.enhancement is not None
        result = await second
        assert result.enhancement.status is EnhancementStatus.SUCCEEDED
        assert second._running.track.state is JobState.SUCCEEDED
        assert b.count(CREATE) == 1


async def test_who_joins_is_written_down_in_the_own_journal(tmp_path: Path) -> None:
    """A run that dies right after has the ids, whichever journal it goes on with."""
    async with bench(tmp_path, speed=20, seconds=4.0) as b:
        one = b.source("one.mp3", b"ID3 the same")
        two = b.source("two.mp3", b"ID3 the same")
        running = [asyncio.create_task(b.batch([one], journal=tmp_path / "one.sqlite"))]
        async with asyncio.timeout(10):
            while b.count(CREATE) < 1:
                await asyncio.sleep(0.002)
        running.append(asyncio.create_task(b.batch([two], journal=tmp_path / "two.sqlite")))
        async with asyncio.timeout(10):
            while not await _has_ids(tmp_path / "two.sqlite"):
                await asyncio.sleep(0.002)
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await b.forget()
        b.check(await b.batch([two], journal=tmp_path / "two.sqlite"))
        assert b.count(CREATE) == 1


async def _has_ids(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        async with await Journal.read(path) as journal:
            return any([entry.enhancement_id async for entry in journal.entries()])
    except JournalError:
        return False  # it is being made


async def test_who_cannot_have_a_place_hears_it_before_anything_is_sent(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=1.0) as b:
        talks = [b.source("a/talk.mp3"), b.source("b/talk.mp3")]
        results = await asyncio.gather(
            *(b.client.enhance(talk, strength=93, output_dir=b.out) for talk in talks),
            return_exceptions=True,
        )
        # Whichever was read first has it.
        [error] = [result for result in results if isinstance(result, BaseException)]
        [first] = [result for result in results if isinstance(result, EnhanceResult)]
        assert isinstance(error, OutputExistsError)
        assert (b.count(CREATE_ASSET), b.count(CREATE)) == (1, 1)
        # The place is free again for whoever may replace what is there now.
        again = await b.client.enhance(talks[1], strength=93, output_dir=b.out, overwrite=True)
        assert again.path == first.path
