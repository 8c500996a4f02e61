"""One job's row: written before and after what is dear, and true to the disk."""

from pathlib import Path

import pytest

from audio_enhance import InvalidSourceError, OutputError, Source, UnsupportedMediaTypeError
from audio_enhance._core.errors import AudioEnhanceError, JournalError
from audio_enhance._journal.earlier import Earlier, earlier_result
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.result_file import ResultFile
from audio_enhance._journal.row import JournalRow, label, note_refused
from audio_enhance._journal.rows import Rows
from tests.support import journals
from tests.support.journals import all_of

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left

DATA = b"ID3 something said"
FAILED = AudioEnhanceError("No.")
NEVER = InvalidSourceError("No recording.")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (recording := tmp_path / "talk.mp3").write_bytes(DATA)
    return recording


@pytest.fixture
def source(recording: Path) -> Source:
    return Source.from_path(recording)


async def enhanced(journal: Journal, source: Source) -> tuple[JournalRow, Path]:
    """Return the row of a source whose result is in its place."""
    assert source.path is not None
    row = await JournalRow.of(rows_of(journal), source, 93)
    await row.hashed(source, await source.fingerprint())
    result = source.path.with_name("talk-enhanced-93p.mp3")
    result.write_bytes(b"ID3 enhanced")
    await row.placing(result, result)
    await row.note_placed()
    return row, result


