"""Data that arrived, spooled to a temporary file, or kept in a folder until its job is over."""

import contextlib
import hashlib
import io
import os
import secrets
import tempfile
import threading
import weakref
from collections.abc import AsyncIterable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import InvalidSourceError, OutputError, SourceTooLargeError

from .arrival import Arrival, take_over
from .filenames import spooled_name
from .fingerprint import Fingerprint, digest
from .reader import Reader, SharedReader

_SPOOL_BYTES = 1 << 20


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

    def version_of(self, file: Reader) -> None:
        """Return nothing: nobody else can reach a file without a name."""

    def open(self, expected: Fingerprint) -> SharedReader:
        """Return a reader with a position of its own."""
        del expected
        return self.opened()

    def opened(self) -> SharedReader:
        """Return a reader with a position of its own."""
        if self._file.closed:
            raise _released()
        return SharedReader(self._file, self.read_at)

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: nobody else can reach a file without a name."""

    def close(self) -> None:
        """Close the temporary file, which removes it."""
        with self._lock:  # never under a thread that reads it
            self._file.close()

    def look(self) -> None:
        """Return nothing: it lies where nobody else can reach it."""

    def release(self) -> None:
        """Do nothing: what arrived comes no second time."""


class KeptContent(SpooledContent):
    """Arrived data in a file with a name, for a job that has to outlive this process.

    It is removed with the source, unless a journal has written down where it is: then it is the
    journal's, until the job is over.

    Attributes:
        path: Where it is.
    """

    def __init__(
        self, file: io.FileIO, fingerprint: Fingerprint, path: Path, arrival: Arrival | None = None
    ) -> None:
        super().__init__(file, fingerprint)
        self.path = path
        self._arrival = arrival
        self._removal = weakref.finalize(self, _removed, path, arrival)

    def keep(self) -> None:
        """Leave the file where it is: a journal knows of it. Blocks for a moment."""
        self._removal.detach()
        if self._arrival is not None:
            self._arrival.over(known=True)

    def close(self) -> None:
        """Close the file, and remove it if no journal knows of it."""
        super().close()
        self._removal()


def _removed(path: Path, arrival: Arrival | None) -> None:
    remove_quietly(path)
    if arrival is not None:
        arrival.over(known=False)


def remove_quietly(path: Path) -> None:
    """Remove a file of ours, if it can be."""
    with contextlib.suppress(OSError):
        path.unlink()


def _released() -> InvalidSourceError:
    return InvalidSourceError("The spooled data was released already.")


@contextlib.contextmanager
def temporary(what: str) -> Generator[io.FileIO]:
    """Make a temporary file without a name, which is closed where what follows fails."""
    raw = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115  it is kept
    try:
        yield raw
    except OSError as error:
        raw.close()
        raise OutputError(
            f"{what} cannot be written to {tempfile.gettempdir()}: {error.strerror}.",
            hint="Make room there, or point TMPDIR elsewhere.",
        ) from error
    except BaseException:
        raw.close()
        raise


async def spool(
    chunks: AsyncIterable[bytes], *, max_bytes: int | None, keep_in: Path | None = None
) -> SpooledContent:
    """Write arriving data to a temporary file, hashing it in the same pass.

    Args:
        chunks: The data.
        max_bytes: The most to accept.
        keep_in: A folder for a file with a name, for which it need not end with this process.

    Raises:
        InvalidSourceError: There was no data.
        SourceTooLargeError: There was more than `max_bytes`.
        OutputError: The temporary file could not be written.
    """
    path = None if keep_in is None else keep_in / spooled_name(secrets.token_hex(8))

    def undone(made: tuple[io.FileIO, Arrival | None]) -> None:
        file, arrival = made
        file.close()
        if path is not None:
            _removed(path, arrival)

    try:
        file, arrival = await to_its_end(partial(_new_file, path), undo=undone)
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
                raise SourceTooLargeError(
                    f"The data is longer than the {max_bytes} bytes that are allowed."
                )
            pending += chunk
            if len(pending) >= _SPOOL_BYTES:
                await flush()
        await flush(last=True)
        if not length:
            raise InvalidSourceError("No data arrived.")
    except BaseException:
        undone((file, arrival))
        raise
    fingerprint = Fingerprint(length, md5.digest())
    if path is None:
        return SpooledContent(file, fingerprint)
    return KeptContent(file, fingerprint, path, arrival)


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
    take_over(path)
    return content


def _new_file(path: Path | None) -> tuple[io.FileIO, Arrival | None]:
    if path is None:
        return tempfile.TemporaryFile(buffering=0), None
    path.parent.mkdir(parents=True, exist_ok=True)
    arrival = Arrival(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return io.FileIO(os.open(path, flags, 0o600), "rb+"), arrival
    except BaseException:
        arrival.over(known=False)
        raise


def _unwritable(folder: Path | None, error: OSError) -> OutputError:
    hint = f"Make room in {folder}, or choose another folder."
    if folder is None:
        hint = f"Make room in {tempfile.gettempdir()}, or point TMPDIR elsewhere."
    return OutputError(
        f"A temporary file for arriving data cannot be written: {error.strerror}.", hint=hint
    )
