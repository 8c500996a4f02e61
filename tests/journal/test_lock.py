"""A journal and several processes: one writes, and kill -9 loses nothing."""

import os
import signal
from pathlib import Path

import pytest

from audio_enhance._core.errors import JournalError, JournalLockedError
from audio_enhance._core.file_lock import try_lock
from audio_enhance._journal import lock
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import Journal
from audio_enhance._journal.lock import JournalLock
from tests.support import journals
from tests.support.journals import all_of, files, opening, python

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left

HOLD = """
import asyncio, pathlib, sys
from audio_enhance._journal.journal import Journal

async def main():
    async with await Journal.open(pathlib.Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""

SAVE = """
import asyncio, itertools, pathlib, sys
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import Journal, rows_of

async def main():
    async with await Journal.open(pathlib.Path(sys.argv[1])) as journal:
        states = list(EntryState)
        for number in itertools.count(int(sys.argv[2])):
            entry = JournalEntry(
                source=f"{number % 50}", strength=93, state=states[number % 9], tries=number
            )
            await rows_of(journal).save(entry)
            print(number, flush=True)

asyncio.run(main())
"""


class TestTwoProcesses:
    async def test_the_second_run_is_told_of_the_first(self, path: Path) -> None:
        with python(HOLD, str(path)) as first:
            assert first.stdout is not None
            assert first.stdout.readline() == "open\n"
            with pytest.raises(JournalLockedError) as caught:
                await opening(path)
            first.kill()
        assert caught.value.pid == first.pid
        assert f"process {first.pid}" in str(caught.value)
        assert path.with_name("batch.sqlite.lock").exists()
        async with await Journal.open(path):  # the file that the dead run left locks nobody out
            with pytest.raises(JournalLockedError) as caught:
                await opening(path)
            assert caught.value.pid == os.getpid()

    async def test_another_name_of_the_file_helps_nobody(self, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        path, link = tmp_path / "real" / "batch.sqlite", tmp_path / "link.sqlite"
        link.symlink_to(path)
        async with await Journal.open(path):
            with pytest.raises(JournalLockedError):
                await opening(link)
        async with await Journal.open(link):
            with pytest.raises(JournalLockedError):
                await opening(path)

    @pytest.mark.parametrize("how", ["link", "link to nothing", "hard link", "pipe", "text"])
    async def test_what_is_no_lock_is_left_alone(self, path: Path, how: str) -> None:
        mine, lock = path.with_name("mine"), path.with_name(f"{path.name}.lock")
        mine.write_text("mine")
        if how == "link":
            lock.symlink_to(mine)
        elif how == "link to nothing":
            lock.symlink_to("nothing")
        elif how == "hard link":
            os.link(mine, lock)
        elif how == "pipe":
            os.mkfifo(lock)
        else:
            lock.write_text("mine")
        with pytest.raises(JournalError, match=r"batch\.sqlite\.lock is in the way"):
            await opening(path)
        assert mine.read_text() == "mine"
        assert lock.is_symlink() or lock.exists()
        assert not path.with_name("nothing").exists()

    async def test_a_refused_run_does_not_unlock(self, path: Path, journal: Journal) -> None:
        for _ in range(3):
            with pytest.raises(JournalLockedError):
                await opening(path)
        await journal.plan([("a", 93)])

    @pytest.mark.parametrize("content", ["", "no number", "99999999999999999999999999"])
    async def test_who_it_is_may_be_unknown(self, path: Path, content: str) -> None:
        async with await Journal.open(path):
            path.with_name("batch.sqlite.lock").write_text(content)
            with pytest.raises(JournalLockedError, match="in use by") as caught:
                await opening(path)
            assert caught.value.pid != os.getpid()

    def test_a_lock_on_a_file_that_was_removed_is_none(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, second, third = JournalLock(path), JournalLock(path), JournalLock(path)
        first.acquire()

        def late(descriptor: int) -> None:
            monkeypatch.setattr(lock, "try_lock", try_lock)
            first.release()
            second.acquire()
            try_lock(descriptor)  # of the first one's file, which nobody can see any more

        monkeypatch.setattr(lock, "try_lock", late)
        with pytest.raises(JournalLockedError):
            third.acquire()
        second.release()
        third.acquire()
        third.release()
        assert files(path.parent) == []

    def test_its_file_is_removed_while_it_is_held(self, path: Path) -> None:
        tried = 0

        class Watched(JournalLock):
            def _remove(self) -> None:
                nonlocal tried
                tried += 1
                with pytest.raises(JournalLockedError):
                    JournalLock(path).acquire()
                super()._remove()

        lock = Watched(path)
        lock.acquire()
        lock.release()
        lock.release()
        assert tried == 1

    async def test_what_was_saved_outlives_kill_9(self, path: Path) -> None:
        saved = dict.fromkeys(range(50), -1)
        number = 0
        for stop_after in (1, 60, 400):
            with python(SAVE, str(path), str(number)) as run:
                assert run.stdout is not None
                lines = [run.stdout.readline() for _ in range(stop_after)]
                run.send_signal(signal.SIGKILL)
                lines += run.stdout.readlines()
            assert run.returncode == -signal.SIGKILL
            for number in map(int, lines):
                saved[number % 50] = number
            number += 1
            for how in (Journal.read, Journal.open):
                async with await how(path) as journal:
                    found = {int(entry.source): entry for entry in await all_of(journal)}
                    assert await journal._database.rows("PRAGMA integrity_check") == [("ok",)]
                for row, last in saved.items():
                    if last >= 0:
                        assert found[row].tries >= last
                        assert found[row].state == list(EntryState)[found[row].tries % 9]


def test_who_is_at_work_on_a_journal_is_told(tmp_path: Path) -> None:
    journal = tmp_path / "j.sqlite"
    assert Journal.in_use_by(journal) is None
    held = JournalLock(journal)
    held.acquire()
    assert Journal.in_use_by(journal) == os.getpid()
    held.release()
    assert Journal.in_use_by(journal) is None
    # A killed run leaves its file, and other programs may get its number.
    held.path.write_text(f"{os.getpid()}\n")
    assert Journal.in_use_by(journal) is None
    held.path.write_text("")
    assert Journal.in_use_by(journal) is None
