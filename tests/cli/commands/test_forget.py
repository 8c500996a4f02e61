import asyncio
from pathlib import Path

import pytest

from audio_enhance import Journal
from audio_enhance.cli.main import run


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "batch.sqlite"

    async def begin() -> None:
        async with await Journal.open(path) as journal:
            names = ("rec/a.wav", "rec/sub/b.wav", "recent.wav")
            await journal.plan((str(tmp_path / name), s) for name in names for s in (50, 93))

    asyncio.run(begin())
    return path


def left(path: Path) -> list[tuple[str, int]]:
    async def read() -> list[tuple[str, int]]:
        async with await Journal.read(path) as journal:
            return [(Path(each.source).name, each.strength) async for each in journal.entries()]

    return asyncio.run(read())


def audio_enhance(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["audio-enhance", *arguments])
    return run()


@pytest.mark.parametrize(
    ("arguments", "told", "kept"),
    [
        (
            ["./rec"],
            "4 results forgotten, of 2 recordings.",
            [("recent.wav", 50), ("recent.wav", 93)],
        ),
        (
            ["rec/a.wav", "rec/sub/../sub/b.wav", "--strength", "50"],
            "2 results forgotten, of 2 recordings.",
            [("a.wav", 93), ("b.wav", 93), ("recent.wav", 50), ("recent.wav", 93)],
        ),
    ],
)
def test_files_and_folders_are_forgotten(
    journal: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
    kept: list[tuple[str, int]],
) -> None:
    assert audio_enhance(monkeypatch, "forget", "batch.sqlite", *arguments) == 0
    assert capsys.readouterr() == ("", f"{told}\n")
    assert left(journal) == kept


def test_a_name_that_it_does_not_know_is_an_error(
    journal: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audio_enhance(monkeypatch, "forget", "batch.sqlite", "rec", "rec/typo.wav") == 2
    assert "has no recording called rec/typo.wav" in capsys.readouterr().err
    assert len(left(journal)) == 6
    assert audio_enhance(monkeypatch, "forget", "nowhere", "rec") == 2
    assert not Path("nowhere").exists()
