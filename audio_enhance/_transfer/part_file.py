"""A result on its way: collected beside its place in a temporary file, renamed when whole."""

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Generator
from pathlib import Path, PurePath

from audio_enhance._core.cancellation import stopped_in_thread, to_its_end
from audio_enhance._core.errors import ConnectionFailedError, OutputError, OutputExistsError
from audio_enhance._core.journal_file import is_of_journal
from audio_enhance._recording.claims import claim_path, is_taken, reworked_path, take_over
from audio_enhance._recording.filenames import PART_PREFIX, part_name

from .store import look_at, output_place, put, staging

_IOV_MAX = 1024  # of Linux and macOS; how many pieces one call takes
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_BLOCK_BYTES = 4096  # what a file system gives out at least


def _writev(fd: int, views: list[memoryview]) -> int:
    # Several pieces in one call, without joining them first; Windows has no such call.
    return os.writev(fd, views) if hasattr(os, "writev") else os.write(fd, views[0])


@contextlib.contextmanager
def writing_to(folder: PurePath) -> Generator[None]:
    """Raise what goes wrong with the disk, or the bucket, as errors that say what to do."""
    try:
        yield
    except FileExistsError as error:
        raise OutputExistsError(f"{error.filename2 or error.filename} already exists.") from None
    except OSError as error:
        if isinstance(error, ConnectionError) and not isinstance(folder, Path):
            raise ConnectionFailedError(
                f"{folder} cannot be reached: {error.strerror}.", connected=False
            ) from error
        hint = {
            errno.ENOSPC: "Make room on the disk, then try again.",
            errno.EDQUOT: "Make room in your quota, then try again.",
        }.get(error.errno or 0, "Check the output folder and who may write to it.")
        raise OutputError(
            f"The result cannot be written to {folder}: {error.strerror}.", hint=hint
        ) from error


def try_writing(folder: PurePath, room: int = 0) -> None:
    """Make the folder, and write a little there that has no name; blocks.

    Tried, since permissions tell nothing of a file system that is full or read-only. Of a bucket
    it is seen whether it is there: nothing is left in it that nobody asked for.

    Args:
        folder: The folder.
        room: How many bytes have to be free.

    Raises:
        OutputError: No result of that size can be written there.
    """
    if not isinstance(folder, Path):
        with writing_to(folder):
            look_at(folder)
        folder = staging(folder)
    with writing_to(folder):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
        with tempfile.TemporaryFile(dir=folder, prefix=PART_PREFIX, buffering=0) as file:
            file.write(bytes(_BLOCK_BYTES))
        disk = shutil.disk_usage(folder)
        # Some file systems in user space say that everything is nothing: they do not know.
        if disk.total and disk.free < room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def check_output_place(given: str | os.PathLike[str]) -> PurePath:
    """Return a folder, or a place in a bucket, after checking that results can go there; blocks.

    Args:
        given: A path, or the URL of a place in a bucket, as `output_dir` takes it.

    Raises:
        OutputError: None can be saved there. Of a bucket, only its existence is checked.
        ConnectionFailedError: The bucket cannot be reached.
        InvalidInputError: Nothing can be saved there.
        MissingExtraError: It is a URL, and the extra `remote` is not installed.
    """
    place = output_place(given)
    try_writing(place)
    return place


