"""A recording from elsewhere is read once, kept while it is needed, and noticed when it changes."""

import errno
import io
import os
import tempfile
from threading import Event
from typing import Any

import pytest

from audio_enhance import (
    ConnectionFailedError,
    InvalidSourceError,
    OutputError,
    Source,
    SourceChangedError,
)
from audio_enhance._core.errors import JobCancelledError
from audio_enhance._recording import remote
from audio_enhance._recording.fetched import FetchedContent, list_files
from audio_enhance._recording.given import as_source
from audio_enhance._recording.remote import RemoteFile
from audio_enhance._recording.source import original_of
from tests.support import buckets
from tests.support.buckets import Bucket
from tests.support.resources import open_files, settled_files

memory, s3, bucket = buckets.memory, buckets.s3, buckets.bucket
DATA = b"ID3 something said" * 100_000
URL = "memory://bucket/talk.mp3"


@pytest.fixture
def content(memory: Any) -> FetchedContent:
    memory.pipe("/bucket/talk.mp3", DATA)
    return FetchedContent(RemoteFile.at(URL))


class FullDisk(io.RawIOBase):
    """A file on a disk without room."""

    def write(self, data: Any, /) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(buffering: int) -> FullDisk:
    return FullDisk()


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """How often a file elsewhere was read."""
    reads: list[str] = []
    pieces = RemoteFile.pieces

    def counted(file: RemoteFile) -> Any:
        reads.append(file.name)
        return pieces(file)

    monkeypatch.setattr(RemoteFile, "pieces", counted)
    return reads


def test_is_read_once_for_hash_and_upload(content: FetchedContent, reads: list[str]) -> None:
    known = content.fingerprint(Event())
    assert known.byte_size == len(DATA)
    for _ in range(2):
        with content.open(known) as file:
            assert file.read() == DATA
            content.verify(file, known)
    assert content.fingerprint(Event()) == known
    assert reads == [URL]


def test_the_copy_goes_when_nobody_needs_it(content: FetchedContent, reads: list[str]) -> None:
    before = open_files()
    known = content.fingerprint(Event())
    assert open_files() != before
    content.release()
    assert open_files() == before
    with content.open(known) as file:
        assert file.read() == DATA
    content.close()
    assert (open_files(), len(reads)) == (before, 2)


def test_another_file_is_noticed(content: FetchedContent, memory: Any) -> None:
    known = content.fingerprint(Event())
    content.release()
    memory.pipe("/bucket/talk.mp3", DATA[1:])
    with pytest.raises(SourceChangedError, match="changed since"):
        content.open(known)


