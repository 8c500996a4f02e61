"""Where a source's bytes are: in a file, in memory, or at the server alone."""

import hashlib
import os
import stat
import threading
from pathlib import Path
from typing import Protocol
from weakref import WeakSet

import attrs

from audio_enhance._core.errors import InvalidSourceError, SourceChangedError

from .fingerprint import Fingerprint, digest
from .reader import FileReader, MemoryReader, Reader
from .seen import Seen, seen_on_disk

_QUICK_BYTES = 1 << 16
# A file of up to so many bytes stays in memory from when it was hashed until no job needs it: to
# read it once more costs a hop to a thread, which is a tenth of all that a job costs.
_SHORT_BYTES = 1 << 15
_MOST_KEPT = 64  # 2 MiB at most, however many jobs wait
# Without O_NONBLOCK, opening a named pipe waits for a writer for ever.
_READ_ONLY = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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

    def look(self) -> Seen | None:
        """Return what is where it lies now; `None` if nothing is, or it lies nowhere."""
        ...

    def release(self) -> None:
        """Let go of what can be made again, when no job needs it; never waits."""
        ...

    def close(self) -> None:
        """Release what is held; content on the user's disk stays."""
        ...


def _version(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@attrs.define(eq=False, repr=False)
class FileContent:
    """A file of the user's, never held open between uses; a short one is read only once."""

    path: Path
    _kept: tuple[Fingerprint, bytes] | None = attrs.field(default=None, init=False)

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: a disk may not."""
        return self._kept is not None

    def _open(self) -> int:
        try:
            return os.open(self.path, _READ_ONLY)
        except FileNotFoundError:
            raise InvalidSourceError(
                "There is no such file.", hint="Check the path.", source=str(self.path)
            ) from None
        except OSError as error:
            self._check_folder()
            raise self._unreadable(error) from error
        except ValueError as error:  # a null character, which no path can hold
            raise InvalidSourceError(
                f"This is not a path: {error}.", source=repr(self.path)
            ) from None

    def check_kind(self) -> None:
        """Raise `InvalidSourceError` for a folder, which opens on some systems, or nothing."""
        self._check_folder()
        if not os.path.exists(self.path):  # noqa: PTH110
            os.close(self._open())

    def _check_folder(self) -> None:
        # Of os.path and not of Path, which raises where a folder above may not be read.
        if os.path.isdir(self.path):  # noqa: PTH112
            raise InvalidSourceError(
                "This is a folder, not a recording.",
                hint="Name the files in it, or give the folder to the command line.",
                source=str(self.path),
            )

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Hash the file; raises `InvalidSourceError` for what is no file with something in it."""
        self.release()
        file, before = self._opened()
        kept = None
        with file:
            try:
                if before.st_size <= _SHORT_BYTES:
                    kept = file.read(_SHORT_BYTES + 1) or b""
                    length, md5 = len(kept), hashlib.md5(kept, usedforsecurity=False).digest()
                else:
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
        found = Fingerprint(length, md5, _version(after))
        if kept is not None and len(_keeping) < _MOST_KEPT:
            self._kept = found, kept
            _keeping.add(self)
        return found

    def opened(self) -> FileReader:
        """Open the file as it is now; raises `InvalidSourceError` for what is no file."""
        return self._opened()[0]

    def _opened(self) -> tuple[FileReader, os.stat_result]:
        descriptor = self._open()
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            self._check_folder()  # which opens on some systems
            raise InvalidSourceError(
                "This is not a regular file.",
                hint="Copy its content into a file, or use Source.spool.",
                source=str(self.path),
            )
        return FileReader(descriptor, "rb"), status

    def version_of(self, file: Reader) -> tuple[int, ...]:
        """Return what changes when the open file does."""
        return _version(os.fstat(file.fileno()))

    def open(self, expected: Fingerprint) -> FileReader | MemoryReader:
        """Open the file if it still is the one that was hashed, or what was kept of that."""
        if (kept := self._kept) is not None and kept[0].md5 == expected.md5:
            return MemoryReader(kept[1])
        file = FileReader(self._open(), "rb")
        try:
            self.verify(file, expected)
        except BaseException:
            file.close()
            raise
        return file

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Compare the open file's identity, length and time of change with the hashed one's."""
        if not isinstance(file, MemoryReader) and self.version_of(file) != expected.version:
            raise self._changed()

    def look(self) -> Seen | None:
        """Return the file as it is now, `None` if there is none."""
        return seen_on_disk(self.path)

    def _unreadable(self, error: OSError) -> InvalidSourceError:
        return InvalidSourceError(
            f"The file cannot be read: {error.strerror}.",
            hint="Check what it is and who may read it.",
            source=str(self.path),
        )

    def _changed(self) -> SourceChangedError:
        return SourceChangedError("The file changed while it was read.", source=str(self.path))

    def release(self) -> None:
        """Let go of what was kept of a short file."""
        self._kept = None
        _keeping.discard(self)

    def close(self) -> None:
        """Let go of what was kept; the file is the user's."""
        self.release()


_keeping: WeakSet[FileContent] = WeakSet()


@attrs.frozen(eq=False, repr=False)
class BytesContent:
    """Bytes in memory."""

    data: bytes

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

    def look(self) -> None:
        """Return nothing: they lie nowhere."""

    def release(self) -> None:
        """Do nothing: they belong to the caller."""

    def close(self) -> None:
        """Do nothing: they belong to the caller."""


@attrs.frozen(eq=False, repr=False)
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
            hint="Send it again.",
        )

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: nothing was opened."""

    def look(self) -> None:
        """Return nothing: they lie nowhere."""

    def release(self) -> None:
        """Do nothing: nothing is held."""

    def close(self) -> None:
        """Do nothing: nothing is held."""
