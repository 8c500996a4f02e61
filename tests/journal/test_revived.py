"""What is left of a source: its file, kept data, or what was uploaded of it."""

from pathlib import Path

import attrs
import pytest

from audio_enhance import EntryState, InvalidSourceError, JournalEntry, Source
from audio_enhance._journal.revived import fingerprint_of, left_of, revive


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    (recording := tmp_path / "talk.mp3").write_bytes(b"ID3 something said")
    return recording


class TestReviving:
    ENTRY = JournalEntry(
        source="talk.mp3 (md5)", strength=93, md5="0" * 32, byte_size=18, asset_id="a"
    )

    async def test_a_file_that_is_there_is_read(self, recording: Path) -> None:
        source = revive(attrs.evolve(self.ENTRY, source=str(recording), content_type="audio/wav"))
        assert (source.path, source.content_type) == (recording, "audio/wav")

    async def test_else_what_was_uploaded_of_it_will_do(self, tmp_path: Path) -> None:
        gone = attrs.evolve(self.ENTRY, source=str(tmp_path / "talk.mp3"))
        for entry in (self.ENTRY, gone, attrs.evolve(self.ENTRY, spooled=str(tmp_path / "x"))):
            source = revive(entry)
            assert source.filename == "talk.mp3"
            assert (await source.fingerprint()).byte_size == 18

    @pytest.mark.parametrize("unknown", ["md5", "byte_size", "asset_id"])
    def test_what_was_not_uploaded_is_an_error(self, unknown: str) -> None:
        with pytest.raises(InvalidSourceError, match="not uploaded"):
            revive(attrs.evolve(self.ENTRY, **{unknown: None}))  # type: ignore[arg-type]


class TestWhatIsLeft:
    ENTRY = attrs.evolve(TestReviving.ENTRY, state=EntryState.UPLOADED)

    async def test_of_a_file_that_is_gone_its_upload_is(self, tmp_path: Path) -> None:
        gone = tmp_path / "talk.mp3"
        left = await left_of(attrs.evolve(self.ENTRY, source=str(gone)), Source.from_path(gone))
        assert left is not None
        assert left.path == gone
        assert await left.fingerprint() == fingerprint_of(self.ENTRY)

    async def test_a_file_that_is_there_is_what_there_is(self, recording: Path) -> None:
        entry = attrs.evolve(self.ENTRY, source=str(recording))
        assert await left_of(entry, Source.from_path(recording)) is None

    @pytest.mark.parametrize("change", [{"asset_id": None}, {"state": EntryState.SUCCEEDED}])
    async def test_nothing_is_where_there_is_nothing_to_go_on_with(
        self, tmp_path: Path, change: dict[str, object]
    ) -> None:
        gone = tmp_path / "talk.mp3"
        entry = attrs.evolve(self.ENTRY, source=str(gone), **change)  # type: ignore[arg-type]
        assert await left_of(entry, Source.from_path(gone)) is None

    async def test_data_lies_nowhere_and_is_never_gone(self) -> None:
        assert await left_of(self.ENTRY, Source.from_bytes(b"ID3", "talk.mp3")) is None
