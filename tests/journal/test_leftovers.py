"""What a run that died left on the disk: its own goes, and nothing else."""

from pathlib import Path

import pytest

from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.leftovers import remove_leftovers
from tests.support import journals
from tests.support.journals import all_of, done

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left


async def test_part_files_are_removed(journal: Journal, tmp_path: Path) -> None:
    part = tmp_path / ".audio-enhance-0123.part"
    part.write_bytes(b"half")
    gone = tmp_path / ".audio-enhance-4567.part"
    await rows_of(journal).save(done("a", EntryState.DOWNLOADING, temporary=str(part)))
    await rows_of(journal).save(done("b", EntryState.DOWNLOADING, temporary=str(gone)))
    assert await remove_leftovers(rows_of(journal).database) == [part]
    assert not part.exists()
    assert [entry.temporary for entry in await all_of(journal)] == [None, None]
    assert await remove_leftovers(rows_of(journal).database) == []


@pytest.mark.parametrize("name", ["talk.mp3", ".audio-enhance-1", "1.part"])
async def test_no_other_file_is(journal: Journal, tmp_path: Path, name: str) -> None:
    mine = tmp_path / name
    mine.write_bytes(b"mine")
    await rows_of(journal).save(done("a", EntryState.DOWNLOADING, temporary=str(mine)))
    assert await remove_leftovers(rows_of(journal).database) == []
    assert mine.read_bytes() == b"mine"
    assert [entry.temporary for entry in await all_of(journal)] == [None]


async def test_one_that_stays_is_not_forgotten(journal: Journal, tmp_path: Path) -> None:
    stubborn = tmp_path / ".audio-enhance-0.part"
    stubborn.mkdir()  # what unlink refuses, for root as well
    other = tmp_path / ".audio-enhance-1.part"
    other.touch()
    await rows_of(journal).save(done("a", EntryState.DOWNLOADING, temporary=str(stubborn)))
    await rows_of(journal).save(done("b", EntryState.DOWNLOADING, temporary=str(other)))
    assert await remove_leftovers(rows_of(journal).database) == [other]
    assert [e.temporary for e in await all_of(journal)] == [str(stubborn), None]


async def test_data_kept_for_jobs_that_are_over_is_removed(
    journal: Journal, tmp_path: Path
) -> None:
    for state in EntryState:
        (kept := tmp_path / f"kept-{state}").touch()
        await rows_of(journal).save(done(state, state, spooled=str(kept)))
    assert await remove_leftovers(rows_of(journal).database) == []
    over = {EntryState.SUCCEEDED, EntryState.FAILED}
    for entry in await all_of(journal):
        kept = tmp_path / f"kept-{entry.state}"
        assert kept.exists() is (entry.state not in over)
        assert entry.spooled == (None if entry.state in over else str(kept))
