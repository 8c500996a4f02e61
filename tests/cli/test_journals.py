from pathlib import Path

from audio_enhance import RemotePath
from audio_enhance.cli.journals import JOURNAL_NAME, journal_for, journal_in, meant_by


def test_a_journal_is_with_the_results_and_called_by_their_folder(tmp_path: Path) -> None:
    journal = journal_for(tmp_path)
    assert journal == tmp_path / JOURNAL_NAME
    assert meant_by(journal) == tmp_path
    assert journal_in(tmp_path) == journal


def test_another_one_is_called_by_its_own_name(tmp_path: Path) -> None:
    for journal in (tmp_path / "mine.sqlite", journal_for(RemotePath("s3://bucket/clean"))):
        assert meant_by(journal) == journal == journal_in(journal)
