"""The journal: what is written stays written, whoever dies, and nobody else writes meanwhile."""

import asyncio
import contextlib
import itertools
import logging
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import attrs
import pytest

import audio_enhance
from audio_enhance import _journal_database, _journal_lock
from audio_enhance._errors import JournalError, JournalLockedError, MissingExtraError
from audio_enhance._journal import EntryState, Journal, JournalEntry
from audio_enhance._journal_lock import JournalLock

MD5 = "016cc94d14971b2639b0bf8f861fc214"
SIGNED = (
    "GET https://bucket.s3.amazonaws.com/key?X-Amz-Credential=ASIASECRETKEY%2F20240409"
    "&X-Amz-Security-Token=FwoGZXIvYXdzSECRETTOKEN&X-Amz-Signature=45bad70aSECRETSIGNATURE: 403"
)

How = Callable[[Path], Awaitable[Journal]]


@attrs.define
class Clock:
    """A clock that is set by hand."""

    now: float = 1_700_000_000.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "batch.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def journal(path: Path, clock: Clock) -> AsyncIterator[Journal]:
    async with await Journal.open(path, clock=clock) as journal:
        yield journal


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    """No thread and no descriptor outlives a test's journals."""
    threads, descriptors = set(threading.enumerate()), _descriptors()
    yield
    left = [t for t in set(threading.enumerate()) - threads if not t.name.startswith("asyncio")]
    assert left == []
    assert _descriptors() <= descriptors


def _descriptors() -> set[str]:
    """The files of the temporary folder that this process has open."""
    folder = Path("/proc/self/fd")
    found: set[str] = set()
    for link in folder.iterdir() if folder.is_dir() else []:
        with contextlib.suppress(OSError):
            found.add(str(link.readlink()))
    return {name for name in found if "batch.sqlite" in name}


def done(source: str, state: EntryState, **details: object) -> JournalEntry:
    """An entry for some content that has an asset and an enhancement."""
    known: dict[str, object] = {
        "md5": MD5,
        "byte_size": 59400,
        "client_id": "client",
        "asset_id": f"asset of {source}",
        "enhancement_id": f"enhancement of {source}",
    }
    return JournalEntry(source=source, strength=93, state=state, **(known | details))  # type: ignore[arg-type]


async def opening(path: Path, how: How = Journal.open) -> None:
    """Open a journal and close it."""
    async with await how(path):
        pass


def files(folder: Path) -> list[str]:
    """The names of what is in a folder."""
    return sorted(file.name for file in folder.iterdir())


async def all_of(journal: Journal, *states: EntryState) -> list[JournalEntry]:
    return [entry async for entry in journal.entries(*states)]