class TestWhoHasIt:
    async def test_all_who_are_at_work_on_it_have_the_same(
        self, journal: Journal, source: Source
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        assert await JournalRow.of(rows_of(journal), source, 93) is row
        assert await JournalRow.of(rows_of(journal), source, 50) is not row
        assert await JournalRow.of(rows_of(journal), source, 93, "order 17") is not row
        assert await all_of(journal) == []  # nothing is written by looking

    async def test_a_key_finds_its_row_whatever_the_recording_is_called(
        self, journal: Journal, source: Source
    ) -> None:
        await (await JournalRow.of(rows_of(journal), source, 93, "order 17")).begin(source)
        other = Source.from_bytes(DATA, "other.mp3")
        assert (
            await JournalRow.of(rows_of(journal), other, 93, "order 17")
        ).entry.source == source.label

    async def test_data_is_called_by_its_name_and_content(self) -> None:
        found = await label(Source.from_bytes(b"ID3", "a.mp3"))
        assert found == "a.mp3 (c0f44879dc0d4eae7b3f0b3e801e373c)"


class TestFailures:
    async def test_what_cannot_be_written_before_must_not_happen_and_after_it_goes_on(
        self, journal: Journal, source: Source, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def full(self: Rows, entry: object) -> None:
            raise JournalError("The disk is full.")

        row = await JournalRow.of(rows_of(journal), source, 93)
        with monkeypatch.context() as patched:
            patched.setattr(Rows, "save", full)
            with pytest.raises(JournalError):
                await row.note(tries=1)
            await row.note_done(extra=2)
        await row.note_done(state=EntryState.UPLOADED)
        [entry] = await all_of(journal)
        assert (entry.tries, entry.extra) == (1, 2)  # made up for with the next one

    async def test_a_failure_is_written_down_and_a_recording_that_is_gone_marked(
        self, journal: Journal, source: Source, recording: Path
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.begin(source)
        await row.note_failed(FAILED, extra=1)
        assert (row.entry.state, row.entry.error, row.entry.extra, row.entry.gone) == (
            EntryState.FAILED, "No.", 1, False)  # fmt: skip
        await row.note_failed(NEVER)
        assert not row.entry.gone
        recording.unlink()
        await row.note_failed(NEVER)
        assert row.entry.gone

    @pytest.mark.parametrize("error", [NEVER, UnsupportedMediaTypeError("No audio.")])
    async def test_what_never_was_a_recording_does_not_get_in(
        self, journal: Journal, source: Source, error: AudioEnhanceError
    ) -> None:
        await (await JournalRow.of(rows_of(journal), source, 93)).note_failed(error)
        assert await all_of(journal) == []

    async def test_what_turns_out_to_be_none_gets_out_again(
        self, journal: Journal, source: Source
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.begin(source)
        await row.note_failed(UnsupportedMediaTypeError("No audio."))
        assert await all_of(journal) == []

    async def test_the_last_of_several_says_how_it_ended(
        self, journal: Journal, source: Source
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        with row.at_work(), row.at_work():
            await row.note_failed(FAILED)
            assert row.entry.error is None
        with row.at_work():
            await row.note_failed(FAILED)
        assert row.entry.error == "No."

    async def test_a_result_that_was_made_stays_though_its_recording_is_gone(
        self, journal: Journal, source: Source
    ) -> None:
        row, _ = await enhanced(journal, source)
        await row.note_failed(NEVER)
        assert row.entry.state == EntryState.SUCCEEDED

    async def test_a_file_that_never_became_a_job_is_noted_where_it_is_known(
        self, journal: Journal, source: Source, tmp_path: Path
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.begin(source)
        await note_refused(rows_of(journal), row.entry.source, 93, FAILED)
        await note_refused(rows_of(journal), tmp_path / "unknown.mp3", 93, FAILED)
        [entry] = await all_of(journal)
        assert entry.state == EntryState.FAILED


class TestBeginning:
    async def test_what_failed_is_queued_again_and_what_goes_on_is_not(
        self, journal: Journal, source: Source
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.begin(source)
        await row.note(state=EntryState.SUBMITTED)
        await row.begin(source)
        assert row.entry.state == EntryState.SUBMITTED
        await row.note_failed(FAILED)
        await row.begin(source)
        assert (row.entry.state, row.entry.error) == (EntryState.QUEUED, None)

    async def test_taken_back_it_is_gone_unless_it_was_there_before(
        self, journal: Journal, source: Source
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.begin(source)
        await row.withdraw()
        assert await all_of(journal) == []
        await row.note(state=EntryState.UPLOADED)
        await row.begin(source)
        await row.withdraw()
        assert len(await all_of(journal)) == 1

    async def test_of_a_recording_that_is_not_there_nothing_is_written(
        self, journal: Journal, source: Source, recording: Path
    ) -> None:
        recording.unlink()
        await (await JournalRow.of(rows_of(journal), source, 93)).begin(source)
        assert await all_of(journal) == []


class TestContent:
    async def test_the_same_again_writes_nothing(self, journal: Journal, source: Source) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        await row.hashed(source, await source.fingerprint())
        await row.note(asset_id="a", tries=1)
        before = row.entry
        await row.hashed(source, await source.fingerprint())
        assert row.entry is before

    async def test_of_other_content_nothing_is_known_but_whose_the_file_is(
        self, journal: Journal, source: Source, recording: Path
    ) -> None:
        row, result = await enhanced(journal, source)
        await row.note(asset_id="a", enhancement_id="e", tries=2, extra=1)
        recording.write_bytes(DATA + b" else")
        other = Source.from_path(recording)
        await row.hashed(other, await other.fingerprint())
        entry = row.entry
        assert entry.state == EntryState.QUEUED
        assert (entry.asset_id, entry.enhancement_id, entry.tries, entry.extra) == (
            None,
            None,
            0,
            0,
        )
        assert entry.output == str(result)
        assert await earlier_result(entry, other) is Earlier.NONE


class TestTheEarlierResult:
    async def test_is_whose_row_names_it(
        self, journal: Journal, source: Source, tmp_path: Path
    ) -> None:
        row, result = await enhanced(journal, source)
        assert await row.is_own(result)
        assert not await row.is_own(tmp_path / "other.mp3")
        assert await row.own_result(tmp_path) == result
        assert await row.own_result(tmp_path / "elsewhere") is None
        result.write_bytes(b"ID3 changed")
        assert row.names(result)
        assert not await row.is_own(result)
        assert await row.own_result(tmp_path) is None


class TestPlacing:
    async def test_a_result_that_got_its_place_after_all_is_found(
        self, journal: Journal, source: Source, tmp_path: Path
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        (part := tmp_path / "part").write_bytes(b"ID3 enhanced")
        target = tmp_path / "out.mp3"
        await row.placing(part, target)
        await row.settle()
        assert row.entry.placing is None
        assert row.entry.output is None
        await row.placing(part, target)
        part.rename(target)
        await row.settle()
        assert row.entry.state == EntryState.SUCCEEDED
        assert row.entry.output_md5 == ResultFile.of(target).md5

    async def test_one_that_cannot_be_read_again_gets_no_place(
        self, journal: Journal, source: Source, tmp_path: Path
    ) -> None:
        row = await JournalRow.of(rows_of(journal), source, 93)
        with pytest.raises(OutputError, match="cannot be read again"):
            await row.placing(tmp_path / "gone", tmp_path / "out.mp3")
        assert row.entry.placing is None
