"""Recordings and results in buckets, from the command line, on a real S3 over HTTP."""

import asyncio
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import InvalidInputError, RemotePath
from audio_enhance.cli.display.outcome import near
from audio_enhance.cli.input.placing import Placing
from audio_enhance.cli.input.recordings import as_written, find_recordings
from audio_enhance.cli.journals import journal_for
from audio_enhance.local import LocalService
from tests.support import buckets
from tests.support.buckets import Bucket
from tests.support.warm import Warm

from .support import Command, blocking, ended, until

memory, s3, bucket = buckets.memory, buckets.s3, buckets.bucket
DATA = b"ID3 something said"
OUT = RemotePath("memory://bucket/clean")


@pytest.fixture
async def command(
    enhance_service: LocalService, bucket: Bucket, tmp_path: Path, warm: Warm | None
) -> AsyncIterator[Command]:
    """The command in an empty folder, with credentials for a bucket."""
    environment = enhance_service.environment | buckets.environment_of_s3()
    command = Command(tmp_path, environment, warm)
    yield command
    await command.end_all()


def fill(bucket: Bucket, count: int) -> list[str]:
    return [bucket.put(f"raw/talk-{n}.mp3", DATA + b"%d" % n) for n in range(count)]


class TestSearch:
    """In memory, where it is quick."""

    def found(self, memory: Any, *names: str, top: str = "raw/", out: RemotePath = OUT) -> Any:
        for name in names:
            memory.pipe(f"/bucket/{name}", DATA)
        return find_recordings([f"memory://bucket/{top}"], out)

    @pytest.mark.parametrize("top", ["raw", "raw/"])
    def test_finds_what_lies_below_like_in_a_folder(self, top: str, memory: Any) -> None:
        names = (
            "raw/b.mp3",
            "raw/a/z.WAV",
            "raw/a/y.wma",
            "raw/c.txt",
            "raw/.d.mp3",
            "rawer/e.mp3",
        )
        found = self.found(memory, *names, "raw/.hidden/f.mp3", top=top)
        raw = "memory://bucket/raw"
        assert found.sizes == {f"{raw}/b.mp3": len(DATA), f"{raw}/a/z.WAV": len(DATA)}
        assert found.not_taken == {".wma": 1}
        assert found.tops == [RemotePath(raw)]
        assert found.root == RemotePath(raw)

    def test_a_single_file(self, memory: Any) -> None:
        found = self.found(memory, "raw/a.mp3", "raw/b.mp3", top="raw/a.mp3")
        assert found.sizes == {"memory://bucket/raw/a.mp3": len(DATA)}
        assert found.tops == [RemotePath("memory://bucket/raw")]

    def test_nothing_there_is_told_when_its_turn_comes(self, memory: Any) -> None:
        assert self.found(memory, top="raw/a.mp3").sizes == {"memory://bucket/raw/a.mp3": 0}

    def test_results_are_no_recordings(self, memory: Any) -> None:
        names = ("raw/a.mp3", "raw/clean/a-enhanced-93p.mp3", "raw/clean/b.mp3")
        out = RemotePath("memory://bucket/raw/clean")
        assert list(self.found(memory, *names, out=out).sizes) == ["memory://bucket/raw/a.mp3"]
        inside = self.found(memory, top="raw/clean", out=out)
        assert (list(inside.sizes), inside.results) == (["memory://bucket/raw/clean/b.mp3"], 1)

    def test_beside_files_of_this_machine(self, memory: Any, tmp_path: Path) -> None:
        memory.pipe("/bucket/raw/a.mp3", DATA)
        (here := tmp_path / "b.mp3").write_bytes(DATA)
        found = find_recordings(["memory://bucket/raw", str(here)], OUT)
        assert list(found.sizes) == ["memory://bucket/raw/a.mp3", str(here)]
        assert found.root is None

    def test_on_the_web_nothing_is_listed(self) -> None:
        found = find_recordings(["https://host/raw/a.mp3"], OUT)
        assert list(found.sizes) == ["https://host/raw/a.mp3"]
        with pytest.raises(InvalidInputError, match="has a query"):
            find_recordings(["https://host/a.mp3?X-Amz-Signature=secret"], OUT)


def test_names_stay_urls() -> None:
    url = "s3://bucket/raw/one/a.mp3"
    assert as_written(url) == near(url) == url
    placing = Placing(mirror=True, tops=[RemotePath("s3://bucket/raw")])
    assert placing.place(RemotePath(url), 93) == Path("one/a-enhanced-93p.mp3")


def test_the_journal_lies_in_the_current_folder() -> None:
    one, other = (journal_for(RemotePath(f"s3://bucket/{name}")) for name in ("a/b", "a-b"))
    assert one.parent == Path.cwd()
    assert one.name.startswith("audio-enhance-bucket-a-b-")
    assert one.name.endswith(".sqlite")
    assert one != other
    assert len(journal_for(RemotePath(f"s3://bucket/{'long' * 100}")).name) < 120
    assert journal_for(Path("clean")) == Path("clean/.audio-enhance.sqlite")


