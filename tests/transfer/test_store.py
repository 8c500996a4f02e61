"""Where results go: what may be given, and how a whole one gets its place in a bucket."""

import tempfile
from pathlib import Path
from typing import Any

import pytest

from audio_enhance import InvalidInputError, MissingExtraError, OutputError, OutputExistsError
from audio_enhance._core.paths import RemotePath
from audio_enhance._recording import remote
from audio_enhance._recording.remote import RemoteFile
from audio_enhance._transfer.part_file import PartialFile, try_writing
from audio_enhance._transfer.protected import ProtectedFiles
from audio_enhance._transfer.store import look_at, output_place, put, staging, taken
from tests.support import buckets
from tests.support.buckets import Bucket

memory, s3, bucket = buckets.memory, buckets.s3, buckets.bucket


class TestWhatIsGiven:
    def test_a_folder_or_a_place_in_a_bucket(self, tmp_path: Path) -> None:
        assert output_place(tmp_path) == tmp_path
        place = output_place("s3://bucket/clean/")
        assert isinstance(place, RemotePath)
        assert str(place / "a.wav") == "s3://bucket/clean/a.wav"

    @pytest.mark.parametrize(
        "given", ["https://host/clean", "s3://key:secret@bucket/", Path("s3://bucket/clean")]
    )
    def test_where_nothing_can_be_saved(self, given: str | Path) -> None:
        with pytest.raises(InvalidInputError) as caught:
            output_place(given)
        assert "secret" not in str(caught.value)

    def test_a_bucket_without_the_extra(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def nothing(_: str) -> None:
            pass

        monkeypatch.setattr(remote, "find_spec", nothing)
        with pytest.raises(MissingExtraError):
            output_place("s3://bucket/clean")


def test_results_are_collected_here(tmp_path: Path) -> None:
    assert staging(tmp_path) == tmp_path
    assert staging(RemotePath("s3://bucket/clean")) == Path(tempfile.gettempdir())


@pytest.fixture
def part(tmp_path: Path) -> Path:
    (part := tmp_path / "part").write_bytes(b"ID3 enhanced")
    return part


class TestInABucket:
    """On a real S3, which can create an object without replacing one."""

    def test_a_result_is_put_and_seen(self, bucket: Bucket, part: Path) -> None:
        target = RemotePath(bucket.url("clean/a.mp3"))
        assert not taken(target)
        put(part, target, overwrite=False)
        assert taken(target)
        seen = look_at(target)
        assert seen is not None
        assert seen.size == 12
        assert bucket.get("clean/a.mp3") == b"ID3 enhanced"

    def test_nothing_is_replaced_unasked(self, bucket: Bucket, part: Path) -> None:
        target = RemotePath(bucket.put("clean/a.mp3", b"somebody's"))
        with pytest.raises(FileExistsError):
            put(part, target, overwrite=False)
        assert bucket.get("clean/a.mp3") == b"somebody's"
        put(part, target, overwrite=True)
        assert bucket.get("clean/a.mp3") == b"ID3 enhanced"

    def test_what_got_there_although_the_answer_was_lost(self, bucket: Bucket, part: Path) -> None:
        put(part, RemotePath(bucket.put("clean/a.mp3", b"ID3 enhanced")), overwrite=False)

    async def test_errors_name_the_place(self, bucket: Bucket, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match="no-such-bucket/clean: There is no such bucket"):
            try_writing(RemotePath("s3://no-such-bucket/clean"))
        file = PartialFile(tmp_path)
        file.add(b"ID3 enhanced")
        with pytest.raises(OutputExistsError, match=r"s3://.*/clean/a\.mp3 already exists"):
            await file.commit(RemotePath(bucket.put("clean/a.mp3", b"x")), overwrite=False)
        await file.discard()
        assert list(tmp_path.iterdir()) == []

    async def test_the_part_is_gone_when_the_result_is_there(
        self, bucket: Bucket, tmp_path: Path
    ) -> None:
        file = PartialFile(tmp_path)
        file.add(b"ID3 ")
        await file.write()
        file.add(b"enhanced")
        await file.commit(RemotePath(bucket.url("clean/a.mp3")), overwrite=False)
        await file.discard()
        assert bucket.get("clean/a.mp3") == b"ID3 enhanced"
        assert list(tmp_path.iterdir()) == []


class TestWithoutCreation:
    """In kinds of buckets that have other names for it, or none."""

    def test_it_is_looked_at_before(self, memory: Any, part: Path) -> None:
        target = RemotePath("memory://bucket/a.mp3")
        put(part, target, overwrite=False)
        assert memory.cat("/bucket/a.mp3") == b"ID3 enhanced"
        memory.pipe("/bucket/a.mp3", b"somebody's")
        with pytest.raises(FileExistsError):
            put(part, target, overwrite=False)
        assert memory.cat("/bucket/a.mp3") == b"somebody's"

    @pytest.mark.parametrize("known", ["overwrite", "nothing"])
    def test_how_it_is_told(
        self, known: str, memory: Any, part: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        told: list[dict[str, Any]] = []

        def put_file(system: Any, lpath: str, rpath: str, overwrite: bool = False) -> None:
            told.append({"overwrite": overwrite})

        def bare(system: Any, lpath: str, rpath: str) -> None:
            told.append({})

        monkeypatch.setattr(type(memory), "put_file", put_file if known == "overwrite" else bare)
        target = RemotePath("memory://bucket/a.mp3")
        put(part, target, overwrite=False)
        put(part, target, overwrite=True)
        if known == "overwrite":
            assert told == [{"overwrite": False}, {"overwrite": True}]
        else:
            assert told == [{}, {}]
        memory.pipe("/bucket/a.mp3", b"somebody's")
        if known == "nothing":
            with pytest.raises(FileExistsError):
                put(part, target, overwrite=False)


def test_what_a_bucket_holds_is_compared_by_content(memory: Any) -> None:
    file = RemoteFile.at("memory://bucket/a.mp3")
    md5 = "900150983cd24fb0d6963f7d28e17f72"  # of "abc" (RFC 1321, A.5)
    assert not file.holds(3, md5)
    memory.pipe("/bucket/a.mp3", b"abd")
    assert not file.holds(3, md5)
    memory.pipe("/bucket/a.mp3", b"abc")
    assert file.holds(3, md5)
    assert not file.holds(4, md5)


def test_a_recording_in_the_bucket_is_not_replaced() -> None:
    protected = ProtectedFiles()
    protected.add_recordings(["s3a://bucket/raw/a.wav", "/somewhere/b.wav"])
    protected.check(RemotePath("s3://bucket/raw/b.wav"))
    with pytest.raises(OutputError, match="would replace a recording"):
        protected.check(RemotePath("s3://bucket/raw/a.wav"))