class PartialFile:
    """A temporary file in the folder of the result, or here if that is elsewhere.

    Nothing is seen under the result's name until `commit`, and a file that was there before
    stays unless it is to be overwritten. The file is created with the first bytes that are
    written, so that a small result costs one hop to a thread and not one for every step.

    Attributes:
        path: The temporary file.
        unwritten: How many bytes were added since the last were written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.path = directory / part_name(secrets.token_hex(8))
        self.unwritten = 0
        self._written = 0
        self._chunks: list[bytes] = []
        self._fd: int | None = None
        self._is_there = False

    @property
    def size(self) -> int:
        """The bytes that were added so far."""
        return self._written + self.unwritten

    def add(self, chunk: bytes) -> None:
        """Add bytes at the end; they stay in memory until the next `write` or `commit`."""
        self._chunks.append(chunk)
        self.unwritten += len(chunk)

    async def write(self) -> None:
        """Write what was added to the disk; raises `OutputError`, a full disk for example."""
        await self._in_thread(self._write)

    async def restart(self) -> None:
        """Throw away what was added so far."""
        self._chunks, self.unwritten = [], 0
        if self._is_there:
            await self._in_thread(self._truncate)

    async def rework(self, work: Callable[[Path, Path, threading.Event], None]) -> None:
        """Put something that is made of the whole file in its stead.

        Args:
            work: Makes the second file of the first one, and looks at the event, which is set
                when nobody waits any more. Both are gone whatever happens, and what a run that
                dies leaves of them is removed with the file.

        Raises:
            OutputError: It cannot be written.
        """
        made = reworked_path(self.path)

        def guarded(cancelled: threading.Event) -> None:
            with writing_to(self.directory):
                self._write()
                self._close()
                try:
                    work(self.path, made, cancelled)
                    made.replace(self.path)
                finally:
                    made.unlink(missing_ok=True)
                self._fd = os.open(self.path, os.O_WRONLY | getattr(os, "O_BINARY", 0))
                self._written = os.lseek(self._fd, 0, os.SEEK_END)

        await stopped_in_thread(guarded)

    async def commit(self, target: PurePath, *, overwrite: bool) -> None:
        """Write the rest, and give the whole file its place, in one step.

        Raises:
            OutputExistsError: There is a file of that name, and it is not to be overwritten.
            OutputError: The file cannot be completed.
        """
        if isinstance(target, Path):
            await self._in_thread(lambda: self._commit(target, overwrite))
        else:
            await self._in_thread(lambda: self._put(target, overwrite), target.parent)

    async def discard(self) -> None:
        """Remove it, if it still has no name of its own; never raises."""
        if self._is_there:
            await to_its_end(self._discard)

    async def _in_thread(self, work: Callable[[], None], folder: PurePath | None = None) -> None:
        def guarded() -> None:
            with writing_to(folder or self.directory):
                work()

        await to_its_end(guarded)

    def _opened(self) -> int:
        if self._fd is None:
            self._is_there = True
            try:
                self._fd = os.open(self.path, _NEW, 0o666)
            except FileNotFoundError:
                self.directory.mkdir(parents=True, exist_ok=True)
                self._fd = os.open(self.path, _NEW, 0o666)
        return self._fd

    def _write(self) -> None:
        fd = self._opened()
        chunks, self._chunks = self._chunks, []
        for start in range(0, len(chunks), _IOV_MAX):
            views = [memoryview(chunk) for chunk in chunks[start : start + _IOV_MAX]]
            while views:
                count = _writev(fd, views)
                self._written += count
                self.unwritten -= count
                while views and count >= len(views[0]):
                    count -= len(views.pop(0))
                if views:
                    views[0] = views[0][count:]

    def _truncate(self) -> None:
        assert self._fd is not None
        os.ftruncate(self._fd, 0)
        os.lseek(self._fd, 0, os.SEEK_SET)
        self._written = 0

    def _commit(self, target: Path, overwrite: bool) -> None:
        self._write()
        if target.parent != self.directory:
            target.parent.mkdir(parents=True, exist_ok=True)
        os.fsync(self._opened())  # a rename that survives a power cut must not leave an empty file
        self._close()
        if is_of_journal(target):  # whatever the options, and whoever chose the name
            raise OutputError(
                f"The result would replace a journal, or a part of it: {target}.",
                hint="Choose another output folder.",
            )
        if overwrite:
            self.path.replace(target)
            self._is_there = False
            return
        try:
            os.link(self.path, target)  # the one rename that never replaces (link(2): EEXIST)
        except FileExistsError:
            if is_taken(target):
                raise
            self._claim(target)
        except OSError:  # a file system without hard links
            self._claim(target)
        else:
            self.path.unlink()
        self._is_there = False

    def _put(self, target: PurePath, overwrite: bool) -> None:
        with writing_to(self.directory):
            self._write()
            self._opened()
            self._close()
        put(self.path, target, overwrite=overwrite)
        self.path.unlink()
        self._is_there = False

    def _claim(self, target: Path) -> None:
        """Claim the name with an empty file, then replace that; see `claims`."""
        claiming = claim_path(self.path, target)
        self.path.replace(claiming)
        self.path = claiming
        try:
            os.close(os.open(target, _NEW))
        except FileExistsError:
            if not take_over(target, self.path):
                raise
        try:
            self.path.replace(target)
        except OSError:
            if self.path.exists():  # nobody has taken the claim over
                target.unlink(missing_ok=True)
            raise

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)

    def _discard(self) -> None:
        with contextlib.suppress(OSError):
            self._close()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
