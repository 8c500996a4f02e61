"""A client that is closed while a batch runs: the batch says so, and a later run resumes it."""

import asyncio
from pathlib import Path

import pytest

from audio_enhance import EntryState, Event, JobCancelledError, Submitted

from .support import bench, rows


@pytest.mark.parametrize("count", [3, 40])  # all that the batch has was handed over, or not
async def test_what_was_not_submitted_was_not_started(tmp_path: Path, count: int) -> None:
    submitted = asyncio.Event()

    def listen(event: Event) -> None:
        if isinstance(event, Submitted):
            submitted.set()

    async with bench(tmp_path, seconds=600.0) as b:
        running = asyncio.create_task(b.batch(b.sources(count), journal=b.journal, on_event=listen))
        await submitted.wait()
        await b.client.aclose()
        report = await running
        assert isinstance(report.stopped_by, JobCancelledError)
        assert len(report.failed) == count
        assert 1 <= len([outcome for outcome in report if not outcome.not_started]) < count
        for outcome in report:
            assert outcome.not_started is (outcome.enhancement_id is None)
            assert not outcome.not_started or outcome.error is report.stopped_by
        # Nobody has given up what was closed: it is unfinished, and a later run resumes it.
        assert EntryState.FAILED not in {row["state"] for row in rows(b).values()}


async def test_it_stops_while_its_journal_is_being_opened(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        running = asyncio.create_task(b.batch(b.sources(3), journal=b.journal))
        while not b.journal.exists():
            await asyncio.sleep(0)
        await b.client.aclose()
        report = await running
        assert isinstance(report.stopped_by, JobCancelledError)
        assert [outcome.not_started for outcome in report] == [True] * 3
        assert len(b.service.record) == 0
