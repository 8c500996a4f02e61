"""Recordings that lie elsewhere: enhanced, known to journals by their URLs, and resumed."""

import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import InvalidSourceError, Journal, Source
from audio_enhance._journal.entry import EntryState
from audio_enhance._recording.remote import RemoteFile
from tests.support import buckets
from tests.support.raw_server import RawServer, reply

from .support import CREATE, CREATE_ASSET, PUT, bench, statuses

memory = buckets.memory
DATA = b"ID3 something said"


@pytest.fixture
def urls(memory: Any) -> list[str]:
    """Recordings in a bucket."""
    names = [f"/bucket/raw/talk-{number}.mp3" for number in range(3)]
    for name in names:
        memory.pipe(name, DATA + name.encode())
    return [f"memory:/{name}" for name in names]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was read, in order."""
    reads: list[str] = []
    pieces = RemoteFile.pieces

    def counted(file: RemoteFile) -> Any:
        reads.append(file.name)
        return pieces(file)

    monkeypatch.setattr(RemoteFile, "pieces", counted)
    return reads


async def test_each_is_read_once_at_every_strength(
    tmp_path: Path, urls: list[str], reads: list[str], memory: Any
) -> None:
    async with bench(tmp_path) as b:
        report = await b.batch(urls, strength=[50, 93])
        assert statuses(report) == {"succeeded": 6}
        assert [outcome.name for outcome in report[::2]] == urls
        assert report[0].path is not None
        assert report[0].path.parent == b.out
        assert b.count(PUT) == 3
    assert sorted(reads) == sorted(urls)


async def test_a_second_run_reads_nothing_and_asks_the_server_nothing(
    tmp_path: Path, urls: list[str], reads: list[str]
) -> None:
    async with bench(tmp_path) as b:
        await b.batch(urls, journal=b.journal)
        before = len(b.service.record)
        reads.clear()
        again = await b.batch(urls, journal=b.journal)
        assert statuses(again) == {"skipped": 3}
        assert (len(b.service.record), reads) == (before, [])


async def test_what_changed_there_is_enhanced_again(
    tmp_path: Path, urls: list[str], reads: list[str], memory: Any
) -> None:
    async with bench(tmp_path) as b:
        await b.batch(urls, journal=b.journal)
        reads.clear()
        memory.pipe("/bucket/raw/talk-0.mp3", DATA + b"/bucket/raw/talk-0.mp3")  # the same again
        memory.pipe("/bucket/raw/talk-1.mp3", b"ID3 recorded once more")
        again = await b.batch(urls, journal=b.journal)
        assert [outcome.status for outcome in again] == ["skipped", "succeeded", "skipped"]
        assert b.count(CREATE) == 4
        assert sorted(set(reads)) == urls[:2]


async def test_what_is_gone_is_told_once_and_costs_nothing(
    tmp_path: Path, urls: list[str], memory: Any
) -> None:
    async with bench(tmp_path) as b, await Journal.open(b.journal) as journal:
        await journal.plan([(url, 93) for url in urls])
        memory.rm(urls[0])
        report = await b.batch(urls, journal=journal)
        assert [outcome.ok for outcome in report] == [False, True, True]
        assert isinstance(report[0].error, InvalidSourceError)
        assert b.count(CREATE_ASSET) == 2
        entry = await journal.entry(urls[0], 93)
        assert entry is not None
        assert (entry.state, entry.gone) == (EntryState.FAILED, True)


async def test_what_went_after_its_upload_is_finished(
    tmp_path: Path, urls: list[str], memory: Any
) -> None:
    async with bench(tmp_path) as b:
        await b.batch(urls[:1], journal=b.journal)
        async with await Journal.open(b.journal) as journal:
            entry = await journal.entry(urls[0], 93)
            assert entry is not None
            await journal.save(
                attrs.evolve(entry, state=EntryState.UPLOADED, enhancement_id=None, output=None)
            )
        memory.rm(urls[0])
        shutil.rmtree(b.out)
        await b.forget()
        again = await b.batch(urls[:1], journal=b.journal)
        assert statuses(again) == {"succeeded": 1}
        assert b.count(PUT) == 1


async def test_taken_up_after_a_restart(tmp_path: Path, urls: list[str], reads: list[str]) -> None:
    async with bench(tmp_path) as b:
        async with await Journal.open(b.journal) as journal:
            job = await b.client.submit(urls[0], strength=93, journal=journal, key="one")
            assert reads == []  # only what cannot be found again is read before it is accepted
            await b.forget()
            assert job.status.finished
        async with await Journal.open(b.journal) as journal:
            [job] = await b.client.take_up(journal, output_dir=b.out)
            result = await job
            assert result.path.is_file()


async def test_a_signature_is_nowhere_in_the_journal(tmp_path: Path) -> None:
    async with bench(tmp_path) as b, RawServer() as server:
        head, body = reply(length=len(DATA), ETag='"one"'), reply(body=DATA, ETag='"one"')
        server.script += [head, head, body, head]
        source = Source.from_url(f"{server.url}/raw/talk.mp3?X-Amz-Signature=secret")
        report = await b.batch([source], journal=b.journal)
        assert statuses(report) == {"succeeded": 1}
        assert report[0].name == f"{server.url}/raw/talk.mp3"
        for file in tmp_path.glob("batch.sqlite*"):
            assert b"secret" not in file.read_bytes()
