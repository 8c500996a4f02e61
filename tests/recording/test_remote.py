"""Files elsewhere: what they are called, what is seen of them, and what goes wrong."""

import errno
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from threading import Barrier
from threading import enumerate as enumerate_threads
from typing import Any, ClassVar

import aiohttp
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from audio_enhance import InvalidInputError, MissingExtraError
from audio_enhance._core.cancellation import to_its_end
from audio_enhance._recording import remote
from audio_enhance._recording.remote import RemoteFile
from tests.support import buckets
from tests.support.raw_server import RawServer, reply

memory = buckets.memory
DATA = b"ID3 something said"
SIGNED = "X-Amz-Signature=secret&X-Amz-Date=today"


def read(file: RemoteFile) -> bytes:
    return b"".join(file.pieces())


class TestNames:
    @pytest.mark.parametrize(
        ("url", "name", "filename"),
        [
            ("s3://bucket/raw/a b?c#.wav", "s3://bucket/raw/a b?c#.wav", "a b?c#.wav"),
            ("S3://bucket/a.wav", "s3://bucket/a.wav", "a.wav"),
            ("abfs://box@account/a.wav", "abfs://box@account/a.wav", "a.wav"),
            (f"https://host/raw/a%20b.wav?{SIGNED}", "https://host/raw/a%20b.wav", "a b.wav"),
            ("https://token@host/a.wav#there", "https://host/a.wav", "a.wav"),
        ],
    )
    def test_hold_no_secret(self, url: str, name: str, filename: str) -> None:
        file = RemoteFile.at(url)
        assert (file.name, file.filename) == (name, filename)
        assert "secret" not in repr(file)
        assert "token" not in repr(file)

    def test_differ_where_the_query_asks_for_something_else(self) -> None:
        urls = [f"https://host/get.wav?id={number}&{SIGNED}" for number in (1, 1, 2)]
        names = [RemoteFile.at(url).name for url in urls]
        assert names[0] == names[1] != names[2]
        assert "id=1" not in names[0]  # who knows what it is

    @pytest.mark.parametrize(
        "url", ["s3://key:secret@bucket/a.wav", "https://me:secret@host/a.wav"]
    )
    def test_with_a_password_are_refused(self, url: str) -> None:
        with pytest.raises(InvalidInputError, match="holds a password") as caught:
            RemoteFile.at(url)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize("url", ["s3:///", "file:///tmp/a.wav", "s3:/bucket/a.wav"])
    def test_of_nothing_elsewhere_are_refused(self, url: str) -> None:
        with pytest.raises(InvalidInputError, match="not the URL of a file elsewhere"):
            RemoteFile.at(url)

    def test_are_refused_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nothing(_: str) -> None:
            pass

        monkeypatch.setattr(remote, "find_spec", nothing)
        with pytest.raises(MissingExtraError, match="package fsspec") as caught:
            RemoteFile.at("s3://bucket/a.wav")
        assert "[remote]" in caught.value.command


class TestInMemory:
    def test_is_seen_and_read(self, memory: Any) -> None:
        file = RemoteFile.at("memory://bucket/a.wav")
        assert file.look() is None
        memory.pipe("/bucket/a.wav", DATA)
        seen = file.look()
        assert seen is not None
        assert seen.size == len(DATA)
        assert read(file) == DATA
        memory.pipe("/bucket/a.wav", DATA)
        again = file.look()
        assert again is not None
        assert again.version != seen.version

    def test_a_folder_is_no_file(self, memory: Any) -> None:
        memory.pipe("/bucket/raw/a.wav", DATA)
        assert RemoteFile.at("memory://bucket/raw").look() is None

    def test_what_is_not_there(self, memory: Any) -> None:
        with pytest.raises(FileNotFoundError) as caught:
            read(RemoteFile.at("memory://bucket/a.wav"))
        assert caught.value.strerror == "There is nothing of that name"


