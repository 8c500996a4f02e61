"""A second run with the same journal: what the server has is looked for there, and used."""

import asyncio
from pathlib import Path

import attrs
import pytest

from audio_enhance import (
    Journal,
    Source,
    WaitTimeoutError,
)
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance.local import Fault
from tests.support.interposed import Interposed, refusal
from tests.support.resources import partial_files

from .support import (
    CREATE,
    CREATE_ASSET,
    GET,
    GET_ASSET,
    LOCATE,
    POLL,
    PUT,
    Bench,
    bench,
    rows,
    statuses,
)


async def change(b: Bench, name: str, strength: int = 93, **changes: object) -> None:
    """Make a row what it would be if an earlier run had ended at another moment."""
    async with await Journal.open(b.journal) as journal:
        entry = await journal.entry(str(b.folder / "in" / name), strength)
        assert entry is not None
        await rows_of(journal).save(attrs.evolve(entry, **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("state", [EntryState.SUBMITTED, EntryState.PROCESSED])
async def test_what_was_submitted_is_not_asked_for_again(tmp_path: Path, state: EntryState) -> None:
    async with bench(tmp_path) as b:
        source = b.source("a.mp3")
        b.check(await b.batch([source], journal=b.journal))
        await change(b, "a.mp3", state=state)
        b.check(await b.batch([source], journal=b.journal))
        assert b.count(CREATE) == 1


async def test_a_download_that_died_is_not_taken_for_the_old_result(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        source = b.source("a.mp3")
        b.check(await b.batch([source], journal=b.journal))
        b.source("a.mp3", b"ID3 quite another recording")
        b.service.faults.slow_download = 1.0
        b.service.faults.slow_seconds = 20.0
        running = asyncio.create_task(b.batch([source], journal=b.journal))
        async with asyncio.timeout(600):
            while b.count(GET) < 2:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert rows(b)["a.mp3", 93]["state"] == "downloading"
        running.cancel()
        await asyncio.wait([running])
        b.service.faults.slow_download = 0.0
        report = await b.batch([source], journal=b.journal)
        b.check(report)
        assert b.count(CREATE) == 2


async def test_what_the_server_is_still_at_is_taken_up_by_its_id(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=3.0) as b:
        sources = b.sources(5)
        running = asyncio.create_task(b.batch(sources, journal=b.journal))
        async with asyncio.timeout(600):
            while b.count(GET) < 1:
                await asyncio.sleep(0.005)
        running.cancel()
        await asyncio.wait([running])
        assert partial_files(tmp_path) == []
        uploads = b.count(PUT)
        created = b.count(CREATE)
        assert 2 <= created <= 3
        report = await b.batch(sources, journal=b.journal)
        b.check(report)
        assert b.count(CREATE) == 5  # nothing twice
        assert b.count(PUT) == 5
        assert uploads > 1
        assert report.extra_enhancements == 0


async def test_what_is_finished_there_costs_a_look_and_a_download(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(3)
        first = await b.batch(sources, journal=b.journal)
        for outcome in first:
            assert outcome.path is not None
            outcome.path.unlink()
        polls = b.count(POLL)
        b.check(await b.batch(sources, journal=b.journal))
        assert b.count(POLL) == polls + 3
        assert b.count(LOCATE) == 6


async def test_an_asset_is_used_again_for_another_strength(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(3)
        b.check(await b.batch(sources, strength=50, journal=b.journal))
        b.check(await b.batch(sources, strength=[50, 93], journal=b.journal))
        assert b.count(PUT) == b.count(CREATE_ASSET) == 3
        assert b.count(CREATE) == 6


async def test_the_same_content_elsewhere_is_not_enhanced_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.check(await b.batch([b.source("a.mp3", b"ID3 same")], journal=b.journal))
        b.check(await b.batch([b.source("copy.mp3", b"ID3 same")], journal=b.journal))
        assert b.count(CREATE) == b.count(PUT) == 1


async def test_the_same_content_of_another_type_is_uploaded_as_what_it_is(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        b.check(await b.batch([b.source("a.mp3", b"ID3 same")], strength=50, journal=b.journal))
        b.check(await b.batch([b.source("a.wav", b"ID3 same")], strength=93, journal=b.journal))
        assert b.count(PUT, 200) == b.count(PUT) == 2


async def test_an_upload_that_was_cut_goes_to_the_asset_that_is_there(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=1.0) as b:
        sources = b.sources(2, size=200_000)
        b.service.faults.script(Fault.CUT_UPLOAD, times=2)
        b.service.faults.script(Fault.SLOW_ANSWER, route="GET /assets/:id", times=2)
        b.service.faults.slow_seconds = 1.0
        running = asyncio.create_task(b.batch(sources, journal=b.journal))
        async with asyncio.timeout(600):
            while b.count(PUT) < 2:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        assert {row["state"] for row in rows(b).values()} == {"uploading"}
        b.check(await b.batch(sources, journal=b.journal))
        assert b.count(CREATE_ASSET) == 2
        assert b.count(PUT, 200) == 2


async def test_an_asset_that_is_gone_is_uploaded_anew(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(2)
        b.check(await b.batch(sources, strength=50, journal=b.journal))
        for name in ("talk-00000.mp3", "talk-00001.mp3"):
            await change(b, name, 50, asset_id="00000000-0000-0000-0000-000000000000")
        await b.forget()
        report = await b.batch(sources, strength=93, journal=b.journal)
        b.check(report)
        assert b.count(PUT) == b.count(CREATE_ASSET) == 4


async def test_a_result_that_is_nowhere_any_more_is_paid_for_when_it_is_asked_for(
    tmp_path: Path,
) -> None:
    """Moved away by its owner, and dropped by the server: the next run does not pay once more."""
    async with bench(tmp_path) as b:
        first = await b.batch(b.sources(1), journal=b.journal)
        assert first[0].path is not None
        first[0].path.unlink()
        await change(b, "talk-00000.mp3", enhancement_id="00000000-0000-0000-0000-000000000000")
        await b.forget()
        for _ in range(2):
            report = await b.batch(b.sources(1), journal=b.journal)
            assert statuses(report) == {"skipped": 1}
            assert report.ok
            assert report[0].note
            assert report[0].path is None
            assert rows(b)["talk-00000.mp3", 93]["state"] == "succeeded"
        assert b.count(CREATE) == 1
        b.check(await b.batch(b.sources(1), journal=b.journal, redo=True))
        assert b.count(CREATE) == 2
        assert b.count(PUT) == 1


async def test_an_enhancement_that_is_gone_before_its_result_came_is_made_anew(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path) as b:
        first = await b.batch(b.sources(1), journal=b.journal)
        assert first[0].path is not None
        first[0].path.unlink()
        gone = "00000000-0000-0000-0000-000000000000"
        await change(b, "talk-00000.mp3", enhancement_id=gone, state=EntryState.PROCESSED)
        await b.forget()
        b.check(await b.batch(b.sources(1), journal=b.journal))
        assert b.count(CREATE) == 2
        assert b.count(PUT) == 1


async def test_what_was_created_a_moment_ago_and_is_not_seen_yet_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    says = Interposed(monkeypatch)
    async with bench(tmp_path) as b:
        b.check(await b.batch(b.sources(1), journal=b.journal))
        async with await Journal.open(b.journal, clock=b.clock) as journal:
            [entry] = [each async for each in journal.entries()]
            await rows_of(journal).save(attrs.evolve(entry, state=EntryState.SUBMITTED))
        await b.forget()
        says.instead(POLL, refusal(404, message="Not found"), times=2)
        says.instead(GET_ASSET, refusal(404, message="Not found"), times=2)
        b.check(await b.batch(b.sources(1), journal=b.journal))
        assert (b.count(CREATE), b.count(PUT), says.given) == (1, 1, 4)


async def test_a_stuck_job_is_taken_up_by_the_next_run(tmp_path: Path) -> None:
    from audio_enhance import EnhanceClient, Timeouts

    async with bench(tmp_path, speed=50, seconds=40.0) as b:
        sources = b.sources(1)
        async with EnhanceClient(
            b.service.credentials,
            base_url=b.service.base_url,
            clock=b.clock,
            timeouts=Timeouts(processing=10.0),
        ) as hasty:
            report = await hasty.enhance_batch(
                sources, strength=93, output_dir=b.out, journal=b.journal
            )
            assert isinstance(report[0].error, WaitTimeoutError)
            assert report[0].enhancement_id
            assert rows(b)["talk-00000.mp3", 93]["state"] == "failed"
        b.check(await b.batch(sources, journal=b.journal))
        assert b.count(CREATE) == 1


async def test_part_files_of_a_run_that_died_are_removed(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(2)
        b.check(await b.batch(sources, journal=b.journal))
        left = b.out / ".audio-enhance-0123456789abcdef.part"
        left.write_bytes(b"half of something")
        other = b.out / "somebody-elses.part"
        other.write_bytes(b"of no business of ours")
        await change(b, "talk-00001.mp3", temporary=str(left))
        await b.batch(sources, journal=b.journal)
        assert not left.exists()
        assert other.exists()


async def test_ambiguous_requests_of_earlier_runs_stay_counted(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        source = b.source("a.mp3")
        async with await Journal.open(b.journal) as journal:
            found = await Source.from_path(source).fingerprint()
            assert found.version is not None
            await rows_of(journal).save(
                JournalEntry(
                    source=str(source),
                    strength=93,
                    state=EntryState.SUBMITTING,
                    md5=found.md5.hex(),
                    byte_size=found.byte_size,
                    modified_ns=found.version[-1],
                    tries=1,
                    extra=1,
                )
            )
        report = await b.batch([source], journal=b.journal)
        b.check(report)
        assert report.extra_enhancements == 2  # one was known, one more may have been made
        assert rows(b)["a.mp3", 93]["extra"] == 2
        assert rows(b)["a.mp3", 93]["tries"] == 2


@pytest.mark.parametrize("state", [EntryState.UPLOADED, EntryState.PROCESSED, EntryState.FAILED])
async def test_a_recording_that_is_gone_is_finished_from_its_upload(
    tmp_path: Path, state: EntryState
) -> None:
    async with bench(tmp_path) as b:
        sources = [b.source("a/talk.mp3"), b.source("b/talk.mp3")]
        first = await b.batch(sources, strength=[50, 93], journal=b.journal)
        for outcome in first[:2]:
            assert outcome.path is not None
            outcome.path.unlink()
            entry = {} if state != EntryState.UPLOADED else {"enhancement_id": None}
            await change(b, "a/talk.mp3", outcome.strength, state=state, output=None, **entry)
        sources[0].unlink()
        await b.forget()
        report = await b.batch(sources, strength=[50, 93], journal=b.journal)
        b.check(report)
        assert statuses(report) == {"succeeded": 2, "skipped": 2}
        assert [outcome.path for outcome in report] == [outcome.path for outcome in first]
        assert b.count(PUT) == 2
        assert b.count(CREATE) == (6 if state == EntryState.UPLOADED else 4)


async def test_a_recording_whose_upload_is_gone_too_says_so(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        source = b.source("a.mp3")
        await b.batch([source], journal=b.journal)
        await change(b, "a.mp3", state=EntryState.UPLOADED, asset_id="none", enhancement_id=None)
        source.unlink()
        await b.forget()
        [outcome] = await b.batch([source], journal=b.journal)
        assert "is gone" in str(outcome.error)
        assert (outcome.name, outcome.status) == (str(source), "failed")
        assert rows(b)["a.mp3", 93]["gone"] == 1
