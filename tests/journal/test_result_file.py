"""Whether a file is the result that a journal tells of; the disk has the last word."""

import hashlib
import os
from pathlib import Path

import attrs
import pytest

from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.result_file import ResultFile, placed, result_of, settled, status_of

WHOLE = b"ID3 enhanced"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "talk-enhanced-93p.mp3"
    path.write_bytes(WHOLE)
    return path


@pytest.fixture
def entry(path: Path) -> JournalEntry:
    """One whose run died while its result got its place."""
    result = ResultFile.of(path)
    return JournalEntry(
        source="talk.mp3",
        strength=93,
        state=EntryState.DOWNLOADING,
        placing=result.path,
        placing_size=result.size,
        placing_modified_ns=result.modified_ns,
        placing_md5=result.md5,
        temporary="part",
        error="the one before",
    )


def touch(path: Path) -> None:
    os.utime(path, ns=(1, 1))


class TestIsThere:
    def test_as_it_was_written(self, path: Path) -> None:
        result = ResultFile.of(path)
        assert result == ResultFile(
            str(path), len(WHOLE), path.stat().st_mtime_ns, hashlib.md5(WHOLE).hexdigest()
        )
        assert result.is_there()

    def test_one_that_was_only_touched_is_there_and_a_changed_one_is_not(self, path: Path) -> None:
        result = ResultFile.of(path)
        touch(path)
        assert result.is_there()
        path.write_bytes(WHOLE.upper())
        assert not result.is_there()

    def test_another_length_needs_no_reading(self, path: Path) -> None:
        result = ResultFile.of(path)
        with path.open("ab") as file:
            file.write(b"!")
        os.utime(path, ns=(result.modified_ns or 0, result.modified_ns or 0))
        assert not result.is_there()

    def test_what_is_gone_or_was_never_known_is_not(self, path: Path) -> None:
        result = ResultFile.of(path)
        assert not attrs.evolve(result, md5=None).is_there()
        path.unlink()
        assert not result.is_there()
        assert not attrs.evolve(result, path="\0").is_there()

    def test_what_cannot_be_read_is_not_known_to_be_ours(self, tmp_path: Path) -> None:
        status = status_of(tmp_path)
        assert status is not None
        assert not ResultFile(str(tmp_path), status.st_size, 1, "0" * 32).is_there()


class TestSettling:
    def test_what_was_about_to_get_its_place_and_has_it(
        self, entry: JournalEntry, path: Path
    ) -> None:
        found = settled(entry)
        assert found == attrs.evolve(placed(entry), temporary="part")
        assert found.state == EntryState.SUCCEEDED
        assert result_of(found) == ResultFile.of(path)
        assert (found.placing, found.placing_md5, found.error) == (None,) * 3

    def test_what_did_not_get_it(self, entry: JournalEntry, path: Path) -> None:
        path.unlink()
        found = settled(entry)
        assert found.state == EntryState.DOWNLOADING
        assert (found.placing, found.placing_size, found.placing_md5) == (None,) * 3
        assert found.temporary == "part"

    def test_one_made_once_more_whose_earlier_result_lies_there(
        self, entry: JournalEntry, path: Path
    ) -> None:
        before = placed(entry)
        again = attrs.evolve(before, state=EntryState.DOWNLOADING, placing="elsewhere")
        assert settled(again).state == EntryState.SUCCEEDED
        path.unlink()
        assert settled(again).state == EntryState.DOWNLOADING

    def test_a_result_whose_time_is_not_trusted_settles_nothing(self, entry: JournalEntry) -> None:
        before = placed(entry)
        stale = attrs.evolve(before, state=EntryState.DOWNLOADING, output_modified_ns=None)
        assert settled(stale) == stale

    @pytest.mark.parametrize("state", [s for s in EntryState if s != EntryState.DOWNLOADING])
    def test_any_other_state_stays(self, entry: JournalEntry, state: EntryState) -> None:
        other = attrs.evolve(placed(entry), state=state)
        assert settled(other) == other


def test_without_an_output_there_is_no_result() -> None:
    assert result_of(JournalEntry(source="talk.mp3", strength=93)) is None
