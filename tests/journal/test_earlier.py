"""What an earlier run made is skipped if it is still what was made of the same recording."""

from pathlib import Path

import pytest

from audio_enhance import Earlier, Source, earlier_result
from audio_enhance._journal.entry import JournalEntry
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.row import JournalRow
from tests.support import journals

path = journals.path
clock = journals.clock
journal = journals.journal

DATA = b"ID3 something said"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (recording := tmp_path / "talk.mp3").write_bytes(DATA)
    return recording


async def enhanced(journal: Journal, source: Source) -> tuple[JournalEntry, Path]:
    """Return the entry of a source whose result is in its place."""
    assert source.path is not None
    row = await JournalRow.of(rows_of(journal), source, 93)
    await row.hashed(source, await source.fingerprint())
    result = source.path.with_name("talk-enhanced-93p.mp3")
    result.write_bytes(b"ID3 enhanced")
    await row.placing(result, result)
    await row.note_placed()
    return row.entry, result


async def test_is_whole_changed_or_away(journal: Journal, recording: Path) -> None:
    source = Source.from_path(recording)
    entry, result = await enhanced(journal, source)
    assert await earlier_result(entry, source) is Earlier.WHOLE
    result.write_bytes(b"ID3 changed")
    assert await earlier_result(entry, source) is Earlier.CHANGED
    result.unlink()
    assert await earlier_result(entry, source) is Earlier.AWAY


async def test_counts_for_the_same_source_however_it_was_touched(
    journal: Journal, recording: Path
) -> None:
    entry, _ = await enhanced(journal, Source.from_path(recording))
    recording.write_bytes(DATA)
    assert await earlier_result(entry, Source.from_path(recording)) is Earlier.WHOLE
    recording.write_bytes(DATA.upper())
    assert await earlier_result(entry, Source.from_path(recording)) is Earlier.NONE
    recording.unlink()
    assert await earlier_result(entry, Source.from_path(recording)) is Earlier.NONE