class TestOnTheWeb:
    async def test_without_ranges_it_comes_in_one_request(self) -> None:
        head = reply(length=len(DATA), ETag='"one"')
        async with RawServer([head, head, reply(body=DATA)]) as server:
            file = RemoteFile.at(f"{server.url}/a.wav?{SIGNED}")
            seen = await to_its_end(file.look)
            assert seen is not None
            assert (seen.size, seen.version is None) == (len(DATA), False)
            assert await to_its_end(lambda: read(file)) == DATA
        assert [request.method for request in server.requests] == ["HEAD", "HEAD", "GET"]
        assert "range" not in server.requests[-1].headers
        assert server.requests[-1].target == f"/a.wav?{SIGNED}"

    @pytest.mark.parametrize(
        ("status", "kind"), [(403, PermissionError), (404, FileNotFoundError), (500, OSError)]
    )
    async def test_says_what_is_wrong(self, status: int, kind: type[OSError]) -> None:
        async with RawServer([reply(status), reply(status, b"No.")]) as server:
            file = RemoteFile.at(f"{server.url}/a.wav?{SIGNED}")
            with pytest.raises(kind) as caught:
                await to_its_end(file.look)
        assert caught.value.strerror
        assert "secret" not in str(caught.value)

    async def test_what_fsspec_logs_holds_no_secret(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        head = reply(length=len(DATA))
        refused = [reply(403), reply(403, b"No.")]
        async with RawServer([head, head, reply(body=DATA), *refused]) as server:
            file = RemoteFile.at(f"{server.url}/a.wav?{SIGNED}")
            await to_its_end(file.look)
            await to_its_end(lambda: read(file))
            with pytest.raises(PermissionError):
                await to_its_end(file.look)
        assert f"{server.url}/a.wav" in caplog.text
        assert "secret" not in caplog.text


class _ClientError(Exception):
    """As botocore's: an error that is not of Python's tree."""

    def __init__(self, code: str) -> None:
        super().__init__(f"An error occurred at https://host/a.wav?{SIGNED}")
        self.response = {"Error": {"Code": code}}


def _from(cause: Exception) -> Exception:
    error = KeyError("strange")
    error.__cause__ = cause
    return error


def _answered(name: str, code: int) -> Exception:
    """Return an error as Azure's or Google's, with the status of an answer."""
    error = Exception("no")
    setattr(error, name, code)
    return error


@pytest.mark.parametrize(
    ("error", "kind", "number"),
    [
        (_ClientError("NoSuchBucket"), FileNotFoundError, errno.ENOENT),
        (_ClientError("Strange"), OSError, errno.EIO),
        (type("NoCredentialsError", (Exception,), {})(), PermissionError, errno.EACCES),
        (PermissionError(f"https://host/a.wav?{SIGNED}"), PermissionError, errno.EACCES),
        (type("EndpointConnectionError", (Exception,), {})("No."), ConnectionError, 103),
        (aiohttp.ClientPayloadError("cut"), ConnectionError, errno.ECONNABORTED),
        (TimeoutError(), ConnectionError, errno.ECONNABORTED),
        (_from(aiohttp.ClientConnectionError()), ConnectionError, errno.ECONNABORTED),
        (_answered("status_code", 403), PermissionError, errno.EACCES),
        (_answered("code", 401), PermissionError, errno.EACCES),
        (type("ClientAuthenticationError", (Exception,), {})(), PermissionError, errno.EACCES),
        (KeyError("strange"), OSError, errno.EIO),
    ],
)
def test_every_error_becomes_one_that_a_disk_could_have(
    error: Exception,
    kind: type[OSError],
    number: int,
    memory: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(type(memory), "info", fail)
    monkeypatch.setattr(type(memory), "open", fail)
    for call in (read, RemoteFile.look) if kind is not FileNotFoundError else (read,):
        with pytest.raises(OSError) as caught:
            call(RemoteFile.at("memory://bucket/a.wav"))
        assert isinstance(caught.value, kind)
        assert caught.value.errno == number
        assert caught.value.strerror
        assert "secret" not in str(caught.value)


def test_what_reads_a_kind_of_bucket_is_named_where_it_is_lacking(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ImportError("Install gcsfs")

    monkeypatch.setattr("fsspec.filesystem", lacking)
    with pytest.raises(MissingExtraError, match="package gcsfs") as caught:
        RemoteFile.at("gs://bucket/a.wav").look()
    assert caught.value.command == "pip install gcsfs"


_Memory: Any = MemoryFileSystem  # fsspec has no types


class _Silent(_Memory):  # type: ignore[misc]  # for that reason
    """As Google's: a bucket that is not there holds nothing, and folders keep their slash."""

    protocol = "gs"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]
    asked: ClassVar[list[str]] = []

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix("gs://").removeprefix("/")

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        self.asked.append(path)
        return dict(super().info("/" + path.rstrip("/")))

    def ls(self, path: str, **_: Any) -> list[dict[str, Any]]:
        found = super().ls("/" + path.rstrip("/"), detail=True)
        return [{**info, "name": info["name"].removeprefix("/")} for info in found]


class TestListing:
    def fill(self, memory: Any, *names: str) -> RemoteFile:
        for name in names:
            memory.pipe(f"/bucket/{name}", DATA)
        return RemoteFile.at("memory://bucket/")

    def test_folders_are_read_side_by_side_and_told_in_order(
        self, memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        names = ["z.wav", *(f"{folder}/{one}.wav" for folder in "abcd" for one in "xy")]
        top = self.fill(memory, *names)
        both, ls = Barrier(2, timeout=10), type(memory).ls

        def met(self: Any, path: str, **options: Any) -> Any:
            if path != "/bucket":
                both.wait()  # each waits for another one: alone it would wait in vain
            return ls(self, path, **options)

        monkeypatch.setattr(type(memory), "async_impl", True)
        monkeypatch.setattr(type(memory), "ls", met)
        assert [url for url, _ in top.listed()] == [f"memory://bucket/{name}" for name in names]

    def test_what_takes_one_question_at_a_time_gets_no_more(
        self, memory: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        top, at_once = self.fill(memory, "a/x.wav", "b/x.wav"), list[int]()

        def pool(count: int, **options: Any) -> ThreadPoolExecutor:
            at_once.append(count)
            return ThreadPoolExecutor(count, **options)

        monkeypatch.setattr(remote, "ThreadPoolExecutor", pool)
        assert len(list(top.listed())) == 2
        assert at_once == [1]

    def test_who_asks_for_no_more_leaves_no_thread(self, memory: Any) -> None:
        top = self.fill(memory, "a/x.wav", "b/x.wav")
        listed = top.listed()
        next(listed)
        assert any(thread.name.startswith("listing") for thread in enumerate_threads())
        listed.close()
        assert not any(thread.name.startswith("listing") for thread in enumerate_threads())


class TestWhereAMissingBucketSaysNothing:
    @pytest.fixture
    def silent(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Silent]]:
        registry = import_module("fsspec.registry")
        monkeypatch.setitem(vars(registry)["_registry"], "gs", _Silent)
        _Silent.clear_instance_cache()
        _Silent.store.clear()
        _Silent.asked.clear()
        _Silent().pipe("/bucket/raw/a.wav", DATA)
        yield _Silent
        remote._check_bucket.cache_clear()
        _Silent.clear_instance_cache()

    def test_it_is_told_from_a_file_that_is_missing(self, silent: type[_Silent]) -> None:
        for _ in range(2):
            assert RemoteFile.at("gs://bucket/raw/b.wav").look() is None
        assert silent.asked.count("bucket") == 1
        gone = RemoteFile.at("gs://nowhere/raw/")
        for call in (gone.look, lambda: list(gone.listed())):
            with pytest.raises(FileNotFoundError, match="There is no such bucket"):
                call()

    @pytest.mark.usefixtures("silent")
    def test_names_are_below_the_folder_with_and_without_a_slash(self) -> None:
        for url in ("gs://bucket/raw", "gs://bucket/raw/"):
            assert list(RemoteFile.at(url).listed()) == [("gs://bucket/raw/a.wav", len(DATA))]

    def test_who_may_not_ask_about_it_goes_on(
        self, silent: type[_Silent], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def info(self: _Silent, path: str, **_: Any) -> dict[str, Any]:
            raise PermissionError if path == "bucket" else FileNotFoundError

        monkeypatch.setattr(silent, "info", info)
        assert RemoteFile.at("gs://bucket/b.wav").look() is None


class ClientAuthenticationError(Exception):
    """As Azure's."""


class _Credentials:
    def __init__(self, error: Exception | None) -> None:
        self._error = error
        self.asked = list[str]()

    def get_token(self, scope: str) -> None:
        self.asked.append(scope)
        if self._error is not None:
            raise self._error


class TestCredentialsLikeAzures:
    @pytest.fixture
    def system(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        system = _Memory(skip_instance_cache=True)

        def made(*_: object, **__: object) -> Any:
            return system

        monkeypatch.setattr("fsspec.filesystem", made)
        return system

    def test_without_any_nothing_is_tried(
        self, system: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def tried(*_: object, **__: object) -> None:
            pytest.fail("asked although there is no token")

        for name in ("info", "ls"):
            monkeypatch.setattr(system, name, tried)
        system.sync_credential = _Credentials(ClientAuthenticationError("None of nine worked."))
        file = RemoteFile.at("az://bucket/a.wav")
        for call in (file.look, lambda: list(file.listed())):
            with pytest.raises(PermissionError, match="Access is denied"):
                call()

    def test_they_are_asked_once(self, system: Any) -> None:
        system.sync_credential = _Credentials(None)
        for _ in range(2):
            RemoteFile.at("memory://bucket/a.wav").look()
        assert system.sync_credential.asked == ["https://storage.azure.com/.default"]


def test_what_a_kind_of_bucket_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ValueError("Must provide credentials!")

    monkeypatch.setattr("fsspec.filesystem", lacking)
    with pytest.raises(InvalidInputError, match="begin with az:// need more: Must provide"):
        RemoteFile.at("az://bucket/a.wav").look()


def test_a_scheme_that_nobody_knows() -> None:
    with pytest.raises(InvalidInputError, match="begin with strange://"):
        RemoteFile.at("strange://bucket/a.wav").look()
