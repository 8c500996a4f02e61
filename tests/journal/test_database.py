"""The files of a journal: which they are, which are none, and what can be wrong with them."""

import asyncio
import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from audio_enhance._core.errors import JournalError
from audio_enhance._journal import database
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal, rows_of
from audio_enhance._journal.leftovers import remove_leftovers
from tests.support import journals
from tests.support.disk import needs_mounting, small_disk
from tests.support.journals import How, all_of, done, files, opening, python

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left

SIGNED = (
    "GET https://bucket.s3.amazonaws.com/key?X-Amz-Credential=ASIASECRETKEY%2F20240409"
    "&X-Amz-Security-Token=FwoGZXIvYXdzSECRETTOKEN&X-Amz-Signature=45bad70aSECRETSIGNATURE: 403"
)


class TestFiles:
    async def test_it_holds_no_secret(self, tmp_path: Path, path: Path) -> None:
        def written() -> bytes:
            return b"".join(file.read_bytes() for file in tmp_path.iterdir())

        async with await Journal.open(path) as journal:
            await rows_of(journal).save(done("a", EntryState.FAILED, error=f"It failed: {SIGNED}"))
            assert path.with_name("batch.sqlite-wal").stat().st_size > 0
            while_open = written()
        for content in (while_open, written()):
            assert b"It failed: GET https://bucket.s3.amazonaws.com/key" in content
            assert b"SECRET" not in content

    async def test_one_file_is_left(self, tmp_path: Path) -> None:
        path = tmp_path / "some" / "folder" / "batch.sqlite"
        async with await Journal.open(path) as journal:
            assert journal.path == path
            await journal.plan([("a", 93)])
        assert files(path.parent) == ["batch.sqlite"]
        async with await Journal.open(path) as journal:
            assert [entry.source for entry in await all_of(journal)] == ["a"]

    async def test_a_null_character_is_in_no_path(self, tmp_path: Path) -> None:
        with pytest.raises(JournalError, match="null"):
            await Journal.open(tmp_path / "a\0b")

    async def test_a_name_that_sqlite_takes_for_memory_is_a_file(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        async with await Journal.open(":memory:"):
            pass
        assert Journal.recognises(tmp_path / ":memory:")

    async def test_it_can_be_read_during_a_run(self, path: Path, journal: Journal) -> None:
        async with await Journal.read(path) as reader:
            await rows_of(journal).save(done("a", EntryState.SUBMITTED))
            assert await all_of(reader) == await all_of(journal) != []
            with pytest.raises(JournalError, match="readonly") as caught:
                await rows_of(reader).save(done("a", EntryState.SUCCEEDED))
            assert caught.value.hint
        await rows_of(journal).save(done("a", EntryState.SUCCEEDED))

    async def test_reading_leaves_nothing(self, tmp_path: Path, path: Path) -> None:
        async with await Journal.open(path) as journal:
            await journal.plan([("a", 93)])
        async with await Journal.read(path) as reader:
            assert len(await all_of(reader)) == 1
        assert files(tmp_path) == [path.name]

    async def test_reading_makes_no_journal(self, tmp_path: Path, path: Path) -> None:
        with pytest.raises(JournalError, match="There is no journal"):
            await opening(path, Journal.read)
        assert files(tmp_path) == []
        path.touch()
        with pytest.raises(JournalError, match="not a journal"):
            await opening(path, Journal.read)
        assert path.read_bytes() == b""

    async def test_a_path_may_be_text(self, path: Path) -> None:
        async with await Journal.open(str(path)) as journal:
            await journal.plan([("a", 93)])
        async with await Journal.read(str(path)) as journal:
            assert len(await all_of(journal)) == 1

    async def test_what_is_closed_says_so(self, path: Path) -> None:
        journal = await Journal.open(path)
        await journal.close()
        with pytest.raises(JournalError, match="is closed"):
            await journal.plan([("a", 93)])

    async def test_the_root_of_all_folders_is_no_journal(self) -> None:
        with pytest.raises(JournalError, match="cannot be opened"):
            await opening(Path("/"))

    async def test_an_empty_file_becomes_one(self, path: Path) -> None:
        path.touch()
        async with await Journal.open(path) as journal:
            await journal.plan([("a", 93)])


class TestWhatIsNoJournal:
    @pytest.mark.parametrize("how", [Journal.open, Journal.read])
    async def test_a_file_of_another_kind(self, tmp_path: Path, path: Path, how: How) -> None:
        path.write_bytes(b"My shopping list. " * 100)
        with pytest.raises(JournalError, match="is not a journal") as caught:
            await opening(path, how)
        assert caught.value.hint
        assert path.read_bytes() == b"My shopping list. " * 100
        assert files(tmp_path) == [path.name]

    @pytest.mark.parametrize("mark", ["application_id", "user_version", None])
    async def test_a_database_of_something_else(self, path: Path, mark: str | None) -> None:
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"PRAGMA {mark} = 7" if mark else "CREATE TABLE bookmarks (url)")
            other.commit()
        before = path.read_bytes()
        for how in (Journal.open, Journal.read):
            with pytest.raises(JournalError, match="is not a journal"):
                await opening(path, how)
        assert path.read_bytes() == before

    async def test_a_newer_journal(self, path: Path) -> None:
        async with await Journal.open(path) as journal:
            await journal.plan([("a", 93)])
        with contextlib.closing(sqlite3.connect(path)) as newer:
            newer.execute("PRAGMA user_version = 999")
        before = path.read_bytes()
        for how in (Journal.open, Journal.read):
            with pytest.raises(JournalError, match="newer version") as caught:
                await opening(path, how)
            assert "Upgrade" in str(caught.value)
        assert path.read_bytes() == before

    async def test_a_damaged_journal(self, path: Path) -> None:
        async with await Journal.open(path) as journal:
            await journal.plan((f"{number}", 93) for number in range(2000))
        content = bytearray(path.read_bytes())
        content[8192:] = random.Random(5).randbytes(len(content) - 8192)
        path.write_bytes(content)
        for how in (Journal.open, Journal.read):
            with pytest.raises(JournalError, match="malformed") as caught:
                async with await how(path) as journal:
                    await all_of(journal)
            assert "move it away" in str(caught.value)

    @pytest.mark.parametrize("seed", range(8))
    async def test_any_bit_may_flip(self, path: Path, seed: int) -> None:
        """Whatever the disk makes of it, what is read is right or the journal is said to be bad."""
        async with await Journal.open(path) as journal:
            part = path.with_name(".audio-enhance-1.part")
            for name in "abc":
                await rows_of(journal).save(
                    done(name, EntryState.FAILED, error="no", temporary=str(part))
                )
            await journal.set_setting("enhance", "{}")
            await journal.set_path_setting("output_dir", path.parent)
        chance, whole, bad, mute = random.Random(seed), path.read_bytes(), 0, 0
        used = [n for n, byte in enumerate(whole) if byte]
        for _ in range(25):
            content = bytearray(whole)
            for at in chance.sample(used, 3):
                content[at] ^= 1 << chance.randrange(8)
            path.write_bytes(content)
            for how in (Journal.read, Journal.open):
                try:
                    async with await how(path) as journal:
                        await all_of(journal)
                        await journal.counts()
                        await journal.setting("enhance")
                        await journal.path_setting("output_dir")
                        await journal.entry("b", 93)
                        if how == Journal.open:
                            await remove_leftovers(rows_of(journal).database)
                            await journal.plan([("d", 1)])
                except JournalError as error:
                    bad += 1
                    mute += path.name not in str(error) or not error.hint
            for file in path.parent.iterdir():
                file.unlink()
        assert bad
        assert mute == 0

    @pytest.mark.parametrize(
        ("column", "value"),
        [
            ("state", "succeedee"),
            ("source", b"\xff\xfe"),
            ("strength", 101),
            ("md5", "xyz"),
            ("byte_size", -1),
            ("modified_ns", "soon"),
            ("updated_at", "now"),
        ],
    )
    async def test_a_value_that_nobody_wrote(self, path: Path, column: str, value: object) -> None:
        async with await Journal.open(path) as journal:
            await rows_of(journal).save(done("a", EntryState.SUCCEEDED))
        with contextlib.closing(sqlite3.connect(path)) as other:
            other.execute(f"UPDATE entries SET {column} = ?", [value])
            other.commit()
        async with await Journal.open(path) as journal:
            with pytest.raises(JournalError, match=r"batch\.sqlite") as caught:
                await all_of(journal)
            if column == "state":
                with pytest.raises(JournalError, match=r"batch\.sqlite"):
                    await journal.counts()
        assert "move it away" in str(caught.value)

    @pytest.mark.parametrize("beneath", ["", "file/batch.sqlite", "file/folder/batch.sqlite"])
    async def test_a_place_where_no_file_can_be(self, tmp_path: Path, beneath: str) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(JournalError) as caught:
            await opening(tmp_path / beneath)
        assert caught.value.hint

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    async def test_a_folder_that_is_read_only(self, tmp_path: Path, path: Path) -> None:
        tmp_path.chmod(0o555)
        try:
            with pytest.raises(JournalError, match="cannot be opened") as caught:
                await opening(path)
        finally:
            tmp_path.chmod(0o755)
        assert "who may write there" in str(caught.value)


