"""Recordings that lie elsewhere: enhanced, known to journals by their URLs, and resumed."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import attrs
import pytest

from audio_enhance import (
    ConnectionFailedError,
    Finished,
    InvalidSourceError,
    Journal,
    OutputError,
    OutputExistsError,
    Source,
)
from audio_enhance._journal.entry import EntryState
from audio_enhance._journal.journal import rows_of
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
            await rows_of(journal).save(
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


OUT = "memory://bucket/clean"


def results(memory: Any) -> dict[str, bytes]:
    """What lies in the folder for results in the bucket, by name."""
    return {name.rpartition("/")[2]: memory.cat(name) for name in memory.find("/bucket/clean")}


class TestResults:
    """They go into a bucket as into a folder."""

    async def test_get_there_whole(
        self, tmp_path: Path, urls: list[str], memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (here := tmp_path / "temporary").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(here))
        async with bench(tmp_path) as b:
            report = await b.client.enhance_batch(urls, strength=[50, 93], output_dir=OUT)
            assert report.ok
            assert [(o.path, o.url) for o in report[:2]] == [
                (None, f"{OUT}/talk-0-enhanced-50p.mp3"),
                (None, f"{OUT}/talk-0-enhanced-93p.mp3"),
            ]
            local = await b.batch(urls, strength=[50, 93])
            expected = {o.path.name: o.path.read_bytes() for o in local if o.path is not None}
            assert results(memory) == expected
        assert list(here.iterdir()) == []

    async def test_of_a_single_one(self, tmp_path: Path, urls: list[str], memory: Any) -> None:
        async with bench(tmp_path) as b:
            result = await b.client.enhance(b.source("a.mp3"), strength=93, output_dir=OUT)
            assert (result.saved, result.url) == (None, f"{OUT}/a-enhanced-93p.mp3")
            with pytest.raises(OutputError, match=r"Use result\.url"):
                _ = result.path
            job = await b.client.submit(urls[0], strength=93, output_dir=OUT)
            await job
            told = [event async for event in job.events()]
            assert isinstance(told[-1], Finished)
            assert told[-1].path == f"{OUT}/talk-0-enhanced-93p.mp3"

    async def test_are_found_by_a_second_run(
        self, tmp_path: Path, urls: list[str], memory: Any
    ) -> None:
        async with bench(tmp_path) as b:
            settings: Any = {"strength": 93, "output_dir": OUT, "journal": b.journal}
            first = await b.client.enhance_batch(urls, **settings)
            before = len(b.service.record)
            memory.pipe("/bucket/clean/talk-1-enhanced-93p.mp3", b"tagged by somebody")
            again = await b.client.enhance_batch(urls, **settings)
            assert statuses(again) == {"skipped": 3}
            assert [outcome.url for outcome in again] == [outcome.url for outcome in first]
            assert [outcome.note is None for outcome in again] == [True, False, True]
            assert len(b.service.record) == before

    async def test_that_are_there_although_nobody_could_note_it(
        self, tmp_path: Path, urls: list[str], memory: Any
    ) -> None:
        """The run died between the two: only the content says whose the object is."""
        async with bench(tmp_path) as b:
            settings: Any = {"strength": 93, "output_dir": OUT, "journal": b.journal}
            await b.client.enhance_batch(urls, **settings)
            async with await Journal.open(b.journal) as journal:
                for number, url in enumerate(urls):
                    entry = await journal.entry(url, 93)
                    assert entry is not None
                    placing = attrs.evolve(
                        entry,
                        state=EntryState.DOWNLOADING,
                        output=None,
                        output_modified_ns=None,
                        placing=entry.output,
                        placing_size=entry.output_size,
                        placing_md5=entry.output_md5,
                        placing_modified_ns=0,
                    )
                    await rows_of(journal).save(placing)
                    if number == 1:
                        memory.rm(f"/bucket/clean/talk-{number}-enhanced-93p.mp3")
            await b.forget()
            again = await b.client.enhance_batch(urls, **settings)
            assert [outcome.status for outcome in again] == ["skipped", "succeeded", "skipped"]
            assert (b.count(CREATE), len(results(memory))) == (3, 3)

    async def test_replace_nothing_unasked(
        self, tmp_path: Path, urls: list[str], memory: Any
    ) -> None:
        memory.pipe("/bucket/clean/talk-0-enhanced-93p.mp3", b"somebody's")
        async with bench(tmp_path) as b:
            report = await b.client.enhance_batch(urls, strength=93, output_dir=OUT)
            assert [outcome.ok for outcome in report] == [False, True, True]
            assert isinstance(report[0].error, OutputExistsError)
            assert b.count(CREATE) == 2
            assert results(memory)["talk-0-enhanced-93p.mp3"] == b"somebody's"
            over = await b.client.enhance_batch(
                urls[:1], strength=93, output_dir=OUT, overwrite=True
            )
            assert over.ok
            assert results(memory)["talk-0-enhanced-93p.mp3"] != b"somebody's"

    async def test_never_replace_a_recording(
        self, tmp_path: Path, urls: list[str], memory: Any
    ) -> None:
        def itself(source: Source, strength: int) -> str:
            return source.filename

        async with bench(tmp_path) as b:
            report = await b.client.enhance_batch(
                urls, strength=93, output_dir="memory://bucket/raw", overwrite=True, place=itself
            )
            assert not any(outcome.ok for outcome in report)
            assert "would replace a recording" in str(report[0].error)
            assert b.count(CREATE_ASSET) == 0

    async def test_of_one_name_keep_their_folders(self, tmp_path: Path, memory: Any) -> None:
        for folder in ("one", "two"):
            memory.pipe(f"/bucket/raw/{folder}/talk.mp3", DATA + folder.encode())
        urls = [f"memory://bucket/raw/{folder}/talk.mp3" for folder in ("one", "two")]
        async with bench(tmp_path) as b:
            report = await b.client.enhance_batch(urls, strength=93, output_dir=OUT)
            assert [outcome.url for outcome in report] == [
                f"{OUT}/{folder}/talk-enhanced-93p.mp3" for folder in ("one", "two")
            ]

    async def test_that_cannot_be_put_cost_nothing(
        self, tmp_path: Path, memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def denied(*_: object, **__: object) -> None:
            raise PermissionError("No.")

        async with bench(tmp_path) as b:
            source = b.source("a.mp3")
            monkeypatch.setattr(type(memory), "info", denied)
            report = await b.client.enhance_batch([source], strength=93, output_dir=OUT)
            assert "Access is denied" in str(report[0].error)
            assert b.count(CREATE_ASSET) == 0

    async def test_wait_at_the_server_while_the_network_to_the_bucket_is_away(
        self, tmp_path: Path, urls: list[str], memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object, **__: object) -> None:
            raise ConnectionResetError("No route to the bucket")

        async with bench(tmp_path) as b:
            settings: Any = {"strength": 93, "output_dir": OUT, "journal": b.journal}
            with monkeypatch.context() as patched:
                patched.setattr(type(memory), "put_file", away)
                report = await b.client.enhance_batch(urls, **settings)
            assert {type(outcome.error) for outcome in report} == {ConnectionFailedError}
            assert "memory://bucket/clean cannot be reached" in str(report[0].error)
            again = await b.client.enhance_batch(urls, **settings)
            assert again.ok
            assert b.count(CREATE) == len(urls)

    async def test_are_not_asked_for_while_the_network_to_the_bucket_is_away(
        self, tmp_path: Path, urls: list[str], memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object, **__: object) -> None:
            raise ConnectionResetError("No route to the bucket")

        async with bench(tmp_path) as b:
            monkeypatch.setattr(type(memory), "info", away)
            report = await b.client.enhance_batch(
                [b.source("a.mp3")], strength=93, output_dir=OUT, journal=b.journal
            )
            assert isinstance(report[0].error, ConnectionFailedError)
            assert b.count(CREATE_ASSET) == 0

    async def test_of_a_single_one_is_found_again(
        self, tmp_path: Path, urls: list[str], memory: Any
    ) -> None:
        async with bench(tmp_path) as b:
            for _ in range(2):
                result = await b.client.enhance(
                    urls[0], strength=93, output_dir=OUT, journal=b.journal
                )
                assert (result.saved, result.url) == (None, f"{OUT}/talk-0-enhanced-93p.mp3")
            assert b.count(CREATE) == 1