class TestEntries:
    async def test_every_field_comes_back(self, journal: Journal, clock: Clock) -> None:
        entry = JournalEntry(
            source="/in/talk.mp3",
            strength=93,
            state=EntryState.DOWNLOADING,
            byte_size=59400,
            modified_ns=1_712_700_000_123_456_789,
            filename="talk.mp3",
            content_type="audio/mpeg",
            md5=MD5,
            client_id="client",
            asset_id="3445d7a0",
            enhancement_id="b877bc56",
            output="/out/talk-enhanced-93p.mp3",
            output_size=60000,
            output_modified_ns=1_712_700_001_123_456_789,
            output_md5=MD5[::-1],
            temporary="/out/.audio-enhance-1.part",
            tries=2,
            extra=1,
            error="The server was busy.",
        )
        assert None not in attrs.astuple(entry)
        await journal.save(entry)
        assert await journal.entry("/in/talk.mp3", 93) == attrs.evolve(
            entry, created_at=clock.now, updated_at=clock.now
        )

    async def test_saving_again_replaces_all_but_the_time_of_creation(
        self, journal: Journal, clock: Clock
    ) -> None:
        began = clock.now
        await journal.save(done("a", EntryState.FAILED, error="no", temporary="x"))
        clock.now += 5
        await journal.save(JournalEntry(source="a", strength=93))
        assert await journal.entry("a", 93) == JournalEntry(
            source="a", strength=93, created_at=began, updated_at=began + 5
        )

    async def test_a_source_has_an_entry_for_each_strength(self, journal: Journal) -> None:
        await journal.save(JournalEntry(source="a", strength=50, tries=1))
        await journal.save(JournalEntry(source="a", strength=93, tries=2))
        found = [await journal.entry("a", strength) for strength in (50, 93, 100)]
        assert [entry and entry.tries for entry in found] == [1, 2, None]
        assert await journal.entry("b", 50) is None

    @pytest.mark.parametrize(
        "name", ["/Größe/日本 🎙.wav", "/not Unicode \udce9.wav", "\ud83d\ude00", "nul \0 end", ""]
    )
    async def test_any_name_is_kept(self, journal: Journal, name: str) -> None:
        await journal.save(JournalEntry(source=name, strength=1, output=name, error=name))
        await journal.plan([(name, 1), (name, 2)])
        entry = await journal.owner_of(name)
        assert entry is not None
        assert (entry.source, entry.output, entry.error) == (name, name, name)
        assert [entry.strength for entry in await all_of(journal)] == [1, 2]

    async def test_they_come_in_the_order_of_their_first_writing(self, journal: Journal) -> None:
        names = [f"{number}" for number in range(600)]
        random.Random(3).shuffle(names)
        await journal.plan((name, 93) for name in names)
        for name in sorted(names)[::7]:
            await journal.save(done(name, EntryState.SUCCEEDED))
        assert [entry.source for entry in await all_of(journal)] == names
        succeeded = await all_of(journal, EntryState.SUCCEEDED, EntryState.FAILED)
        assert [e.source for e in succeeded] == [n for n in names if n in sorted(names)[::7]]

    async def test_they_may_be_saved_while_they_are_read(self, journal: Journal) -> None:
        await journal.plan((f"{number:03}", 93) for number in range(600))
        seen: list[str] = []
        async for entry in journal.entries(EntryState.QUEUED):
            seen.append(entry.source)
            await journal.save(attrs.evolve(entry, state=EntryState.SUCCEEDED))
        assert seen == [f"{number:03}" for number in range(600)]
        assert (await journal.counts())[EntryState.SUCCEEDED] == 600

    async def test_counts_name_every_state(self, journal: Journal) -> None:
        await journal.plan([("a", 1), ("b", 1)])
        await journal.save(JournalEntry(source="c", strength=1, state=EntryState.FAILED))
        counts = await journal.counts()
        assert list(counts) == list(EntryState)
        assert {state: n for state, n in counts.items() if n} == {
            EntryState.QUEUED: 2,
            EntryState.FAILED: 1,
        }


class TestPlan:
    async def test_what_is_there_stays(self, journal: Journal) -> None:
        await journal.save(done("b", EntryState.SUCCEEDED))
        before = await journal.entry("b", 93)
        await journal.plan([("a", 93), ("b", 93), ("a", 93)])
        assert await journal.entry("b", 93) == before
        assert [entry.source for entry in await all_of(journal)] == ["b", "a"]

    async def test_nothing_planned(self, journal: Journal) -> None:
        await journal.plan([])
        assert await all_of(journal) == []

    async def test_it_is_written_as_it_is_drawn(self, path: Path, journal: Journal) -> None:
        drawn = 0

        def endless() -> Iterator[tuple[str, int]]:
            nonlocal drawn
            for drawn in itertools.count(1):
                yield f"{drawn}", 93

        task = asyncio.create_task(journal.plan(endless()))
        async with asyncio.timeout(60), await Journal.read(path) as reader:
            while (written := (await reader.counts())[EntryState.QUEUED]) < 1000:
                assert drawn - written < 1000 or not written
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        last = await journal.counts()
        assert 1000 <= last[EntryState.QUEUED] <= drawn
        assert [e.source for e in await all_of(journal)] == [
            f"{n + 1}" for n in range(last[EntryState.QUEUED])
        ]


