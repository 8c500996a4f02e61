"""The journal: what is written stays written, whatever is interrupted."""

import asyncio
import contextlib
import itertools
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from audio_enhance import AudioEnhanceError
from audio_enhance._journal.database import Database
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import Journal, rows_of
from tests.support import journals
from tests.support.journals import MD5, Clock, all_of, done, files

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left


class TestEntries:
    async def test_every_field_comes_back(self, journal: Journal, clock: Clock) -> None:
        entry = JournalEntry(
            source="/in/talk.mp3",
            strength=93,
            key="order 17",
            state=EntryState.SUBMITTED,
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
            spooled="/spool/.audio-enhance-1.spooled",
            gone=True,
            tries=2,
            extra=1,
            error="The server was busy.",
        )
        left_out = {name for name, value in attrs.asdict(entry).items() if value is None}
        assert left_out == {"placing", "placing_size", "placing_modified_ns", "placing_md5"}
        await rows_of(journal).save(entry)
        assert await journal.entry_with("order 17") == attrs.evolve(
            entry, created_at=clock.now, updated_at=clock.now
        )

    async def test_saving_again_replaces_all_but_the_time_of_creation(
        self, journal: Journal, clock: Clock
    ) -> None:
        began = clock.now
        await rows_of(journal).save(done("a", EntryState.FAILED, error="no", temporary="x"))
        clock.now += 5
        await rows_of(journal).save(JournalEntry(source="a", strength=93))
        assert await journal.entry("a", 93) == JournalEntry(
            source="a", strength=93, created_at=began, updated_at=began + 5
        )

    async def test_a_source_has_an_entry_for_each_strength(self, journal: Journal) -> None:
        await rows_of(journal).save(JournalEntry(source="a", strength=50, tries=1))
        await rows_of(journal).save(JournalEntry(source="a", strength=93, tries=2))
        found = [await journal.entry("a", strength) for strength in (50, 93, 100)]
        assert [entry and entry.tries for entry in found] == [1, 2, None]
        assert await journal.entry("b", 50) is None

    @pytest.mark.parametrize(
        "name", ["/Größe/日本 🎙.wav", "/not Unicode \udce9.wav", "\ud83d\ude00", "nul \0 end", ""]
    )
    async def test_any_name_is_kept(self, journal: Journal, name: str) -> None:
        await rows_of(journal).save(JournalEntry(source=name, strength=1, output=name, error=name))
        await journal.plan([(name, 1), (name, 2)])
        entry = await rows_of(journal).owner_of(name)
        assert entry is not None
        assert (entry.source, entry.output) == (name, name)
        assert entry.error == name.replace("\0", r"\x00")  # a text to be read
        assert [entry.strength for entry in await all_of(journal)] == [1, 2]

    async def test_they_come_in_the_order_of_their_first_writing(self, journal: Journal) -> None:
        names = [f"{number}" for number in range(600)]
        random.Random(3).shuffle(names)
        await journal.plan((name, 93) for name in names)
        for name in sorted(names)[::7]:
            await rows_of(journal).save(done(name, EntryState.SUCCEEDED))
        assert [entry.source for entry in await all_of(journal)] == names
        succeeded = await all_of(journal, EntryState.SUCCEEDED, EntryState.FAILED)
        assert [e.source for e in succeeded] == [n for n in names if n in sorted(names)[::7]]

    async def test_they_may_be_saved_while_they_are_read(self, journal: Journal) -> None:
        await journal.plan((f"{number:03}", 93) for number in range(600))
        seen: list[str] = []
        async for entry in journal.entries(EntryState.QUEUED):
            seen.append(entry.source)
            await rows_of(journal).save(attrs.evolve(entry, state=EntryState.SUCCEEDED))
        assert seen == [f"{number:03}" for number in range(600)]
        assert (await journal.counts())[EntryState.SUCCEEDED] == 600

    async def test_counts_name_every_state(self, journal: Journal) -> None:
        await journal.plan([("a", 1), ("b", 1)])
        await rows_of(journal).save(JournalEntry(source="c", strength=1, state=EntryState.FAILED))
        counts = await journal.counts()
        assert list(counts) == list(EntryState)
        assert {state: n for state, n in counts.items() if n} == {
            EntryState.QUEUED: 2,
            EntryState.FAILED: 1,
        }


class TestExplain:
    async def test_who_knows_better_says_why_it_failed(self, journal: Journal) -> None:
        failed = JournalEntry(source="/in/a", strength=93, state=EntryState.FAILED, error="No.")
        others = (attrs.evolve(failed, strength=50), attrs.evolve(failed, source="/in/b"))
        done = JournalEntry(source="/in/a", strength=7, state=EntryState.SUCCEEDED)
        for entry in (failed, *others, done):
            await rows_of(journal).save(entry)
        why = AudioEnhanceError("It is cut off: https://s3/a?X-Amz-Signature=secret.", source="a")
        await journal.explain("/in/a", 93, why)
        await journal.explain("/in/a", 7, why)
        told = {(e.source, e.strength): e.error async for e in journal.entries()}
        assert told == {
            ("/in/a", 93): "a: It is cut off: https://s3/a?…",
            ("/in/a", 50): "No.",
            ("/in/b", 93): "No.",
            ("/in/a", 7): None,
        }


class TestPlan:
    async def test_what_is_there_stays(self, journal: Journal) -> None:
        await rows_of(journal).save(done("b", EntryState.SUCCEEDED))
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
            written = 0
            while written < 1000:
                before = drawn  # while they are counted, more are drawn
                written = (await reader.counts())[EntryState.QUEUED]
                assert before - written < 1000
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        last = await journal.counts()
        assert 1000 <= last[EntryState.QUEUED] <= drawn
        assert [e.source for e in await all_of(journal)] == [
            f"{n + 1}" for n in range(last[EntryState.QUEUED])
        ]


class TestSettings:
    async def test_they_stay(self, path: Path) -> None:
        async with await Journal.open(path) as journal:
            assert await journal.setting("output_dir") is None
            await journal.set_setting("output_dir", "a")
            await journal.set_setting("output_dir", "/out/\udce9")
            await journal.set_setting("other", "b")
        async with await Journal.open(path) as journal:
            assert await journal.setting("output_dir") == "/out/\udce9"


class TestClosing:
    async def test_its_thread_has_ended(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        serve = Database._serve

        def and_ends_slowly(database: Database) -> None:
            serve(database)
            time.sleep(0.02)

        monkeypatch.setattr(Database, "_serve", and_ends_slowly)
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
                        rows_of(journal).save(
                            done(f"{number}", EntryState.SUCCEEDED, output=f"{number}")
                        )
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
            asyncio.create_task(
                rows_of(journal).save(JournalEntry(source=f"{number}", strength=93))
            )
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
