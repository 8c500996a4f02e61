import json
from datetime import datetime
from pathlib import Path

import pytest

from audio_enhance import EntryState, Journal, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance.cli.reporting.from_journal import write_journal
from audio_enhance.cli.reporting.report import Report
from tests.support.journals import Clock


@pytest.mark.parametrize("measure", [False, True])
async def test_everything_that_a_journal_holds_is_told(tmp_path: Path, measure: bool) -> None:
    clock = Clock()
    entries = [
        JournalEntry(source="/a.wav", strength=93, state=EntryState.SUCCEEDED, output="/a-93.wav"),
        JournalEntry(source="/b.wav", strength=93, state=EntryState.FAILED, error="No.", extra=2),
        JournalEntry(source="/c.wav", strength=93),
    ]
    report = Report(place := tmp_path / "r.json")
    async with await Journal.open(tmp_path / "j.sqlite", clock=clock) as journal:
        began = clock.now
        for entry in entries:
            await rows_of(journal).save(entry)
            clock.now += 60
        with report:
            await write_journal(report, journal, measure=measure)
    told = json.loads(place.read_text())
    assert told["totals"] == {"succeeded": 1, "failed": 1, "unfinished": 1, "extra_enhancements": 2}
    assert [(row["source"], row["status"]) for row in told["outcomes"]] == [
        *(("/a.wav", "succeeded"), ("/b.wav", "failed"), ("/c.wav", "unfinished")),
    ]
    assert ("before" in told["outcomes"][0]) is measure
    seconds = [datetime.fromisoformat(told[name]).timestamp() for name in ("began_at", "ended_at")]
    assert seconds == [began, began + 120]


async def test_a_journal_may_hold_nothing(tmp_path: Path) -> None:
    report = Report(place := tmp_path / "r.json")
    async with await Journal.open(tmp_path / "j.sqlite") as journal:
        with report:
            await write_journal(report, journal, measure=False)
    told = json.loads(place.read_text())
    assert told["outcomes"] == []
    assert told["began_at"] == told["ended_at"]
