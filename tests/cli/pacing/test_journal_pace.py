from pathlib import Path

import pytest

from audio_enhance import EntryState, Journal, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance.cli.pacing.journal_pace import results_of, seconds_left


def test_only_the_results_of_this_run_tell_its_pace() -> None:
    done = [(0.0, 9.0), (1.0, 9.0), (90_000.0, 10.0), (90_004.0, 10.0), (90_008.0, 10.0)]
    assert seconds_left(done, [10.0] * 5, now=90_008.0) == pytest.approx(20.0)
    assert seconds_left(done[:3], [10.0], now=90_001.0) is None
    assert seconds_left([], [10.0], now=1.0) is None


async def test_a_journal_tells_what_is_done_and_what_is_left(tmp_path: Path) -> None:
    async with await Journal.open(tmp_path / "j.sqlite") as journal:
        await journal.plan([("/c.mp3", 93), ("/d.mp3", 93)])
        for name, state in (("/a.mp3", EntryState.SUCCEEDED), ("/b.mp3", EntryState.UPLOADED)):
            await rows_of(journal).save(
                JournalEntry(source=name, strength=93, state=state, byte_size=32_000)
            )
        await rows_of(journal).save(
            JournalEntry(source="/d.mp3", strength=93, state=EntryState.FAILED)
        )
        done, left = await results_of(journal)
    assert [length for _, length in done] == [2.0]
    assert left == [2.0, 2.0]  # of the one whose size is not known yet, the usual length
