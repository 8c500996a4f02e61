import asyncio
import errno
import os
import resource
import stat
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from audio_enhance import OutputError, OutputExistsError
from audio_enhance._recording.claims import remove_part, reworked_path
from audio_enhance._transfer.part_file import _IOV_MAX, PartialFile
from tests.support.resources import open_files, partial_files


@pytest.fixture
async def partial(tmp_path: Path) -> AsyncIterator[PartialFile]:
    file = PartialFile(tmp_path / "out")
    file.directory.mkdir()
    yield file
    await file.discard()


async def written(file: PartialFile, *chunks: bytes) -> None:
    for chunk in chunks:
        file.add(chunk)
    await file.write()


async def test_nothing_is_seen_under_its_name_until_it_is_whole(partial: PartialFile) -> None:
    target = partial.directory / "a.mp3"
    await written(partial, b"one ", b"two")
    assert not target.exists()
    assert partial_files(partial.directory) == [partial.path]
    await partial.commit(target, overwrite=False)
    assert target.read_bytes() == b"one two"
    assert list(partial.directory.iterdir()) == [target]


async def test_something_made_of_it_takes_its_place(partial: PartialFile) -> None:
    def doubled(whole: Path, made: Path, cancelled: threading.Event) -> None:
        assert not cancelled.is_set()
        made.write_bytes(whole.read_bytes() * 2)

    target = partial.directory / "a.mp3"
    partial.add(b"one ")
    await partial.rework(doubled)
    assert partial_files(partial.directory) == [partial.path]
    assert partial.size == 8
    await partial.commit(target, overwrite=False)
    assert target.read_bytes() == b"one one "


async def test_what_cannot_be_made_of_it_leaves_nothing(partial: PartialFile) -> None:
    def full(whole: Path, made: Path, cancelled: threading.Event) -> None:
        made.write_bytes(whole.read_bytes())
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    partial.add(b"one")
    with pytest.raises(OutputError, match="No space left"):
        await partial.rework(full)
    await partial.discard()
    assert partial_files(partial.directory) == []


def test_what_a_run_that_died_made_of_it_is_removed_with_it(tmp_path: Path) -> None:
    part = PartialFile(tmp_path).path
    for path in (part, reworked_path(part)):
        path.write_bytes(b"half")
    assert remove_part(part)
    assert partial_files(tmp_path) == []


async def test_folders_are_made(tmp_path: Path) -> None:
    file = PartialFile(tmp_path / "a" / "b")
    await written(file, b"x")
    await file.commit(tmp_path / "a" / "c" / "d" / "x.mp3", overwrite=False)
    assert (tmp_path / "a" / "c" / "d" / "x.mp3").read_bytes() == b"x"


async def test_the_name_says_what_it_is_and_hides(partial: PartialFile) -> None:
    assert partial.path.name.startswith(".audio-enhance-")
    assert partial.path.name.endswith(".part")
    assert partial.path.parent == partial.directory


async def test_two_for_one_folder_do_not_meet(tmp_path: Path) -> None:
    files = [PartialFile(tmp_path) for _ in range(50)]
    await asyncio.gather(*(file.write() for file in files))
    assert len(partial_files(tmp_path)) == 50
    await asyncio.gather(*(file.discard() for file in files))
    assert partial_files(tmp_path) == []


@pytest.mark.parametrize("count", [0, 1, _IOV_MAX, _IOV_MAX + 1, 3 * _IOV_MAX + 7])
async def test_any_number_of_pieces(partial: PartialFile, count: int) -> None:
    pieces = [bytes([number % 251]) * (number % 5) for number in range(count)]
    await written(partial, *pieces)
    assert partial.size == sum(map(len, pieces))
    assert partial.path.read_bytes() == b"".join(pieces)


