import gc
import hashlib
import io
import os
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pytest

from audio_enhance import InvalidSourceError, SourceChangedError
from audio_enhance._recording.content import BytesContent, Content, FileContent
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.reader import FileReader
from audio_enhance._recording.spooled import spool
from tests.support.resources import open_files

NEVER = threading.Event()


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def a_file(path: Path, data: bytes) -> Content:
    path.write_bytes(data)
    return FileContent(path)


async def some_bytes(path: Path, data: bytes) -> Content:
    return BytesContent(data)


async def spooled(path: Path, data: bytes) -> Content:
    return await spool(chunks(data[:7], data[7:]), max_bytes=None)


Make = Callable[[Path, bytes], Awaitable[Content]]


@pytest.mark.parametrize("make", [a_file, some_bytes, spooled])
@pytest.mark.parametrize("length", [1, 65_537, 3_000_000])
async def test_every_kind_of_content_is_what_went_in(
    make: Make, length: int, tmp_path: Path
) -> None:
    data = os.urandom(length)
    content = await make(tmp_path / "a.mp3", data)
    fingerprint = content.fingerprint(NEVER)
    assert (fingerprint.byte_size, fingerprint.md5) == (length, hashlib.md5(data).digest())
    with content.open(fingerprint) as one, content.open(fingerprint) as other:
        # Two readers, as two attempts may be, do not move each other's position.
        assert one.read(5) == data[:5]
        assert other.read() == data
        assert one.read() == data[5:]
        content.verify(one, fingerprint)
    content.close()


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidSourceError, match="no such file"):
            FileContent(tmp_path / "missing.mp3").fingerprint(NEVER)

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidSourceError, match="a folder"):
            FileContent(tmp_path).fingerprint(NEVER)

    def test_empty(self, tmp_path: Path) -> None:
        path = tmp_path / "a.mp3"
        path.touch()
        with pytest.raises(InvalidSourceError, match="empty") as caught:
            FileContent(path).fingerprint(NEVER)
        assert caught.value.source == str(path)

    def test_below_a_file(self, recording: Path) -> None:
        with pytest.raises(InvalidSourceError, match="cannot be read"):
            FileContent(recording / "a.mp3").fingerprint(NEVER)

    @pytest.mark.parametrize("name", ["x" * 5000 + ".mp3", "a\x00b.mp3"])
    def test_names_that_no_file_can_have(self, name: str) -> None:
        with pytest.raises(InvalidSourceError):
            FileContent(Path(name)).fingerprint(NEVER)

    def test_a_link_to_itself(self, tmp_path: Path) -> None:
        path = tmp_path / "loop.mp3"
        path.symlink_to(path)
        with pytest.raises(InvalidSourceError, match="cannot be read"):
            FileContent(path).fingerprint(NEVER)

    def test_a_link_to_a_recording(self, tmp_path: Path, recording: Path) -> None:
        path = tmp_path / "link.mp3"
        path.symlink_to(recording)
        assert FileContent(path).fingerprint(NEVER).byte_size == recording.stat().st_size

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX")
    def test_a_named_pipe_does_not_hang(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe.mp3"
        os.mkfifo(path)
        with pytest.raises(InvalidSourceError, match="not a regular file"):
            FileContent(path).fingerprint(NEVER)

    @pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices")
    def test_a_device(self) -> None:
        with pytest.raises(InvalidSourceError, match="not a regular file"):
            FileContent(Path("/dev/zero")).fingerprint(NEVER)

    @pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="Linux")
    def test_a_file_that_fails_while_it_is_read(self) -> None:
        # A regular file by its mode, whose first page is never mapped: read(2) fails with EIO.
        with pytest.raises(InvalidSourceError, match="cannot be read"):
            FileContent(Path("/proc/self/mem")).fingerprint(NEVER)

    @pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may read everything")
    def test_a_file_that_may_not_be_read(self, recording: Path) -> None:
        recording.chmod(0)
        with pytest.raises(InvalidSourceError, match="cannot be read"):
            FileContent(recording).fingerprint(NEVER)

    def test_changed_after_it_was_hashed(self, recording: Path) -> None:
        content = FileContent(recording)
        fingerprint = content.fingerprint(NEVER)
        before = set(open_files())
        with recording.open("ab") as file:
            file.write(b"more")
        with pytest.raises(SourceChangedError):
            content.open(fingerprint)
        assert set(open_files()) == before

    def test_replaced_by_one_of_the_same_length(self, recording: Path, tmp_path: Path) -> None:
        content = FileContent(recording)
        fingerprint = content.fingerprint(NEVER)
        other = tmp_path / "other.mp3"
        other.write_bytes(bytes(recording.stat().st_size))
        os.utime(other, ns=(0, recording.stat().st_mtime_ns))
        other.replace(recording)
        with pytest.raises(SourceChangedError):
            content.open(fingerprint)

    def test_rewritten_while_it_is_open(self, recording: Path) -> None:
        content = FileContent(recording)
        fingerprint = content.fingerprint(NEVER)
        with content.open(fingerprint) as file:
            content.verify(file, fingerprint)
            os.utime(recording, ns=(0, 0))
            with pytest.raises(SourceChangedError):
                content.verify(file, fingerprint)

    def test_growing_while_it_is_hashed(
        self, recording: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        read = io.FileIO.readinto

        class Growing(FileReader):
            def readinto(self, buffer: Any, /) -> int | None:
                if self.tell() == 0:
                    with recording.open("ab") as file:
                        file.write(b"x")
                return read(self, buffer)

        monkeypatch.setattr("audio_enhance._recording.content.FileReader", Growing)
        with pytest.raises(SourceChangedError):
            FileContent(recording).fingerprint(NEVER)

    def test_deleted_before_it_is_sent(self, recording: Path) -> None:
        content = FileContent(recording)
        fingerprint = content.fingerprint(NEVER)
        recording.unlink()
        with pytest.raises(InvalidSourceError, match="no such file"):
            content.open(fingerprint)

    def test_closing_content_leaves_the_users_file(self, recording: Path) -> None:
        FileContent(recording).close()
        assert recording.exists()


class TestShortFiles:
    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "short.mp3"
        path.write_bytes(b"ID3 one")
        return path

    def test_one_is_read_once(self, path: Path) -> None:
        content = FileContent(path)
        quick = [content.quick]
        fingerprint = content.fingerprint(NEVER)
        path.write_bytes(b"ID3 two")
        quick.append(content.quick)
        with content.open(fingerprint) as file:  # what is sent is what was hashed
            assert file.read() == b"ID3 one"
            content.verify(file, fingerprint)
        content.release()
        assert [*quick, content.quick] == [False, True, False]
        with pytest.raises(SourceChangedError):
            content.open(fingerprint)
        assert content.fingerprint(NEVER).md5 == hashlib.md5(b"ID3 two").digest()

    def test_only_what_was_expected_is_sent(self, path: Path) -> None:
        content = FileContent(path)
        one = content.fingerprint(NEVER)
        path.write_bytes(b"ID3 two")
        two = content.fingerprint(NEVER)
        with pytest.raises(SourceChangedError):
            content.open(one)
        path.write_bytes(bytes(100_000))
        long = content.fingerprint(NEVER)
        for earlier in (one, two):
            with pytest.raises(SourceChangedError):
                content.open(earlier)
        with content.open(long) as file:
            assert file.read() == bytes(100_000)

    @pytest.mark.parametrize(("length", "kept"), [(1 << 15, True), ((1 << 15) + 1, False)])
    def test_how_short(self, path: Path, length: int, kept: bool) -> None:
        path.write_bytes(bytes(length))
        content = FileContent(path)
        assert content.fingerprint(NEVER).byte_size == length
        assert content.quick is kept

    def test_few_are_kept_however_many_wait(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        nobody: WeakSet[FileContent] = WeakSet()
        monkeypatch.setattr("audio_enhance._recording.content._keeping", nobody)

        def hashed() -> FileContent:
            content = FileContent(path)
            content.fingerprint(NEVER)
            return content

        waiting = [hashed() for _ in range(100)]
        assert sum(content.quick for content in waiting) == 64
        path.write_bytes(b"ID3 two")
        with waiting[0].open(waiting[0].fingerprint(NEVER)) as file:
            assert file.read() == b"ID3 two"
        waiting[0].release()
        waiting[99].fingerprint(NEVER)
        assert waiting[99].quick
        waiting.clear()
        gc.collect()
        assert hashed().quick

    def test_one_that_grows_while_it_is_hashed(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Growing(FileReader):
            def read(self, size: int | None = -1, /) -> bytes:
                with path.open("ab") as file:
                    file.write(b"x")
                return super().read(size) or b""

        monkeypatch.setattr("audio_enhance._recording.content.FileReader", Growing)
        content = FileContent(path)
        with pytest.raises(SourceChangedError):
            content.fingerprint(NEVER)
        assert not content.quick


def test_bytes_do_not_show_in_a_repr() -> None:
    assert "secret" not in repr(BytesContent(b"secret"))


def test_a_fingerprint_knows_no_version_of_bytes() -> None:
    assert BytesContent(b"x").fingerprint(NEVER) == Fingerprint(1, hashlib.md5(b"x").digest())
