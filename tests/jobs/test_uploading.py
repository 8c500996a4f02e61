"""One upload for all who want it: registered once, sent from whichever source is there."""

from pathlib import Path

import attrs
import pytest

from audio_enhance import Event, InvalidSourceError, Journal, Source
from audio_enhance._core.events import Uploading as UploadingEvent
from audio_enhance._jobs.gate import PriorityGate
from audio_enhance._jobs.running import RunningJob
from audio_enhance._jobs.state import JobState
from audio_enhance._jobs.subscribers import Subscriber, Subscribers
from audio_enhance._jobs.uploading import Uploading
from audio_enhance._journal.entry import EntryState, JournalEntry
from audio_enhance._journal.journal import rows_of
from audio_enhance._journal.row import JournalRow
from audio_enhance._recording.fingerprint import ContentKey

from .support import CREATE_ASSET, GET_ASSET, PUT, Bench, bench

# Longer than what is kept in memory once it was hashed.
DATA = b"ID3 something said " * 2000


@attrs.define
class Upload:
    """An upload, and what its jobs were told."""

    work: Uploading
    told: list[Event] = attrs.field(factory=list[Event])


async def upload(
    b: Bench, *names: str, journal: Journal | None = None, anew: bool = False
) -> Upload:
    """Let a job each for some files of the same content want one upload."""
    told: list[Event] = []
    content: ContentKey | None = None
    everybody: list[Subscribers] = []
    steps = b.client._connections.steps()
    for name in names:
        source = Source.from_path(b.source(name, DATA))
        fingerprint = await source.fingerprint()
        content = ContentKey(fingerprint.md5, fingerprint.byte_size, source.content_type)
        job = RunningJob(source, 93, 0, (told.append,))
        job.enter(JobState.HASHING)
        row = None if journal is None else await JournalRow.of(rows_of(journal), source, 93)
        subscriber = Subscriber(job, row)
        subscribers = Subscribers(subscriber, steps.api.client_id)
        subscribers.wanting.append(subscriber)
        everybody.append(subscribers)
    assert content is not None
    work = Uploading(steps, PriorityGate(4), content, everybody[0], set(), anew=anew)
    work.wanting[:] = everybody
    return Upload(work, told)


async def test_it_is_registered_and_sent_once_and_everybody_is_told(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        one = await upload(b, "a.mp3", "b.mp3")
        asset = await one.work.run()
        assert (b.count(CREATE_ASSET), b.count(PUT)) == (1, 1)
        for each in one.work.wanting:
            assert each.track.asset is not None
            assert each.track.asset.id == asset.id
            assert each.track.state is JobState.UPLOADING
        sent = [event for event in one.told if isinstance(event, UploadingEvent)]
        assert {event.source for event in sent} == {str(tmp_path / "in" / n) for n in
                                                    ("a.mp3", "b.mp3")}  # fmt: skip
        assert sent[0].sent == 0
        assert sent[-1].sent == sent[-1].total == len(DATA)


async def test_who_joins_meanwhile_has_the_asset_too(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        one = await upload(b, "a.mp3", "b.mp3")
        late = one.work.wanting.pop()
        await one.work.catch_up(late)
        assert late.job.ids == {}  # there is none yet
        asset = await one.work.run()
        await one.work.catch_up(late)
        assert late.job.ids == {"asset_id": asset.id}
        assert late.track.state is JobState.UPLOADING


async def test_one_file_that_is_gone_leaves_another_of_its_content(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        one = await upload(b, "a.mp3", "b.mp3", "c.mp3")
        for name in ("a.mp3", "b.mp3"):
            (tmp_path / "in" / name).unlink()
        await one.work.run()
        assert (b.count(CREATE_ASSET), b.count(PUT)) == (1, 1)


async def test_when_all_are_gone_that_is_an_error(tmp_path: Path) -> None:
    async with bench(tmp_path) as b:
        one = await upload(b, "a.mp3", "b.mp3")
        for name in ("a.mp3", "b.mp3"):
            (tmp_path / "in" / name).unlink()
        with pytest.raises(InvalidSourceError):
            await one.work.run()
        assert b.count(PUT) == 0


class TestAnEarlierUpload:
    @staticmethod
    async def known(
        b: Bench, journal: Journal, name: str = "a.mp3", asset_id: str | None = None
    ) -> str:
        """Write down an upload of an earlier run, and return the id of its asset."""
        steps = b.client._connections.steps()
        source = Source.from_bytes(DATA, name)
        asset = await steps.create_asset(source)
        await steps.upload(asset, source)
        fingerprint = await source.fingerprint()
        entry = JournalEntry(
            source="earlier",
            strength=50,
            state=EntryState.UPLOADED,
            md5=fingerprint.md5.hex(),
            byte_size=fingerprint.byte_size,
            client_id=steps.api.client_id,
            asset_id=asset_id or asset.id,
        )
        await rows_of(journal).save(entry)
        return asset.id

    async def test_is_used_again(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            asset_id = await self.known(b, journal)
            one = await upload(b, "a.mp3", journal=journal)
            assert (await one.work.run()).id == asset_id
            assert (b.count(CREATE_ASSET), b.count(PUT), b.count(GET_ASSET)) == (1, 1, 1)

    async def test_not_if_the_server_has_it_no_more(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            asset_id = await self.known(b, journal, asset_id="gone")
            one = await upload(b, "a.mp3", journal=journal)
            assert (await one.work.run()).id not in (asset_id, "gone")
            assert b.count(CREATE_ASSET) == 2

    async def test_not_if_it_was_sent_as_something_else(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            asset_id = await self.known(b, journal, "a.wav")
            one = await upload(b, "a.mp3", journal=journal)
            assert (await one.work.run()).id != asset_id

    async def test_not_if_it_was_found_wanting(self, tmp_path: Path) -> None:
        async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
            asset_id = await self.known(b, journal)
            one = await upload(b, "a.mp3", journal=journal, anew=True)
            assert (await one.work.run()).id != asset_id
