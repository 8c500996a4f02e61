"""What jobs find in a journal: what was done of the same content, and whose a result is."""

import attrs
import pytest

from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import Journal, rows_of
from tests.support import journals
from tests.support.journals import MD5, Clock, done

path = journals.path
clock = journals.clock
journal = journals.journal
nothing_left = journals.nothing_left


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
            await rows_of(journal).save(done(state, state))
            found = await rows_of(journal).same_content(MD5, 59400, 93, "client")
            assert found == await journal.entry(state, 93)

    async def test_of_equals_the_latest(self, journal: Journal, clock: Clock) -> None:
        for name in "acb":
            clock.now += 1
            await rows_of(journal).save(done(name, EntryState.PROCESSED))
        found = await rows_of(journal).same_content(MD5, 59400, 93, "client")
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
        await rows_of(journal).save(entry)
        assert await rows_of(journal).same_content(MD5, 59400, 93, "client") is None

    async def test_an_upload_that_was_finished_before_one_that_was_not(
        self, journal: Journal, clock: Clock
    ) -> None:
        for state in (EntryState.FAILED, EntryState.UPLOADING, EntryState.UPLOADED):
            clock.now -= 1
            await rows_of(journal).save(done(state, state, enhancement_id=None))
            found = await rows_of(journal).same_upload(MD5, 59400, 93, "client")
            assert found == await journal.entry(state, 93)

    async def test_an_upload_for_the_same_strength_before_another_one(
        self, journal: Journal, clock: Clock
    ) -> None:
        for strength, state in (
            (50, EntryState.SUCCEEDED),
            (93, EntryState.FAILED),
            (93, EntryState.UPLOADING),
        ):
            entry = attrs.evolve(done(state, state, enhancement_id=None), strength=strength)
            await rows_of(journal).save(entry)
            clock.now -= 1
        found = await rows_of(journal).same_upload(MD5, 59400, 93, "client")
        assert found == await journal.entry(EntryState.UPLOADING, 93)
        found = await rows_of(journal).same_upload(MD5, 59400, 20, "client")
        assert found == await journal.entry(EntryState.SUCCEEDED, 50)

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
        await rows_of(journal).save(entry)
        assert await rows_of(journal).same_upload(MD5, 59400, 93, "client") is None

    async def test_both_are_found_by_an_index(self, journal: Journal) -> None:
        for condition in ("md5 = ? AND byte_size = 1", "output = ?"):
            plan = await journal._database.rows(
                f"EXPLAIN QUERY PLAN SELECT * FROM entries WHERE {condition}", "x"
            )
            assert "USING INDEX" in plan[0][-1]

    async def test_whose_a_result_is(self, journal: Journal) -> None:
        await rows_of(journal).save(done("a", EntryState.SUCCEEDED, output="/out/a.mp3"))
        owner = await rows_of(journal).owner_of("/out/a.mp3")
        assert owner is not None
        assert owner.source == "a"
        assert await rows_of(journal).owner_of("/out/b.mp3") is None