class TestFailures:
    async def test_a_full_disk(self, path: Path, journal: Journal) -> None:
        await journal.plan([("a", 93)])
        [[pages]] = await journal._database.rows("PRAGMA page_count")
        await journal._database.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match="full") as caught:
            await journal.plan((f"{number}", 93) for number in range(1000))
        assert "Make room" in str(caught.value)
        await rows_of(journal).save(done("a", EntryState.SUCCEEDED))  # what fits is still written
        await journal._database.rows("PRAGMA max_page_count = 1000000")
        await journal.plan((f"{number}", 93) for number in range(1000))
        assert (await journal.counts())[EntryState.QUEUED] == 1000

    async def test_a_program_that_locks_it_for_a_moment_is_waited_for(
        self, path: Path, journal: Journal
    ) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            saving = asyncio.create_task(rows_of(journal).save(done("a", EntryState.SUCCEEDED)))
            for _ in range(100):  # the event loop runs while the journal waits
                await asyncio.sleep(0)
            assert not saving.done()
            other.execute("COMMIT")
            await saving

    async def test_but_not_for_ever(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(database, "_PATIENCE", 0.0)
        async with await Journal.open(path) as journal:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(JournalError, match="locked") as caught:
                    await rows_of(journal).save(done("a", EntryState.SUCCEEDED))
        assert "other program" in str(caught.value)

    def test_importing_it_does_not_load_sqlite(self) -> None:
        code = "import sys, audio_enhance._journal.journal\nprint({'sqlite3'} & {*sys.modules})"
        with python(code) as child:
            assert child.communicate()[0] == "set()\n"


@needs_mounting
@pytest.mark.parametrize("died", [False, True])
async def test_on_a_disk_that_takes_nothing_it_is_only_looked_at(
    died: bool, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    path = disk / "batch.sqlite"
    with small_disk(disk, 4):
        async with await Journal.open(tmp_path / "batch.sqlite") as journal:
            await rows_of(journal).save(done("a", EntryState.SUBMITTED))
            if died:  # what a run that is killed leaves behind
                for file in tmp_path.glob("batch.sqlite*"):
                    shutil.copy(file, disk)
        if not died:
            shutil.copy(tmp_path / "batch.sqlite", disk)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        async with await Journal.read(path) as reader:
            assert [entry.state for entry in await all_of(reader)] == [EntryState.SUBMITTED]
        with pytest.raises(JournalError, match="Read-only") as caught:
            await opening(path)
        assert caught.value.hint
