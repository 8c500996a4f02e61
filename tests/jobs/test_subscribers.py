"""Jobs that want one enhancement: one speaks for all, and each has its own row."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_enhance import Asset, Event, Journal, Source
from audio_enhance._core.events import Uploading
from audio_enhance._jobs.running import RunningJob
from audio_enhance._jobs.state import JobState
from audio_enhance._jobs.subscribers import Subscriber, Subscribers
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance._journal.row import JournalRow
from tests.support.answers import ASSET_ID, asset_json


@pytest.fixture
def asset() -> Asset:
    return Asset.from_json(asset_json())


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with await Journal.open(tmp_path / "batch.sqlite") as journal:
        yield journal


async def one(
    name: str, journal: Journal | None = None, told: list[Event] | None = None
) -> Subscriber:
    source = Source.from_bytes(b"ID3 the same", name)
    job = RunningJob(source, 93, 0, () if told is None else (told.append,))
    job.enter(JobState.HASHING)
    row = None if journal is None else await JournalRow.of(rows_of(journal), source, 93)
    return Subscriber(job, row)


def entry(subscriber: Subscriber) -> JournalEntry:
    assert subscriber.row is not None
    return subscriber.row.entry


async def test_the_first_of_those_who_are_there_speaks_for_all() -> None:
    first, second = await one("a.mp3"), await one("b.mp3")
    subscribers = Subscribers(first, "client")
    assert subscribers.leader is first  # whose handle is not in the list yet
    subscribers.wanting[:] = [first, second]
    assert subscribers.job is first.job
    assert subscribers.sources == [first.job.source, second.job.source]
    subscribers.wanting.remove(first)
    assert subscribers.leader is second
    subscribers.wanting.remove(second)
    assert subscribers.leader is first  # for what is still to be written down


async def test_who_joins_shares_the_state_from_then_on(asset: Asset) -> None:
    first, second = await one("a.mp3"), await one("b.mp3")
    subscribers = Subscribers(first, "client")
    subscribers.wanting[:] = [first, second]
    await subscribers.enter(JobState.UPLOADING, asset)
    assert second.job.asset is None
    await subscribers.catch_up(second)
    await subscribers.reached(JobState.UPLOADED, asset)
    assert second.job.track is first.job.track is subscribers.track
    assert second.job.track.state is JobState.UPLOADED
    assert second.job.ids == {"asset_id": ASSET_ID}


async def test_each_step_is_written_down_for_everybody(journal: Journal, asset: Asset) -> None:
    first, second = await one("a.mp3", journal), await one("b.mp3", journal)
    late = await one("c.mp3", journal)
    subscribers = Subscribers(first, "client")
    assert subscribers.rows is rows_of(journal)
    subscribers.wanting[:] = [first, second]
    await subscribers.enter(JobState.UPLOADING, asset)
    await subscribers.catch_up(late)
    for each in (first, second, late):
        assert entry(each).state == EntryState.UPLOADING
        assert (entry(each).asset_id, entry(each).client_id) == (ASSET_ID, "client")
    await subscribers.reached(JobState.UPLOADED, asset)
    subscribers.track.enter(JobState.SUBMITTING)
    await subscribers.note_sending()
    await subscribers.note_sending()
    assert [entry(each).state for each in (first, second)] == [EntryState.SUBMITTING] * 2
    assert [entry(each).tries for each in (first, second, late)] == [2, 2, 0]
    assert {found.asset_id async for found in journal.entries()} == {ASSET_ID}


async def test_what_nobody_waits_for_any_more_is_written_down_for_the_first(
    journal: Journal, asset: Asset
) -> None:
    first = await one("a.mp3", journal)
    subscribers = Subscribers(first, "client")
    await subscribers.enter(JobState.UPLOADING, asset)  # nobody is there: nobody has asked for it
    assert entry(first).asset_id is None
    await subscribers.note_done(enhancement_id="e")
    assert entry(first).enhancement_id == "e"


async def test_everybody_is_told() -> None:
    told: list[list[Event]] = [[], []]
    first, second = await one("a.mp3", told=told[0]), await one("b.mp3", told=told[1])
    subscribers = Subscribers(first, "client")
    subscribers.wanting[:] = [first, second]
    subscribers.tell(Uploading, sent=1, total=2)
    assert [each[-1].source for each in told] == ["a.mp3", "b.mp3"]
    assert all(isinstance(each[-1], Uploading) for each in told)