class TestWhatCanBeUsedAgain:
    async def test_the_enhancement_that_is_furthest(self, journal: Journal, clock: Clock) -> None:
        best_first = [
            EntryState.SUCCEEDED,
            EntryState.DOWNLOADING,
            EntryState.SUBMITTED,
            EntryState.FAILED,
        ]
        for state in reversed(best_first):
            clock.now -= 1  # the later one is not the better one
            await journal.save(done(state, state))
            found = await journal.same_content(MD5, 59400, 93, "client")
            assert found == await journal.entry(state, 93)

    async def test_of_equals_the_latest(self, journal: Journal, clock: Clock) -> None:
        for name in "acb":
            clock.now += 1
            await journal.save(done(name, EntryState.PROCESSED))
        found = await journal.same_content(MD5, 59400, 93, "client")
        assert found is not None
        assert found.source == "b"

    @pytest.mark.parametrize(
        "entry",
        [
            done("a", EntryState.SUCCEEDED, md5=MD5[::-1]),
            done("a", EntryState.SUCCEEDED, byte_size=1),
            done("a", EntryState.SUCCEEDED, client_id="other"),
            done("a", EntryState.SUCCEEDED, asset_id=None),
            done("a", EntryState.SUCCEEDED, enhancement_id=None),
            attrs.evolve(done("a", EntryState.SUCCEEDED), strength=92),
            *(done("a", state) for state in list(EntryState)[:4]),
        ],
        ids=str,
    )
    async def test_not_an_enhancement_of_something_else(
        self, journal: Journal, entry: JournalEntry
    ) -> None:
        await journal.save(entry)
        assert await journal.same_content(MD5, 59400, 93, "client") is None

    async def test_an_upload_that_was_finished_before_one_that_was_not(
        self, journal: Journal, clock: Clock
    ) -> None:
        for state in (EntryState.UPLOADING, EntryState.FAILED, EntryState.UPLOADED):
            clock.now -= 1
            await journal.save(done(state, state, enhancement_id=None))
            found = await journal.same_upload(MD5, 59400, "client")
            assert found == await journal.entry(state, 93)

    @pytest.mark.parametrize(
        "entry",
        [
            done("a", EntryState.SUCCEEDED, md5=MD5[::-1]),
            done("a", EntryState.SUCCEEDED, byte_size=1),
            done("a", EntryState.SUCCEEDED, client_id="other"),
            done("a", EntryState.SUCCEEDED, asset_id=None),
            done("a", EntryState.QUEUED),
        ],
        ids=str,
    )
    async def test_not_an_upload_of_something_else(
        self, journal: Journal, entry: JournalEntry
    ) -> None:
        await journal.save(entry)
        assert await journal.same_upload(MD5, 59400, "client") is None

    async def test_both_are_found_by_an_index(self, journal: Journal) -> None:
        for condition in ("md5 = ? AND byte_size = 1", "output = ?"):
            plan = await journal._database.rows(
                f"EXPLAIN QUERY PLAN SELECT * FROM entries WHERE {condition}", "x"
            )
            assert "USING INDEX" in plan[0][-1]

    async def test_whose_a_result_is(self, journal: Journal) -> None:
        await journal.save(done("a", EntryState.SUCCEEDED, output="/out/a.mp3"))
        owner = await journal.owner_of("/out/a.mp3")
        assert owner is not None
        assert owner.source == "a"
        assert await journal.owner_of("/out/b.mp3") is None


class TestSettings:
    async def test_they_stay(self, path: Path) -> None:
        async with await Journal.open(path) as journal:
            assert await journal.setting("output_dir") is None
            await journal.set_setting("output_dir", "a")
            await journal.set_setting("output_dir", "/out/\udce9")
            await journal.set_setting("other", "b")
        async with await Journal.open(path) as journal:
            assert await journal.setting("output_dir") == "/out/\udce9"


class TestLeftovers:
    async def test_part_files_are_removed(self, journal: Journal, tmp_path: Path) -> None:
        part = tmp_path / ".audio-enhance-0123.part"
        part.write_bytes(b"half")
        gone = tmp_path / ".audio-enhance-4567.part"
        await journal.save(done("a", EntryState.DOWNLOADING, temporary=str(part)))
        await journal.save(done("b", EntryState.DOWNLOADING, temporary=str(gone)))
        assert await journal.remove_leftovers() == [part]
        assert not part.exists()
        assert [entry.temporary for entry in await all_of(journal)] == [None, None]
        assert await journal.remove_leftovers() == []

    @pytest.mark.parametrize("name", ["talk.mp3", ".audio-enhance-1", "1.part"])
    async def test_no_other_file_is(self, journal: Journal, tmp_path: Path, name: str) -> None:
        mine = tmp_path / name
        mine.write_bytes(b"mine")
        await journal.save(done("a", EntryState.DOWNLOADING, temporary=str(mine)))
        assert await journal.remove_leftovers() == []
        assert mine.read_bytes() == b"mine"
        assert [entry.temporary for entry in await all_of(journal)] == [None]

    async def test_one_that_stays_is_not_forgotten(self, journal: Journal, tmp_path: Path) -> None:
        stubborn = tmp_path / ".audio-enhance-0.part"
        stubborn.mkdir()  # what unlink refuses, for root as well
        other = tmp_path / ".audio-enhance-1.part"
        other.touch()
        await journal.save(done("a", EntryState.DOWNLOADING, temporary=str(stubborn)))
        await journal.save(done("b", EntryState.DOWNLOADING, temporary=str(other)))
        assert await journal.remove_leftovers() == [other]
        assert [e.temporary for e in await all_of(journal)] == [str(stubborn), None]


