"""A second run with the same journal: it repeats nothing that is dear, and loses nothing."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from audio_enhance import (
    Journal,
    JournalError,
    JournalLockedError,
    Source,
)
from audio_enhance._journal.earlier import Earlier, earlier_result
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance._journal.row import JournalRow
from audio_enhance._journal.rows import Rows
from audio_enhance.local import Fault
from audio_enhance.local.enhancer import Rehearsal

from .support import (
    CREATE,
    CREATE_ASSET,
    GET,
    PUT,
    bench,
    files_below,
    rows,
    statuses,
)


async def test_a_second_run_asks_the_server_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(4)
        first = await b.batch(sources, strength=[50, 93], journal=b.journal)
        b.check(first)
        before = len(b.service.record)
        second = await b.batch(sources, strength=[50, 93], journal=b.journal)
        b.check(second)
        assert statuses(second) == {"skipped": 8}
        assert len(b.service.record) == before
        assert [outcome.path for outcome in second] == [outcome.path for outcome in first]
        assert [o.enhancement_id for o in second] == [o.enhancement_id for o in first]


async def test_only_what_is_new_or_changed_is_enhanced(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(6)
        b.check(await b.batch(sources, journal=b.journal))
        changed = b.source(sources[2].name, b"ID3 recorded once more, and longer")
        os.utime(sources[4], (1, 1))  # touched, not changed
        new = b.source("new.mp3")
        report = await b.batch([*sources, new], journal=b.journal)
        b.check(report)
        assert statuses(report) == {"skipped": 5, "succeeded": 2}
        assert report[2].status == "succeeded"
        assert changed == sources[2]
        assert b.count(CREATE) == b.count(PUT) == 8
        assert len(files_below(b.out)) == 7
        assert report.extra_enhancements == 0


async def test_a_change_that_keeps_length_and_time_is_taken_for_none(tmp_path: Path) -> None:
    """What every tool that compares times does; a source whose time changed is read instead."""
    async with bench(tmp_path) as b:
        source = b.source("a.mp3", b"ID3 one")
        b.check(await b.batch([source], journal=b.journal))
        status = source.stat()
        source.write_bytes(b"ID3 two")
        report = await b.batch([source], journal=b.journal)
        b.data[source] = b"ID3 two"
        b.check(report)
        source.write_bytes(b"ID3 six")
        os.utime(source, ns=(status.st_atime_ns, source.stat().st_mtime_ns + 10**9))
        report = await b.batch([source], journal=b.journal)
        b.data[source] = b"ID3 six"
        b.check(report)


async def test_a_result_that_somebody_changed_is_theirs_now(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(3)
        first = await b.batch(sources, journal=b.journal)
        changed = first[1].path
        assert changed is not None
        changed.write_bytes(b"tagged by hand")
        before = len(b.service.record)
        for overwrite in (False, False, True):  # to be told each time, and overwritten at none
            report = await b.batch(sources, journal=b.journal, overwrite=overwrite)
            assert report.ok
            assert statuses(report) == {"skipped": 3}
            assert [outcome.note is None for outcome in report] == [True, False, True]
            assert report[1].path == changed
            assert changed.read_bytes() == b"tagged by hand"
        assert len(b.service.record) == before


async def test_what_is_redone_lies_beside_a_changed_result(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(2)
        first = await b.batch(sources, journal=b.journal)
        changed = first[1].path
        assert changed is not None
        changed.write_bytes(b"tagged by hand")
        again = await b.batch(sources, journal=b.journal, redo=True)
        b.check(again)
        assert statuses(again) == {"succeeded": 2}
        assert again[0].path == first[0].path
        assert again[1].path == changed.with_name(f"{changed.stem}-1.mp3")
        assert changed.read_bytes() == b"tagged by hand"
        b.check(await b.batch(sources, journal=b.journal))
        # Over it where that is asked for, and nothing of it is paid for again.
        assert again[1].path is not None
        again[1].path.write_bytes(b"tagged by hand, too")
        over = await b.batch(sources, journal=b.journal, redo=True, overwrite=True)
        b.check(over)
        assert b.count(CREATE) == 2


async def test_a_changed_source_has_its_result_beside_a_changed_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        first = await b.batch([b.source("a.mp3")], journal=b.journal)
        assert first[0].path is not None
        first[0].path.write_bytes(b"tagged by hand")
        source = b.source("a.mp3", b"ID3 recorded once more")
        for status in ("succeeded", "skipped"):
            report = await b.batch([source], journal=b.journal)
            b.check(report)
            assert statuses(report) == {status: 1}
        assert first[0].path.read_bytes() == b"tagged by hand"


async def test_a_result_that_was_copied_in_place_is_still_ours(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(1)
        first = await b.batch(sources, journal=b.journal)
        assert first[0].path is not None
        os.utime(first[0].path, (5, 5))
        second = await b.batch(sources, journal=b.journal)
        assert statuses(second) == {"skipped": 1}


async def test_a_result_that_was_deleted_is_fetched_again_for_nothing(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(4)
        first = await b.batch(sources, journal=b.journal)
        assert first[3].path is not None
        first[3].path.unlink()
        second = await b.batch(sources, journal=b.journal)
        b.check(second)
        assert statuses(second) == {"skipped": 3, "succeeded": 1}
        assert second[3].path == first[3].path
        assert b.count(CREATE) == b.count(PUT) == b.count(CREATE_ASSET) == 4
        assert b.count(GET) == 5


async def test_a_changed_source_replaces_its_own_earlier_result(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = [b.source("a/talk.mp3"), b.source("b/talk.mp3")]
        # From an iterator: nobody knows of the second one when the first one is placed.
        first = await b.batch(iter(sources), journal=b.journal)
        b.check(first)
        for folder in ("b", "a"):
            b.source(f"{folder}/talk.mp3", f"ID3 changed {folder}".encode())
            report = await b.batch(iter(sources), journal=b.journal)
            b.check(report)
            assert statuses(report) == {"skipped": 1, "succeeded": 1}
            assert [outcome.path for outcome in report] == [outcome.path for outcome in first]
        assert len(files_below(b.out)) == 2


@pytest.mark.parametrize("first", ["a", "b"])
async def test_a_changed_twin_keeps_its_place_whichever_was_first(
    first: str, tmp_path: Path
) -> None:
    """Which of two has the plain name is a matter of which was finished first."""
    async with bench(tmp_path) as b:
        sources = [b.source("a/talk.mp3"), b.source("b/talk.mp3")]
        order = sorted(sources, key=lambda source: source.parent.name != first)
        await b.batch(iter(order[:1]), journal=b.journal)
        places = {each.source: each.path for each in await b.batch(iter(order), journal=b.journal)}
        for changed in sources:
            b.source(f"{changed.parent.name}/talk.mp3", b"ID3 changed " + bytes(changed))
            report = await b.batch(iter(sources), journal=b.journal)
            b.check(report)
            assert {outcome.source: outcome.path for outcome in report} == places
        # The other one need not even be in the batch.
        b.source("a/talk.mp3", b"ID3 changed once more")
        [outcome] = await b.batch(iter(sources[:1]), journal=b.journal)
        b.check([outcome])
        assert outcome.path == places[sources[0]]


async def test_a_run_that_ended_in_the_middle_never_leaves_a_stale_result(tmp_path: Path) -> None:
    """A source that changed, and a second run that died: the old result is not taken for new."""
    async with bench(tmp_path) as b:
        source = b.source("a.mp3")
        b.check(await b.batch([source], journal=b.journal))
        b.source("a.mp3", b"ID3 quite another recording")
        async with await Journal.open(b.journal) as journal:
            record = await JournalRow.of(rows_of(journal), Source.from_path(source), 93)
            given = Source.from_path(source)
            await record.hashed(given, await given.fingerprint())
            assert record.entry.state == EntryState.QUEUED
            assert await earlier_result(record.entry, Source.from_path(source)) is Earlier.NONE
        report = await b.batch([source], journal=b.journal)
        b.check(report)
        assert b.count(CREATE) == 2


async def test_the_journal_tells_each_step_and_holds_no_secret(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        sources = b.sources(3)
        sources.append(tmp_path / "in" / "missing.mp3")
        b.service.faults.script(Fault.EXPIRED_URL, route=PUT, times=9)
        await b.batch(sources, strength=[50, 93], journal=b.journal)
        # What never was a recording does not get in.
        assert len(rows(b)) == 6
        text = b.journal.read_bytes() + b"".join(
            path.read_bytes() for path in tmp_path.glob("batch.sqlite-*")
        )
        assert b.service.client_secret.encode() not in text
        assert not re.search(rb"X-Amz-|Bearer |https?://[^ ]*\?", text)


async def test_two_runs_at_a_time_are_one_too_many(tmp_path: Path) -> None:
    async with bench(tmp_path, speed=20, seconds=2.0) as b:
        running = asyncio.create_task(b.batch(b.sources(2), journal=b.journal))
        async with asyncio.timeout(600):
            while not b.count(CREATE):
                await asyncio.sleep(0.005)
        with pytest.raises(JournalLockedError) as caught:
            await b.batch(b.sources(2), journal=b.journal)
        assert caught.value.pid == os.getpid()
        b.check(await running)


async def test_a_journal_can_be_handed_in_open_and_stays_open(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
        b.check(await b.batch(b.sources(3), journal=journal))
        b.check(await b.batch(b.sources(3), journal=journal))
        assert (await journal.counts())[EntryState.SUCCEEDED] == 3


async def test_bytes_have_rows_of_their_own(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        given = [b"ID3 one", b"ID3 two"]
        first = await b.batch(given, journal=b.journal)
        second = await b.batch(given, journal=b.journal)
        assert statuses(first) == {"succeeded": 2}
        assert statuses(second) == {"skipped": 2}
        for report in (first, second):
            for outcome, data in zip(report, given, strict=True):
                assert outcome.path is not None
                assert outcome.path.read_bytes() == Rehearsal.expected(data, 93)


async def test_a_journal_that_cannot_be_written_before_a_request_stops_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be written down beforehand is not done: it would be done again."""
    async with bench(tmp_path) as b:
        save = Rows.save

        async def full(self: Rows, entry: JournalEntry) -> None:
            if entry.state == EntryState.SUBMITTING:
                raise JournalError("The disk is full.")
            await save(self, entry)

        monkeypatch.setattr(Rows, "save", full)
        report = await b.batch(b.sources(3), journal=b.journal)
        assert {type(outcome.error) for outcome in report} == {JournalError}
        assert b.count(CREATE) == 0


@pytest.mark.parametrize(
    "state", [EntryState.UPLOADED, EntryState.SUBMITTED, EntryState.PROCESSED, EntryState.SUCCEEDED]
)
async def test_a_journal_that_cannot_be_written_afterwards_throws_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: EntryState
) -> None:
    async with bench(tmp_path) as b:
        save = Rows.save
        refused = 0

        async def full(self: Rows, entry: JournalEntry) -> None:
            nonlocal refused
            if entry.state == state and refused < 3:
                refused += 1
                raise JournalError("The disk is full.")
            await save(self, entry)

        monkeypatch.setattr(Rows, "save", full)
        sources = b.sources(3)
        b.check(await b.batch(sources, journal=b.journal))
        assert refused == 3
        second = await b.batch(sources, journal=b.journal)
        assert statuses(second) == {"skipped": 3}
        assert b.count(CREATE) == 3