async def test_from_a_bucket_into_a_bucket(command: Command, bucket: Bucket) -> None:
    urls = fill(bucket, 3)
    what = ("enhance", bucket.url("raw/"), "-o", bucket.url("clean/"), "--json")
    first = await command(*what)
    assert first.status == 0, first.err
    results = [bucket.url(f"clean/talk-{n}-enhanced-93p.mp3") for n in range(3)]
    assert {line["source"]: line["path"] for line in first.lines} == dict(
        zip(urls, results, strict=True)
    )
    assert [key for key in bucket.keys if key.startswith("clean/")] == [
        result.removeprefix(bucket.url()) for result in results
    ]
    [journal] = command.folder.glob("*.sqlite")
    again = await command(*what)
    assert [line["status"] for line in again.lines] == ["skipped"] * 3
    resumed = await command("resume", str(journal), "--json")
    assert [line["status"] for line in resumed.lines] == ["skipped"] * 3
    for file in command.folder.iterdir():
        assert buckets.SECRET.encode() not in file.read_bytes()


async def test_a_dry_run_tells_and_sends_nothing(
    command: Command, bucket: Bucket, enhance_service: LocalService
) -> None:
    [url] = fill(bucket, 1)
    run = await command("enhance", bucket.url("raw/"), "-o", bucket.url("clean"), "--dry-run")
    assert run.status == 0, run.err
    assert f"enhance  {url} at 93" in run.out
    assert (enhance_service.count(), len(bucket.keys)) == (0, 1)


@pytest.mark.parametrize(
    ("files", "out", "said"),
    [
        ("s3://no-such-bucket/raw/", "clean", "There is no such bucket"),
        ("here.mp3", "s3://no-such-bucket/clean", "There is no such bucket"),
        ("here.mp3", "https://host/clean", "cannot be saved on a web server"),
        ("s3://key:hidden@bucket/raw/", "clean", "holds a password"),
    ],
)
async def test_what_cannot_work_is_one_error_before_anything_is_sent(
    files: str, out: str, said: str, command: Command, enhance_service: LocalService
) -> None:
    (command.folder / "here.mp3").write_bytes(DATA)
    run = await command("enhance", files, "-o", out)
    assert run.status == 2
    assert said in run.err
    assert "hidden" not in run.err
    assert len(run.err.splitlines()) <= 2
    assert enhance_service.count() == 0


async def test_without_the_extra_it_says_what_to_install(
    command: Command, tmp_path: Path, enhance_service: LocalService
) -> None:
    (command.folder / "here.mp3").write_bytes(DATA)
    without = blocking(tmp_path / "without", ["fsspec"])
    run = await command("enhance", "here.mp3", "-o", "s3://bucket/clean", **without)
    assert run.status == 2
    assert "This needs the package fsspec" in run.err
    assert not (command.folder / "s3:").exists()
    assert enhance_service.count() == 0


def uploading(folder: Path) -> int:
    """How many uploads were under way when a run died."""
    [journal] = folder.glob("*.sqlite")
    with sqlite3.connect(journal) as connection:
        [(count,)] = connection.execute(
            "SELECT count(*) FROM entries WHERE state IN ('queued', 'uploading')"
            " AND asset_id IS NOT NULL"
        )
        [(uncertain,)] = connection.execute("SELECT count(*) FROM entries WHERE state='submitting'")
    connection.close()
    return int(count + uncertain)


@pytest.mark.slow
async def test_runs_that_are_killed_enhance_and_upload_nothing_twice(
    command: Command, bucket: Bucket, enhance_service: LocalService
) -> None:
    fill(bucket, 12)
    what = ("enhance", bucket.url("raw/"), "-o", bucket.url("clean/"), "--json")
    again = 0
    for wanted in (1, 4, 8):

        def there(wanted: int = wanted) -> bool:
            return sum(key.startswith("clean/") for key in bucket.keys) >= wanted

        process = await command.start(*what)
        await until(process, there)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        again += await asyncio.to_thread(uploading, command.folder)
    run = await ended(await command.start(*what))
    assert run.status == 0, run.err
    results = [key for key in bucket.keys if key.startswith("clean/")]
    assert results == sorted(f"clean/talk-{n}-enhanced-93p.mp3" for n in range(12))
    assert len({bucket.get(key) for key in results}) == 12
    assert 12 <= enhance_service.count("PUT /object") <= 12 + again
    assert 12 <= enhance_service.count("POST /speech_enhancements") <= 12 + again
    shutil.rmtree(command.folder, ignore_errors=True)
