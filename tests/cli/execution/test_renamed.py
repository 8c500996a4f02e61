import os
from pathlib import Path

import pytest

from audio_enhance import EntryState, Journal, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance.cli.execution.renamed import without_renamed
from audio_enhance.cli.input.recordings import find_recordings
from audio_enhance.cli.journals import JOURNAL_NAME


@pytest.mark.parametrize("searched", [".", "x", "x/sub"])
async def test_a_result_with_another_name_is_no_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, searched: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x" / "sub").mkdir(parents=True)
    async with await Journal.open(tmp_path / "x" / JOURNAL_NAME) as journal:
        for name in ("mine", "changed"):
            path = tmp_path / "x" / "sub" / f"{name}.wav"
            path.write_bytes(name.encode())
            status = path.stat()
            entry = JournalEntry(
                source=f"/{name}.wav",
                strength=93,
                state=EntryState.SUCCEEDED,
                output=str(tmp_path / "x" / f"{name}-enhanced-93p.wav"),
                output_size=status.st_size,
                output_modified_ns=status.st_mtime_ns,
            )
            await rows_of(journal).save(entry)
    os.utime(tmp_path / "x" / "sub" / "changed.wav", ns=(1, 1))
    (tmp_path / "x" / "sub" / "recording.wav").write_bytes(b"mine")
    found = find_recordings([searched], tmp_path / "out")
    assert len(found.sizes) == 3
    left = await without_renamed(found)
    assert sorted(Path(name).name for name in left.sizes) == ["changed.wav", "recording.wav"]
    assert left.results == 1


async def test_a_folder_without_a_journal_has_none(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"a")
    found = find_recordings([str(tmp_path)], tmp_path / "out")
    assert await without_renamed(found) == found
