import asyncio
import os
from pathlib import Path

import pytest

from audio_enhance import Journal
from audio_enhance.cli.input.places import mark_results
from audio_enhance.cli.input.recordings import Recordings, find_recordings
from audio_enhance.cli.input.settings import MARK_NAME
from audio_enhance.cli.journals import JOURNAL_NAME


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * len(name))


def _found(*given: str, output_dir: str = "enhanced") -> list[str]:
    return list(_search(*given, output_dir=output_dir).sizes)


def _search(*given: str, output_dir: str = "enhanced") -> Recordings:
    return find_recordings(given, Path(output_dir))


def test_a_folder_is_searched_for_audio_and_nothing_hidden() -> None:
    _make(
        "rec/b.WAV",
        "rec/a.mp3",
        "rec/notes.txt",
        "rec/.hidden.wav",
        "rec/.trash/c.wav",
        "rec/sub/deep/d.flac",
    )
    assert _found("rec") == ["rec/a.mp3", "rec/b.WAV", "rec/sub/deep/d.flac"]


def test_named_files_are_taken_whatever_they_are() -> None:
    _make("notes.txt", ".hidden.wav")
    found = _search("notes.txt", ".hidden.wav", "missing.mp3")
    assert found.sizes == {"notes.txt": 9, ".hidden.wav": 11, "missing.mp3": 0}


def test_a_file_that_is_named_twice_is_meant_once() -> None:
    _make("rec/a.wav", "rec/b.wav")
    named = ["rec/b.wav", "rec", "./rec/../rec/a.wav", os.path.abspath("rec/a.wav")]  # noqa: PTH100
    assert _found(*named) == ["rec/b.wav", "rec/a.wav"]


def test_a_link_to_a_file_has_a_name_of_its_own() -> None:
    _make("rec/a.wav")
    Path("rec/link.wav").symlink_to("a.wav")
    assert _found("rec") == ["rec/a.wav", "rec/link.wav"]


@pytest.mark.parametrize("output_dir", ["rec/enhanced", "./rec/../rec/enhanced", "link"])
def test_an_output_folder_inside_is_not_searched(output_dir: str) -> None:
    _make("rec/a.wav", "rec/enhanced/a-enhanced-93p.wav", "rec/enhanced/whatever.wav")
    Path("link").symlink_to("rec/enhanced")
    assert _found("rec", output_dir=output_dir) == ["rec/a.wav"]


def test_results_are_told_by_their_names_where_the_output_folder_is_searched() -> None:
    _make(
        "rec/a.wav",
        "rec/a-enhanced-93p.wav",
        "rec/a-enhanced-50p-1.wav",
        "rec/sub/a-enhanced-93p.wav",
        "rec/enhanced-93p.wav",
        "rec/a-enhanced-loud.wav",
    )
    found = _search("rec", output_dir="rec")
    assert list(found.sizes) == ["rec/a-enhanced-loud.wav", "rec/a.wav", "rec/enhanced-93p.wav"]
    assert found.results == 3


def test_results_of_other_runs_are_recordings_like_others() -> None:
    _make("rec/a-enhanced-93p.wav")
    assert _found("rec") == ["rec/a-enhanced-93p.wav"]


@pytest.mark.parametrize("searched", [".", "x", "x/sub"])
def test_a_folder_with_a_journal_holds_results(searched: str) -> None:
    _make("x/a-enhanced-93p.wav", "x/sub/b-enhanced-50p-1.wav", "x/sub/c.wav")

    async def begin() -> None:
        async with await Journal.open(Path("x") / JOURNAL_NAME):
            pass

    asyncio.run(begin())
    found = _search(searched)
    assert [Path(name).name for name in found.sizes] == ["c.wav"]
    assert found.results == (1 if searched == "x/sub" else 2)


@pytest.mark.parametrize("searched", [".", "x", "x/sub"])
@pytest.mark.parametrize("journal", ["j.sqlite", "x/progress.db", "far/j.sqlite", None])
def test_a_folder_whose_journal_is_elsewhere_is_marked(searched: str, journal: str | None) -> None:
    _make("x/a-enhanced-93p.wav", "x/sub/b-enhanced-50p-1.wav", "x/sub/c.wav")

    async def begin() -> None:
        if journal is not None:
            async with await Journal.open(journal):
                pass

    asyncio.run(begin())
    for _ in range(2):  # once more does no harm
        mark_results(Path("x"), None if journal is None else Path(journal))
    assert Path("x", MARK_NAME).exists() == (journal != "j.sqlite")
    found = _search(searched)
    assert [Path(name).name for name in found.sizes] == ["c.wav"]
    assert found.results == (1 if searched == "x/sub" else 2)


@pytest.fixture
def without_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audio_enhance._recording.suffixes.can_be_read", lambda: False)


def test_videos_are_recordings() -> None:
    _make("rec/a.MP4", "rec/b.mkv", "rec/c.webm", "rec/d.mov", "rec/e.avi", "rec/f.m4v")
    found = _search("rec")
    assert [Path(name).suffix for name in found.sizes] == [".MP4", ".mkv", ".webm", ".mov", ".m4v"]
    assert dict(found.not_taken) == {".avi": 1}


def test_results_that_are_videos_are_left_out() -> None:
    _make("rec/a.mkv", "rec/a-enhanced-93p.mkv")
    found = _search("rec", output_dir="rec")
    assert (list(found.sizes), found.results) == (["rec/a.mkv"], 1)


@pytest.mark.usefixtures("without_videos")
def test_what_is_left_out_is_told() -> None:
    _make("rec/a.wav", "rec/b.webm", "rec/c.WMA", "rec/sub/d.webm", "rec/notes.txt", "far/e.wav")
    Path("rec/link").symlink_to("../far")
    Path("rec/.hidden").symlink_to("../far")
    found = _search("rec")
    assert list(found.sizes) == ["rec/a.wav"]
    assert dict(found.not_taken) == {".webm": 2, ".wma": 1}
    assert found.links == ["rec/link"]
    assert _found("rec/link") == ["rec/link/e.wav"]


def test_the_root_is_what_all_have_in_common(tmp_path: Path) -> None:
    _make("rec/x/a.wav", "rec/y/deep/b.wav")
    assert _search("rec").root == tmp_path / "rec"
    assert _search("rec/x", "rec/y/deep/b.wav").root == tmp_path / "rec"
    assert _search("rec/x/../y").root == tmp_path / "rec/y"


def test_a_folder_that_cannot_be_searched_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    _make("rec/a.wav", "rec/sub/b.wav")
    scandir = os.scandir

    def refusing(path: str) -> object:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)  # who runs tests as root may search everything
    found = _search("rec")
    assert list(found.sizes) == ["rec/a.wav"]
    assert found.unreadable == ["rec/sub: Permission denied"]
