"""A journal that was moved, with its recordings and results, or without them."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from audio_enhance import EntryState, Journal
from audio_enhance._core.journal_file import APPLICATION_ID
from audio_enhance._journal import schema

from .support import CREATE, Bench, bench, statuses


async def again(b: Bench, folder: Path, out: Path, journal: Path) -> dict[str, int]:
    """Run once more over the recordings of a folder."""
    report = await b.batch(
        sorted((folder / "in").iterdir()), strength=[50, 93], output_dir=out, journal=journal
    )
    assert report.ok
    for outcome in report:
        assert outcome.path is not None
        assert outcome.path.is_relative_to(out)
        assert outcome.path.exists()
    return dict(statuses(report))


async def test_together_with_everything(tmp_path: Path) -> None:
    old, new = tmp_path / "old" / "project", tmp_path / "another" / "disk" / "project"
    async with bench(old) as b:
        journal = b.out / "journal.sqlite"
        b.check(await b.batch(b.sources(3), strength=[50, 93], journal=journal))
        new.parent.mkdir(parents=True)
        old.rename(new)
        moved = new / "out" / "journal.sqlite"
        async with await Journal.read(moved) as reader:
            async for entry in reader.entries(EntryState.SUCCEEDED):
                assert Path(entry.source).is_relative_to(new)
                assert Path(str(entry.output)).exists()
        for _ in range(2):
            assert await again(b, new, new / "out", moved) == {"skipped": 6}
        assert b.count(CREATE) == 6


async def test_with_its_results_alone(tmp_path: Path) -> None:
    async with bench(tmp_path / "project") as b:
        b.check(await b.batch(b.sources(2), strength=[50, 93], journal=b.out / "journal.sqlite"))
        moved = tmp_path / "moved"
        shutil.move(b.out, moved)
        assert await again(b, tmp_path / "project", moved, moved / "journal.sqlite") == {
            "skipped": 4
        }


async def test_alone(tmp_path: Path) -> None:
    async with bench(tmp_path / "project") as b:
        b.check(await b.batch(b.sources(2), strength=[50, 93], journal=b.journal))
        moved = tmp_path / "elsewhere.sqlite"
        b.journal.rename(moved)
        assert await again(b, tmp_path / "project", b.out, moved) == {"skipped": 4}


async def test_paths_of_its_settings_go_with_it(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    async with await Journal.open(old / "journal.sqlite") as journal:
        await journal.set_path_setting("output_dir", old / "out")
        assert await journal.path_setting("root") is None
    old.rename(new)
    for how in (Journal.read, Journal.open, Journal.read):
        async with await how(new / "journal.sqlite") as journal:
            assert await journal.path_setting("output_dir") == new / "out"


@pytest.mark.parametrize("version", [1, 2])
async def test_one_of_an_earlier_version(version: int, tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as old:
        old.executescript(
            f"{''.join(schema.MIGRATIONS[:version])} PRAGMA user_version = {version};"
            f" PRAGMA application_id = {APPLICATION_ID};"
            " INSERT INTO entries (source, strength, state, created_at, updated_at)"
            " VALUES ('/in/talk.mp3', 93, 'failed', 1.0, 1.0);"
        )
    assert Journal.recognises(path)
    before = path.read_bytes()
    async with await Journal.read(path) as journal:
        assert [entry.source async for entry in journal.entries(EntryState.FAILED)]
        assert (await journal.counts())[EntryState.FAILED] == 1
        assert await journal.entry_with("none") is None
    assert path.read_bytes() == before  # it was only looked at
    async with await Journal.open(path) as journal:
        [entry] = [entry async for entry in journal.entries()]
        assert (entry.source, entry.key, entry.gone) == ("/in/talk.mp3", "", False)


def as_written_by(version: int, path: Path) -> None:
    """Make a journal what an earlier version would have written."""
    with contextlib.closing(sqlite3.connect(path)) as new:
        home = new.execute("SELECT value FROM settings WHERE name = 'home'").fetchall()
        assert home
        columns = "source, strength, state, byte_size, modified_ns, md5, client_id, asset_id,"
        columns += " enhancement_id, output, output_size, output_modified_ns, output_md5,"
        columns += " created_at, updated_at"
        rows = new.execute(f"SELECT {columns} FROM entries").fetchall()
    path.unlink()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript(
            f"{''.join(schema.MIGRATIONS[:version])} PRAGMA user_version = {version};"
            f" PRAGMA application_id = {APPLICATION_ID};"
        )
        places = ", ".join("?" * len(columns.split(",")))
        old.executemany(f"INSERT INTO entries ({columns}) VALUES ({places})", rows)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("with_recordings", [True, False])
async def test_one_of_an_earlier_version_that_was_moved(
    version: int, with_recordings: bool, tmp_path: Path
) -> None:
    old, new = tmp_path / "old" / "project", tmp_path / "another" / "disk" / "renamed"
    async with bench(old) as b:
        journal = b.out / "journal.sqlite"
        sources = [b.source("a/talk.mp3"), b.source("b/talk.mp3"), *b.sources(3)]
        b.check(await b.batch(sources, strength=[50, 93], journal=journal))
        as_written_by(version, journal)
        if with_recordings:
            new.parent.mkdir(parents=True)
            old.rename(new)
        else:
            shutil.move(old / "out", new / "out")
        moved = new / "out" / "journal.sqlite"
        async with await Journal.read(moved) as reader:
            async for entry in reader.entries():
                assert Path(entry.source).exists()
                assert Path(str(entry.output)).exists()
        folder = new if with_recordings else old
        for _ in range(2):
            report = await b.batch(
                sorted((folder / "in").rglob("*.mp3")),
                strength=[50, 93],
                output_dir=new / "out",
                journal=moved,
            )
            assert statuses(report) == {"skipped": 10}
        assert b.count(CREATE) == 10


async def test_in_a_folder_whose_name_is_no_text(tmp_path: Path) -> None:
    folder = tmp_path / "caf\udce9"
    for _ in range(2):
        async with bench(folder) as b:
            b.check(await b.batch(b.sources(1), journal=b.journal))
        folder = folder.rename(tmp_path / "th\udce9")
