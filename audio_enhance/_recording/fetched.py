"""A recording from elsewhere: read once, into a temporary file, and sent from there.

Its MD5 has to be known before its first byte is sent. Reading it twice would need no room on the
disk, and all of it would cross the network twice.
"""

import contextlib
import hashlib
import io
import threading
from collections.abc import Generator, Iterator

from audio_enhance._core.errors import (
    AudioEnhanceError,
    ConnectionFailedError,
    InvalidSourceError,
    JobCancelledError,
    SourceChangedError,
)
from audio_enhance._core.located import locating

from .fingerprint import Fingerprint
from .reader import Reader, SharedReader
from .remote import RemoteFile
from .seen import Seen
from .spooled import SpooledContent, temporary


class FetchedContent:
    """The bytes of a remote file, in a temporary file without a name while a job needs them.

    Args:
        file: Where they are.
    """

    def __init__(self, file: RemoteFile) -> None:
        self.file = file
        self._lock = threading.Lock()  # one thread fetches it, for all who want it
        self._copy: SpooledContent | None = None
        self._known = Fingerprint(0, b"")

    @property
    def quick(self) -> bool:
        """Whether all of it takes less time than a hop to a thread: it takes far longer."""
        return False

    def fingerprint(self, cancelled: threading.Event) -> Fingerprint:
        """Fetch the file, and return what identifies it.

        Raises:
            InvalidSourceError: It is not there, empty, or nobody lets us read it.
            ConnectionFailedError: The store cannot be reached.
            SourceChangedError: It changed while it was read.
            OutputError: There is no room for it.
        """
        with self._lock:
            return self._known if self._copy is not None else self._fetched(cancelled)

    def open(self, expected: Fingerprint) -> Reader:
        """Open the copy, or fetch it again; raises `SourceChangedError` if it is another now."""
        with self._lock:
            if self._copy is None and self._fetched(threading.Event()) != expected:
                raise SourceChangedError("The recording changed since it was read.")
            assert self._copy is not None
            return self._copy.open(expected)

    def opened(self) -> SharedReader:
        """Open the copy, or fetch it if there is none."""
        with self._lock:
            if self._copy is None:
                self._fetched(threading.Event())
            assert self._copy is not None
            return self._copy.opened()

    def version_of(self, file: Reader) -> tuple[int, ...] | None:
        """Return what changes when the remote file does, as it was when it was read."""
        del file
        return self._known.version

    def verify(self, file: Reader, expected: Fingerprint) -> None:
        """Do nothing: nobody else can reach the copy."""

    def release(self) -> None:
        """Let go of the copy, which can be fetched again; never waits."""
        # Whoever is fetching it was left behind by a cancelled job, and drops it as well.
        if self._lock.acquire(blocking=False):
            self._drop()
            self._lock.release()

    def close(self) -> None:
        """Let go of the copy."""
        self.release()

    def look(self) -> Seen | None:
        """Return what is there now, `None` if nothing is.

        Raises:
            InvalidSourceError: The store does not let us look.
            ConnectionFailedError: The store cannot be reached.
        """
        with _told():
            return self.file.look()

    def _fetched(self, cancelled: threading.Event) -> Fingerprint:
        self._drop()
        before = self._seen()
        with temporary("The recording") as raw:
            length, md5 = self._written(raw, cancelled)
            if not length:
                raise InvalidSourceError("The file is empty.", hint="Record it again.")
            if self._seen() != before or before.size not in (None, length):
                raise SourceChangedError("The recording changed while it was read.")
        version = None if before.version is None else (length, before.version)
        self._known = Fingerprint(length, md5, version)
        self._copy = SpooledContent(raw, self._known)
        return self._known

    def _written(self, raw: io.FileIO, cancelled: threading.Event) -> tuple[int, bytes]:
        """Write the file to a temporary one, and return its length and MD5."""
        md5, length = hashlib.md5(usedforsecurity=False), 0
        with contextlib.closing(self.file.pieces()) as pieces:
            while True:
                with _told():
                    piece = next(pieces, b"")
                if cancelled.is_set():
                    raise JobCancelledError("It is no longer needed.")
                if not piece:
                    return length, md5.digest()
                md5.update(piece)
                length += len(piece)
                view = memoryview(piece)
                while view:
                    view = view[raw.write(view) :]

    def _seen(self) -> Seen:
        if (seen := self.look()) is None:
            raise _missing()
        return seen

    def _drop(self) -> None:
        copy, self._copy = self._copy, None
        if copy is not None:
            copy.close()


def list_files(url: str) -> Iterator[tuple[str, int]]:
    """Yield the URLs and lengths, in bytes, of all files below a URL, or of the file there; blocks.

    They are listed as you ask for them: files in the order of their names, then the folders
    beside them. If there is nothing, nothing is yielded.

    Args:
        url: `s3://bucket/raw/` for example.

    Raises:
        InvalidSourceError: The store does not let us look.
        ConnectionFailedError: The store cannot be reached.
        InvalidInputError: It is not such a URL.
        MissingExtraError: The extra `remote` is not installed.
    """
    files = RemoteFile.at(url).listed()
    while True:
        with locating(source=url), _told():
            found = next(files, None)
        if found is None:
            return
        yield found


@contextlib.contextmanager
def _told() -> Generator[None]:
    """Raise what goes wrong elsewhere as errors that say what to do."""
    try:
        yield
    except AudioEnhanceError:
        raise
    except FileNotFoundError as error:
        raise _missing(error.strerror or "There is no such file") from None
    except ConnectionError as error:
        raise ConnectionFailedError(
            f"It cannot be reached: {error.strerror}", connected=False
        ) from error
    except OSError as error:
        raise InvalidSourceError(
            f"It cannot be read: {error.strerror}.",
            hint="Check the URL, and who may read there with which credentials.",
        ) from error


def _missing(why: str = "There is no such file") -> InvalidSourceError:
    # The cause tells it from a file that is there and cannot be read.
    error = InvalidSourceError(f"{why}.", hint="Check the URL.")
    error.__cause__ = FileNotFoundError()
    return error