class TestFiles:
    async def test_it_holds_no_secret(self, tmp_path: Path, path: Path) -> None:
        def written() -> bytes:
            return b"".join(file.read_bytes() for file in tmp_path.iterdir())

        async with await Journal.open(path) as journal:
            await journal.save(done("a", EntryState.FAILED, error=f"It failed: {SIGNED}"))
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

    async def test_it_can_be_read_during_a_run(self, path: Path, journal: Journal) -> None:
        async with await Journal.read(path) as reader:
            await journal.save(done("a", EntryState.SUBMITTED))
            assert await all_of(reader) == await all_of(journal) != []
            with pytest.raises(JournalError, match="readonly") as caught:
                await reader.save(done("a", EntryState.SUCCEEDED))
            assert caught.value.hint
        await journal.save(done("a", EntryState.SUCCEEDED))

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
        async with await Journal.open(path) as journal:
            with pytest.raises(JournalError, match="malformed") as caught:
                await all_of(journal)
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


class TestVersions:
    async def test_an_older_journal_is_brought_up(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with await Journal.open(path) as journal:
            await journal.save(done("a", EntryState.SUCCEEDED))
            before = await all_of(journal)
        steps = _journal_database._MIGRATIONS
        more = (*steps, "ALTER TABLE entries ADD COLUMN colour TEXT DEFAULT 'red';")
        monkeypatch.setattr(_journal_database, "_MIGRATIONS", more)
        for _ in range(2):  # once only
            async with await Journal.open(path) as journal:
                assert await journal._database.rows("SELECT colour FROM entries") == [("red",)]
                assert await all_of(journal) == before

    async def test_the_first_version_is_brought_up(self, path: Path) -> None:
        with contextlib.closing(sqlite3.connect(path)) as first:
            first.executescript(
                f"{_journal_database._MIGRATIONS[0]} PRAGMA user_version = 1;"
                f" PRAGMA application_id = {_journal_database._APPLICATION_ID};"
                " INSERT INTO entries (source, strength, created_at, updated_at)"
                " VALUES ('/in/talk.mp3', 93, 1.0, 1.0);"
            )
        async with await Journal.open(path) as journal:
            entry = await journal.entry("/in/talk.mp3", 93)
            known = JournalEntry(source="/in/talk.mp3", strength=93, created_at=1.0, updated_at=1.0)
            assert entry == known
            await journal.save(attrs.evolve(known, content_type="audio/mpeg"))
            entry = await journal.entry("/in/talk.mp3", 93)
            assert entry is not None
            assert entry.content_type == "audio/mpeg"

    async def test_a_step_that_fails_leaves_it_as_it_was(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with await Journal.open(path) as journal:
            await journal.save(done("a", EntryState.SUCCEEDED))
        steps = _journal_database._MIGRATIONS
        with monkeypatch.context() as patched:
            patched.setattr(
                _journal_database, "_MIGRATIONS", (*steps, "DROP TABLE entries; NONSENSE;")
            )
            with pytest.raises(JournalError, match="NONSENSE"):
                await opening(path)
        async with await Journal.open(path) as journal:
            assert len(await all_of(journal)) == 1


class TestFailures:
    async def test_a_full_disk(self, path: Path, journal: Journal) -> None:
        await journal.plan([("a", 93)])
        [[pages]] = await journal._database.rows("PRAGMA page_count")
        await journal._database.rows(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(JournalError, match="full") as caught:
            await journal.plan((f"{number}", 93) for number in range(1000))
        assert "Make room" in str(caught.value)
        await journal.save(done("a", EntryState.SUCCEEDED))  # what fits is still written
        await journal._database.rows("PRAGMA max_page_count = 1000000")
        await journal.plan((f"{number}", 93) for number in range(1000))
        assert (await journal.counts())[EntryState.QUEUED] == 1000

    async def test_a_program_that_locks_it_for_a_moment_is_waited_for(
        self, path: Path, journal: Journal
    ) -> None:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            saving = asyncio.create_task(journal.save(done("a", EntryState.SUCCEEDED)))
            for _ in range(100):  # the event loop runs while the journal waits
                await asyncio.sleep(0)
            assert not saving.done()
            other.execute("COMMIT")
            await saving

    async def test_but_not_for_ever(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_journal_database, "_PATIENCE", 0.0)
        async with await Journal.open(path) as journal:
            with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                with pytest.raises(JournalError, match="locked") as caught:
                    await journal.save(done("a", EntryState.SUCCEEDED))
        assert "other program" in str(caught.value)

    async def test_aiosqlite_is_not_installed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delitem(sys.modules, "audio_enhance._journal_database")
        monkeypatch.delattr(audio_enhance, "_journal_database")
        monkeypatch.setitem(sys.modules, "aiosqlite", None)
        with pytest.raises(MissingExtraError, match="aiosqlite") as caught:
            await opening(path)
        assert caught.value.hint == "Install it with: pip install aiosqlite"

    def test_importing_it_does_not_load_sqlite(self) -> None:
        code = (
            "import sys, audio_enhance._journal; print({'sqlite3', 'aiosqlite'} & {*sys.modules})"
        )
        with python(code) as child:
            assert child.communicate()[0] == "set()\n"


class TestClosing:
    async def test_its_thread_has_ended(
        self, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def slowly(_: logging.LogRecord) -> None:
            time.sleep(0.02)

        caplog.set_level(logging.DEBUG, logger="aiosqlite")
        # What the thread does last is to log; here it is slow at it.
        monkeypatch.setattr(caplog.handler, "emit", slowly)
        before = set(threading.enumerate())
        async with await Journal.open(path):
            [thread] = set(threading.enumerate()) - before
        assert not thread.is_alive()

    async def test_twice_is_once(self, path: Path) -> None:
        journal = await Journal.open(path)
        await journal.close()
        await journal.close()


class TestCancellation:
    async def test_a_save_happens_or_does_not(self, path: Path) -> None:
        chance = random.Random(7)
        async with await Journal.open(path) as journal:
            for _ in range(20):
                tasks = [
                    asyncio.create_task(
                        journal.save(done(f"{number}", EntryState.SUCCEEDED, output=f"{number}"))
                    )
                    for number in range(20)
                ]
                for _ in range(chance.randrange(40)):
                    await asyncio.sleep(0)
                for task in chance.sample(tasks, 10):
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                for number, task in enumerate(tasks):
                    if not task.cancelled():
                        assert await journal.entry(f"{number}", 93) is not None
            for entry in await all_of(journal):
                assert entry == attrs.evolve(
                    done(entry.source, EntryState.SUCCEEDED, output=entry.source),
                    created_at=entry.created_at,
                    updated_at=entry.updated_at,
                )
            assert await journal._database.rows("PRAGMA integrity_check") == [("ok",)]

    @pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 10, 30, 100, 300])
    @pytest.mark.parametrize("times", [1, 2])
    async def test_opening_leaves_nothing(
        self, tmp_path: Path, path: Path, turns: int, times: int
    ) -> None:
        task = asyncio.create_task(Journal.open(path))
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(times):
            task.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await (await task).close()
        assert files(tmp_path) in ([], ["batch.sqlite"])
        async with await Journal.open(path) as journal:
            await journal.plan([("a", 93)])

    @pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 10, 30, 100, 300])
    @pytest.mark.parametrize("times", [1, 2, 3])
    async def test_closing_is_finished(
        self, tmp_path: Path, path: Path, turns: int, times: int
    ) -> None:
        journal = await Journal.open(path)
        saving = [
            asyncio.create_task(journal.save(JournalEntry(source=f"{number}", strength=93)))
            for number in range(50)
        ]
        await asyncio.sleep(0)
        closing = asyncio.create_task(journal.close())
        for _ in range(turns):
            await asyncio.sleep(0)
        for _ in range(times):
            closing.cancel()
            await asyncio.sleep(0)
        with contextlib.suppress(asyncio.CancelledError):
            await closing
        if turns == 0:
            await journal.close()  # it was cancelled before it began
        await asyncio.gather(*saving)
        assert files(tmp_path) == ["batch.sqlite"]
        async with await Journal.open(path) as journal:
            assert len(await all_of(journal)) == 50


def python(code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Another Python with this package."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        # Without what measures coverage in children: it loads sqlite3 itself.
        env={name: value for name, value in os.environ.items() if "COVERAGE" not in name}
        | {"PYTHONPATH": str(Path(audio_enhance.__file__).parents[1])},
    )


HOLD = """
import asyncio, pathlib, sys
from audio_enhance._journal import Journal

async def main():
    async with await Journal.open(pathlib.Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""

SAVE = """
import asyncio, itertools, pathlib, sys
from audio_enhance._journal import EntryState, Journal, JournalEntry

async def main():
    async with await Journal.open(pathlib.Path(sys.argv[1])) as journal:
        states = list(EntryState)
        for number in itertools.count(int(sys.argv[2])):
            entry = JournalEntry(
                source=f"{number % 50}", strength=93, state=states[number % 9], tries=number
            )
            await journal.save(entry)
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
        try_lock = _journal_lock._try_lock

        def late(descriptor: int) -> None:
            monkeypatch.setattr(_journal_lock, "_try_lock", try_lock)
            first.release()
            second.acquire()
            try_lock(descriptor)  # of the first one's file, which nobody can see any more

        monkeypatch.setattr(_journal_lock, "_try_lock", late)
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