async def test_pieces_that_the_system_takes_in_parts(
    partial: PartialFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stingy(fd: int, views: list[memoryview]) -> int:
        return os.write(fd, b"".join(views)[:3])

    monkeypatch.setattr("audio_enhance._transfer.part_file._writev", stingy)
    await written(partial, b"one", b"", b"two and", b" three")
    assert partial.path.read_bytes() == b"onetwo and three"
    assert partial.size == 16


@pytest.mark.parametrize("on_disk", [True, False])
async def test_starting_again(partial: PartialFile, on_disk: bool) -> None:
    partial.add(b"something long")
    if on_disk:
        await partial.write()
    partial.add(b", and more")
    assert partial.size == len("something long, and more")
    await partial.restart()
    assert partial.size == 0
    await written(partial, b"short")
    assert (partial.size, partial.path.read_bytes()) == (5, b"short")


async def test_a_small_result_is_on_disk_in_one_step(partial: PartialFile) -> None:
    partial.add(b"all ")
    partial.add(b"of it")
    assert not partial.path.exists()
    assert partial.size == partial.unwritten == 9
    target = partial.directory / "a.mp3"
    await partial.commit(target, overwrite=False)
    assert target.read_bytes() == b"all of it"
    assert (partial.size, partial.unwritten) == (9, 0)


async def test_what_is_added_after_a_write_is_committed_too(partial: PartialFile) -> None:
    await written(partial, b"one ")
    partial.add(b"two")
    await partial.commit(partial.directory / "a.mp3", overwrite=False)
    assert (partial.directory / "a.mp3").read_bytes() == b"one two"


class TestAFileThatIsThere:
    async def test_stays(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        target.write_bytes(b"precious")
        await written(partial, b"new")
        with pytest.raises(OutputExistsError) as caught:
            await partial.commit(target, overwrite=False)
        assert str(target) in str(caught.value)
        await partial.discard()
        assert target.read_bytes() == b"precious"
        assert list(partial.directory.iterdir()) == [target]

    async def test_goes_when_told_so(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        target.write_bytes(b"old")
        await written(partial, b"new")
        await partial.commit(target, overwrite=True)
        assert target.read_bytes() == b"new"
        assert list(partial.directory.iterdir()) == [target]

    async def test_stays_even_if_it_came_at_the_last_moment(self, tmp_path: Path) -> None:
        files = [PartialFile(tmp_path) for _ in range(8)]
        for number, file in enumerate(files):
            await written(file, bytes([number]) * 10)
        target = tmp_path / "a.mp3"
        done = await asyncio.gather(
            *(file.commit(target, overwrite=False) for file in files), return_exceptions=True
        )
        await asyncio.gather(*(file.discard() for file in files))
        assert done.count(None) == 1
        assert sum(isinstance(error, OutputExistsError) for error in done) == 7
        assert target.read_bytes() == bytes([done.index(None)]) * 10
        assert list(tmp_path.iterdir()) == [target]

    async def test_a_link_to_nowhere_is_there_too(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        target.symlink_to(partial.directory / "nowhere")
        with pytest.raises(OutputExistsError):
            await partial.commit(target, overwrite=False)
        assert target.is_symlink()

    @pytest.mark.parametrize("overwrite", [True, False])
    async def test_a_folder_is_never_replaced(self, partial: PartialFile, overwrite: bool) -> None:
        target = partial.directory / "a.mp3"
        target.mkdir()
        with pytest.raises(OutputError):
            await partial.commit(target, overwrite=overwrite)
        assert target.is_dir()


class TestWithoutHardLinks:
    """FAT, and some network file systems."""

    @pytest.fixture(autouse=True)
    def no_links(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(source: Path, target: Path) -> None:
            raise OSError(errno.EPERM, "Operation not permitted", str(source), None, str(target))

        monkeypatch.setattr(os, "link", refuse)

    async def test_it_gets_its_name_all_the_same(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        await written(partial, b"new")
        await partial.commit(target, overwrite=False)
        assert target.read_bytes() == b"new"
        assert list(partial.directory.iterdir()) == [target]

    async def test_a_file_that_is_there_stays(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        target.write_bytes(b"precious")
        with pytest.raises(OutputExistsError):
            await partial.commit(target, overwrite=False)
        assert target.read_bytes() == b"precious"

    async def test_a_failure_leaves_no_empty_file(
        self, partial: PartialFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(self: Path, target: Path) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(OutputError, match="Input/output error"):
            await partial.commit(partial.directory / "a.mp3", overwrite=False)
        await partial.discard()
        assert list(partial.directory.iterdir()) == []


@contextmanager
def longest_file(size: int) -> Generator[None]:
    """Let no file of this process grow beyond a size: write(2) fails then, for real."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestDisks:
    async def test_a_write_that_fails_half_way(self, partial: PartialFile) -> None:
        with longest_file(1 << 20), pytest.raises(OutputError, match="too large") as caught:
            await written(partial, *[bytes(1 << 19)] * 4)
        assert caught.value.hint
        assert partial.path.stat().st_size == 1 << 20
        await partial.discard()
        assert list(partial.directory.iterdir()) == []

    @pytest.mark.parametrize(
        ("number", "hint"), [(errno.ENOSPC, "Make room on the disk"), (errno.EDQUOT, "quota")]
    )
    async def test_a_full_disk_says_what_to_do(
        self, partial: PartialFile, monkeypatch: pytest.MonkeyPatch, number: int, hint: str
    ) -> None:
        def full(fd: int, views: list[memoryview]) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr("audio_enhance._transfer.part_file._writev", full)
        with pytest.raises(OutputError, match=hint) as caught:
            await written(partial, b"x")
        assert os.strerror(number) in str(caught.value)

    async def test_what_is_only_found_out_when_it_is_flushed(
        self, partial: PartialFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(fd: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(OutputError, match="Input/output error"):
            await partial.commit(partial.directory / "a.mp3", overwrite=False)
        assert not (partial.directory / "a.mp3").exists()

    async def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for directory in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(OutputError):
                await PartialFile(directory).write()

    async def test_a_name_that_is_too_long(self, partial: PartialFile) -> None:
        with pytest.raises(OutputError):
            await partial.commit(partial.directory / ("x" * 300), overwrite=False)

    async def test_rights_are_those_of_any_new_file(self, partial: PartialFile) -> None:
        target = partial.directory / "a.mp3"
        await partial.commit(target, overwrite=False)
        other = partial.directory / "other"
        other.touch()
        assert stat.S_IMODE(target.stat().st_mode) == stat.S_IMODE(other.stat().st_mode)


async def test_discarding_leaves_nothing_and_never_complains(tmp_path: Path) -> None:
    before = open_files()
    never_opened = PartialFile(tmp_path)
    await never_opened.discard()
    file = PartialFile(tmp_path)
    await written(file, b"x")
    await file.discard()
    await file.discard()
    assert list(tmp_path.iterdir()) == []
    assert open_files() == before


async def test_discarding_what_has_its_name_keeps_it(partial: PartialFile) -> None:
    target = partial.directory / "a.mp3"
    await partial.commit(target, overwrite=False)
    await partial.discard()
    assert target.exists()


@pytest.mark.parametrize("turns", range(14))
async def test_cancelled_anywhere_it_leaves_all_or_nothing(tmp_path: Path, turns: int) -> None:
    before = open_files()
    target = tmp_path / "a.mp3"

    async def write_it() -> None:
        file = PartialFile(tmp_path)
        try:
            await written(file, b"whole")
            await file.commit(target, overwrite=False)
        finally:
            await file.discard()

    task = asyncio.create_task(write_it())
    for _ in range(turns):
        await asyncio.sleep(0.0005)
    task.cancel()
    await asyncio.wait([task])
    assert open_files() == before
    assert partial_files(tmp_path) == []
    assert not target.exists() or target.read_bytes() == b"whole"
