"""Where a source's bytes are: in a file, in memory, or spooled to a temporary file."""

import contextlib
import hashlib
import io
import os
import secrets
import stat
import tempfile
import threading
import weakref
from collections.abc import AsyncIterable
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import attrs

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import InvalidSourceError, OutputError, SourceChangedError

from .filenames import spooled_name
from .fingerprint import Fingerprint, digest
from .reader import FileReader, MemoryReader, Reader, SharedReader

_SPOOL_BYTES = 1 << 20
_QUICK_BYTES = 1 << 16


class Content(Protocol):
    """Bytes that can be read more than once, from the start each time. All of it may block."""

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread."""
        ...

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Read everything and return what identifies it."""
        ...

    def open(self, expected: Fingerprint) -> Reader:
        """Open it for sending; raises `SourceChangedError` when it is not what was expected."""
        ...

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Raise `SourceChangedError` if it changed since it was opened."""
        ...

    def close(self) -> None:
        """Release what is held; content on the user's disk stays."""
        ...


def _version(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@attrs.frozen
class FileContent:
    """A file of the user's, never held open between uses."""

    path: Path

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: a disk may not."""
        return False

    def _open(self) -> int:
        try:
            # Without O_NONBLOCK, opening a named pipe waits for a writer for ever.
            return os.open(
                self.path,
                os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0),
            )
        except FileNotFoundError:
            raise InvalidSourceError(
                "There is no such file.", hint="Check the path.", source=str(self.path)
            ) from None
        except OSError as error:
            raise self._unreadable(error) from error
        except ValueError as error:  # a null character, which no path can hold
            raise InvalidSourceError(f"This is no path: {error}.", source=repr(self.path)) from None

    def check_kind(self) -> None:
        """Raise `InvalidSourceError` for a folder, which opens on some systems, or nothing."""
        # Of os.path and not of Path, which raises where a folder above may not be read.
        if os.path.isdir(self.path):  # noqa: PTH112
            raise InvalidSourceError(
                "This is a folder, not a recording.",
                hint="Name the files in it, or give the folder to the command line.",
                source=str(self.path),
            )
        if not os.path.exists(self.path):  # noqa: PTH110
            os.close(self._open())

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Hash the file; raises `InvalidSourceError` for what is no file with something in it."""
        self.check_kind()
        with io.FileIO(self._open(), "rb") as file:
            before = os.fstat(file.fileno())
            if not stat.S_ISREG(before.st_mode):
                raise InvalidSourceError(
                    "This is not a regular file.",
                    hint="Copy its content into a file, or use Source.spool.",
                    source=str(self.path),
                )
            try:
                length, md5 = digest(file, cancelled)
            except OSError as error:
                raise self._unreadable(error) from error
            after = os.fstat(file.fileno())
        if not length:
            raise InvalidSourceError(
                "The file is empty.", hint="Record it again.", source=str(self.path)
            )
        if _version(before) != _version(after) or length != after.st_size:
            raise self._changed()
        return Fingerprint(length, md5, _version(after))

    def open(self, expected: Fingerprint) -> FileReader:
        """Open the file if it still is the one that was hashed."""
        file = FileReader(self._open(), "rb")
        try:
            self.verify(file, expected)
        except BaseException:
            file.close()
            raise
        return file

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Compare the open file's identity, length and time of change with the hashed one's."""
        if _version(os.fstat(file.fileno())) != expected.version:
            raise self._changed()

    def _unreadable(self, error: OSError) -> InvalidSourceError:
        return InvalidSourceError(
            f"The file cannot be read: {error.strerror}.",
            hint="Check what it is and who may read it.",
            source=str(self.path),
        )

    def _changed(self) -> SourceChangedError:
        return SourceChangedError("The file changed while it was read.", source=str(self.path))

    def close(self) -> None:
        """Do nothing: the file is the user's."""


@attrs.frozen
class BytesContent:
    """Bytes in memory."""

    data: bytes = attrs.field(repr=lambda data: f"<{len(data)} bytes>")

    @property
    def quick(self) -> bool:
        """Whether there are few enough of them to be hashed in a tenth of a millisecond."""
        return len(self.data) <= _QUICK_BYTES

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Hash the bytes."""
        del cancelled
        return Fingerprint(len(self.data), hashlib.md5(self.data, usedforsecurity=False).digest())

    def open(self, expected: Fingerprint) -> MemoryReader:
        """Return a reader over the same bytes."""
        del expected
        return MemoryReader(self.data)

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: bytes do not change."""

    def close(self) -> None:
        """Do nothing: they belong to the caller."""


class SpooledContent:
    """A temporary file without a name: it is gone with its descriptor, however that ends."""

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: a disk may not."""
        return False

    def __init__(self, file: io.FileIO, fingerprint: Fingerprint) -> None:
        self._file = file
        self._fingerprint = fingerprint
        self._lock = threading.Lock()
        # Whoever forgets to close it loses nothing, and is not warned of a file of ours.
        weakref.finalize(self, file.close)

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Return what was computed while the data arrived."""
        del cancelled
        return self._fingerprint

    def read_at(self, offset: int, buffer: Any) -> int:
        """Fill the buffer from an offset and return the number of bytes."""
        # os.preadv does not exist everywhere; one reader at a time costs nothing next to S3.
        with self._lock:
            if self._file.closed:
                raise _released()
            self._file.seek(offset)
            return self._file.readinto(buffer) or 0

    def open(self, expected: Fingerprint) -> SharedReader:
        """Return a reader with a position of its own."""
        del expected
        if self._file.closed:
            raise _released()
        return SharedReader(self._file, self.read_at)

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: nobody else can reach a file without a name."""

    def close(self) -> None:
        """Close the temporary file, which removes it."""
        with self._lock:  # never under a thread that reads it
            self._file.close()


class KeptContent(SpooledContent):
    """Arrived data in a file with a name, for a job that has to outlive this process.

    It is removed with the source, unless a journal has written down where it is: then it is the
    journal's, until the job is over.

    Attributes:
        path: Where it is.
    """

    def __init__(self, file: io.FileIO, fingerprint: Fingerprint, path: Path) -> None:
        super().__init__(file, fingerprint)
        self.path = path
        self._removal = weakref.finalize(self, remove_quietly, path)

    def keep(self) -> None:
        """Leave the file where it is: a journal knows of it."""
        self._removal.detach()

    def close(self) -> None:
        """Close the file, and remove it if no journal knows of it."""
        super().close()
        self._removal()


def remove_quietly(path: Path) -> None:
    """Remove a file of ours, if it can be."""
    with contextlib.suppress(OSError):
        path.unlink()


def _released() -> InvalidSourceError:
    return InvalidSourceError("The spooled data was released already.")


@attrs.frozen
class UploadedContent:
    """Bytes that only the server has any more: what a job needs that an earlier run began."""

    known: Fingerprint

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: nothing is read."""
        return True

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Return what was known of them when they were uploaded."""
        del cancelled
        return self.known

    def open(self, expected: Fingerprint) -> Reader:
        """Raise `InvalidSourceError`: they are not here."""
        del expected
        raise InvalidSourceError(
            "The data of an earlier run is gone, and the server does not have it either.",
            hint="Send it once more.",
        )

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: nothing was opened."""

    def close(self) -> None:
        """Do nothing: nothing is held."""


async def spool(
    chunks: AsyncIterable[bytes], *, max_bytes: int | None, keep_in: Path | None = None
) -> SpooledContent:
    """Write arriving data to a temporary file, hashing it in the same pass.

    Args:
        chunks: The data.
        max_bytes: The most to accept.
        keep_in: A folder for a file with a name, for which it need not end with this process.

    Raises:
        InvalidSourceError: There was no data, or more than `max_bytes`.
        OutputError: The temporary file could not be written.
    """
    path = None if keep_in is None else keep_in / spooled_name(secrets.token_hex(8))

    def undone(file: io.FileIO) -> None:
        file.close()
        if path is not None:
            remove_quietly(path)

    try:
        file = await to_its_end(partial(_new_file, path), undo=undone)
    except OSError as error:
        raise _unwritable(keep_in, error) from error
    md5 = hashlib.md5(usedforsecurity=False)
    length = 0
    pending = bytearray()

    def write(data: bytearray, *, last: bool = False) -> None:
        md5.update(data)
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        if last and path is not None:
            os.fsync(file.fileno())  # what is accepted outlives a power cut

    async def flush(*, last: bool = False) -> None:
        nonlocal pending
        full, pending = pending, bytearray()
        try:
            await to_its_end(partial(write, full, last=last))
        except OSError as error:
            raise _unwritable(keep_in, error) from error

    try:
        async for chunk in chunks:
            length += len(chunk)
            if max_bytes is not None and length > max_bytes:
                raise InvalidSourceError(
                    f"The data is longer than the {max_bytes} bytes that are allowed."
                )
            pending += chunk
            if len(pending) >= _SPOOL_BYTES:
                await flush()
        await flush(last=True)
        if not length:
            raise InvalidSourceError("No data arrived.")
    except BaseException:
        undone(file)
        raise
    fingerprint = Fingerprint(length, md5.digest())
    if path is None:
        return SpooledContent(file, fingerprint)
    return KeptContent(file, fingerprint, path)


def reopened(path: Path, known: Fingerprint) -> KeptContent:
    """Open the data that an earlier run kept; blocks.

    Raises:
        InvalidSourceError: It is not there, or it is not what was kept.
    """
    try:
        file = io.FileIO(path, "rb")
    except OSError:
        raise InvalidSourceError("The data that an earlier run kept is gone.") from None
    length, md5 = digest(file, threading.Event())
    if (length, md5) != (known.byte_size, known.md5):
        file.close()
        raise InvalidSourceError("The data that an earlier run kept has changed.")
    content = KeptContent(file, known, path)
    content.keep()
    return content


def _new_file(path: Path | None) -> io.FileIO:
    if path is None:
        return tempfile.TemporaryFile(buffering=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    return io.FileIO(os.open(path, flags, 0o600), "rb+")


def _unwritable(folder: Path | None, error: OSError) -> OutputError:
    hint = f"Make room in {folder}, or choose another folder."
    if folder is None:
        hint = f"Make room in {tempfile.gettempdir()}, or point TMPDIR elsewhere."
    return OutputError(
        f"A temporary file for arriving data cannot be written: {error.strerror}.", hint=hint
    )