def test_a_file_that_changes_meanwhile(
    content: FetchedContent, memory: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def changed(file: RemoteFile) -> Any:
        yield DATA
        memory.pipe("/bucket/talk.mp3", DATA)

    monkeypatch.setattr(RemoteFile, "pieces", changed)
    with pytest.raises(SourceChangedError, match="while it was read"):
        content.fingerprint(Event())


def test_a_file_that_came_in_part(content: FetchedContent, monkeypatch: pytest.MonkeyPatch) -> None:
    def one_part(file: RemoteFile) -> Any:
        yield DATA[1:]

    monkeypatch.setattr(RemoteFile, "pieces", one_part)
    with pytest.raises(SourceChangedError, match="while it was read"):
        content.fingerprint(Event())


def test_whoever_does_not_need_it_any_more_stops_reading(content: FetchedContent) -> None:
    before = open_files()
    (cancelled := Event()).set()
    with pytest.raises(JobCancelledError):
        content.fingerprint(cancelled)
    assert open_files() == before


@pytest.mark.parametrize("data", [None, b""])
def test_nothing_there(data: bytes | None, memory: Any) -> None:
    if data is not None:
        memory.pipe("/bucket/talk.mp3", data)
    content = FetchedContent(RemoteFile.at(URL))
    with pytest.raises(InvalidSourceError) as caught:
        content.fingerprint(Event())
    # By this a journal knows what is gone, and need not be told again.
    assert isinstance(caught.value.__cause__, FileNotFoundError) == (data is None)


@pytest.mark.parametrize(
    ("error", "kind"),
    [(ConnectionError(1, "cut"), ConnectionFailedError), (OSError(5, "odd"), InvalidSourceError)],
)
def test_what_goes_wrong_elsewhere(
    error: OSError,
    kind: type[Exception],
    content: FetchedContent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(file: RemoteFile) -> Any:
        yield DATA
        raise error

    monkeypatch.setattr(RemoteFile, "pieces", broken)
    before = open_files()
    with pytest.raises(kind, match=error.strerror):
        content.fingerprint(Event())
    assert open_files() == before


def test_no_room_here(content: FetchedContent, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", full_disk)
        with pytest.raises(OutputError, match="No space left"):
            content.fingerprint(Event())
    assert open_files() == before


class TestSource:
    async def test_of_a_url(self, content: FetchedContent, memory: Any) -> None:
        source = Source.from_url(URL)
        assert (source.filename, source.content_type) == ("talk.mp3", "audio/mpeg")
        assert (source.path, source.url, source.label) == (None, URL, URL)
        assert (await source.fingerprint()).byte_size == len(DATA)
        assert await source.read(4, 9) == b"something"
        seen = await original_of(source).look()
        assert seen is not None
        assert seen.size == len(DATA)
        source.close()

    @pytest.mark.parametrize("url", ["s3://bucket/a.mov", "https://host/a.mov?signature=x"])
    def test_a_video_is_known_by_its_name(self, url: str) -> None:
        source = as_source(url)
        assert source.is_video
        assert source.filename == "a.mov"

    async def test_options_stay_secret(self, memory: Any) -> None:
        options = {"key": "ours", "secret": "hidden"}
        source = Source.from_url("s3://bucket/a.wav", storage_options=options)
        assert "hidden" not in repr(source)
        assert "hidden" not in repr(original_of(source).content)

    async def test_what_is_not_there_says_where(self, memory: Any) -> None:
        with pytest.raises(InvalidSourceError, match=r"memory://bucket/none\.wav: There is no"):
            await Source.from_url("memory://bucket/none.wav").fingerprint()

    async def test_lets_go_of_the_copy_with_the_last_job(self, content: FetchedContent) -> None:
        source = Source.from_url(URL)
        before = open_files()
        original_of(source).hold()
        await source.fingerprint()
        original_of(source).let_go()
        await settled_files(before)


class TestOnS3:
    async def test_is_read_once(self, bucket: Bucket) -> None:
        source = Source.from_url(bucket.put("raw/talk.mp3", DATA))
        known = await source.fingerprint()
        assert await source.read() == DATA
        bucket.put("raw/talk.mp3", DATA[1:])
        seen = await original_of(source).look()
        assert seen is not None
        assert known.version is not None
        assert seen.version != known.version[-1]
        source.close()

    @pytest.mark.parametrize("url", ["s3://no-such-bucket/a.wav", ""])
    async def test_what_is_not_there(self, url: str, bucket: Bucket) -> None:
        with pytest.raises(InvalidSourceError, match=r"There is no such (file|bucket)"):
            await Source.from_url(url or bucket.url("none.wav")).fingerprint()


class TestListing:
    def test_goes_from_folder_to_folder(self, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        names = ["raw/b.mp3", "raw/two/c.mp3", "raw/one/deep/d.mp3", "raw/one/a.mp3"]
        for name in names:
            memory.pipe(f"/bucket/{name}", DATA)
        listed: list[str] = []
        ls = type(memory).ls

        def counted(system: Any, path: str, **how: Any) -> Any:
            listed.append(path)
            return ls(system, path, **how)

        monkeypatch.setattr(type(memory), "ls", counted)
        files = list_files("memory://bucket/raw/")
        assert next(files) == ("memory://bucket/raw/b.mp3", len(DATA))
        assert listed == ["/bucket/raw"]  # what comes later is listed later
        assert [url.removeprefix("memory://bucket/raw/") for url, _ in files] == [
            "one/a.mp3",
            "one/deep/d.mp3",
            "two/c.mp3",
        ]

    def test_of_a_file_or_of_nothing(self, memory: Any) -> None:
        memory.pipe("/bucket/raw/a.mp3", DATA)
        assert list(list_files("memory://bucket/raw/a.mp3")) == [
            ("memory://bucket/raw/a.mp3", len(DATA))
        ]
        assert list(list_files("memory://bucket/none")) == []

    def test_where_nobody_lets_us_look(self, memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(*_: object, **__: object) -> None:
            raise PermissionError("No.")

        monkeypatch.setattr(type(memory), "ls", denied)
        with pytest.raises(InvalidSourceError, match=r"memory://bucket: .*Access is denied"):
            list(list_files("memory://bucket"))

    def test_what_stands_for_an_empty_folder_is_no_file(self, bucket: Bucket) -> None:
        for key in ("raw/", "raw/one/", "raw/one/a.mp3"):
            bucket.put(key, DATA if key.endswith("mp3") else b"")
        found = [(bucket.url("raw/one/a.mp3"), len(DATA))]
        assert list(list_files(bucket.url("raw/"))) == found
        assert list(list_files(bucket.url("raw"))) == found

    def test_where_there_is_no_bucket(self, s3: Any) -> None:
        with pytest.raises(InvalidSourceError, match="There is no such bucket"):
            list(list_files("s3://no-such-bucket/raw/"))

    def test_of_many_folders_only_the_next_few_are_read(
        self, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        entries, read = remote._entries, list[str]()

        def noted(system: Any, folder: str) -> list[tuple[str, int | None]]:
            read.append(folder)
            return entries(system, folder)

        monkeypatch.setattr(remote, "_entries", noted)
        bucket.fill([f"raw/{number:02}/a.mp3" for number in range(50)], b"ID3")
        count = 0
        for _ in list_files(bucket.url("raw/")):
            assert len(read) <= 1 + count + 8  # the one above, those before, and eight more
            count += 1
        assert count == 50
        assert len(read) == 51
