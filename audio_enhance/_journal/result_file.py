"""Whether a file is the result that a journal tells of. All of it blocks."""

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any

import attrs

from audio_enhance._core.errors import AudioEnhanceError, OutputError
from audio_enhance._core.paths import is_url
from audio_enhance._recording.fingerprint import digest
from audio_enhance._recording.remote import RemoteFile

from .entry import EntryState, JournalEntry

_NOTHING_PLACED: dict[str, Any] = dict.fromkeys(
    ("placing", "placing_size", "placing_modified_ns", "placing_md5")
)


@attrs.frozen
class ResultFile:
    """What identifies a result in its place.

    Attributes:
        path: Where it is.
        size: Its length in bytes.
        modified_ns: Nanoseconds since 1970 at which it was modified last, or what stands for the
            version of an object in a bucket; `None` where that is no longer to be trusted.
        md5: 32 hexadecimal digits.
    """

    path: str
    size: int | None
    modified_ns: int | None
    md5: str | None

    @classmethod
    def of(cls, path: Path, cancelled: threading.Event | None = None) -> "ResultFile":
        """Read a file; raises `OSError`."""
        with path.open("rb", buffering=0) as file:
            length, md5 = digest(file, cancelled or threading.Event())
            return cls(str(path), length, os.fstat(file.fileno()).st_mtime_ns, md5.hex())

    def is_there(self, cancelled: threading.Event | None = None) -> bool:
        """Whether the file is there as it was written; one that was only touched is.

        Raises:
            OutputError: It is elsewhere, and cannot be looked at.
        """
        if is_url(self.path):
            return self._is_elsewhere()
        status = status_of(self.path)
        if status is None or self.md5 is None or status.st_size != self.size:
            return False
        if status.st_mtime_ns == self.modified_ns:
            return True
        try:
            return self.of(Path(self.path), cancelled).md5 == self.md5
        except (OSError, ValueError):
            return False  # what cannot be read is not known to be ours

    def _is_elsewhere(self) -> bool:
        file = RemoteFile.at(self.path)
        with looking_at(self.path):
            seen = file.look()
            if seen is None or self.md5 is None or self.size is None:
                return False
            if (seen.size, seen.version) == (self.size, self.modified_ns):
                return True
            return file.holds(self.size, self.md5)


@contextmanager
def looking_at(path: str) -> Generator[None]:
    """Raise what goes wrong with a file elsewhere as an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"The result {path} cannot be looked at: {error.strerror}.",
            hint="Check the network, and who may read there with which credentials.",
        ) from error


def is_there(path: str) -> bool:
    """Whether anything is at a path, a link that leads nowhere included. Blocks.

    Raises:
        OutputError: It is elsewhere, and cannot be looked at.
    """
    if is_url(path):
        with looking_at(path):
            return RemoteFile.at(path).look() is not None
    try:
        return os.path.lexists(path)
    except ValueError:  # nothing that could be a path
        return False


def version_of(path: PurePath) -> int:
    """Return the version of a result elsewhere that was just put there, 0 if that is not told."""
    try:
        seen = RemoteFile.at(str(path)).look()
    except (OSError, AudioEnhanceError):
        return 0  # whoever looks next reads what is there
    return 0 if seen is None or seen.version is None else seen.version


def result_of(entry: JournalEntry) -> ResultFile | None:
    """Return the result that an entry tells of, if there is one."""
    if entry.output is None:
        return None
    return ResultFile(entry.output, entry.output_size, entry.output_modified_ns, entry.output_md5)


def settled(entry: JournalEntry) -> JournalEntry:
    """Return an entry whose run may have died between two writings, as the disk says it is.

    A result gets its place between the two: `placing` is written down before, and made the
    `output` after it. Whichever of the two is found in the place is the truth, for the next run
    as for whoever only looks. While one elsewhere cannot be looked at, nothing is said of it.
    """
    try:
        return _settled(entry)
    except AudioEnhanceError:
        return entry


def _settled(entry: JournalEntry) -> JournalEntry:
    if entry.placing is not None:
        placing = ResultFile(
            entry.placing, entry.placing_size, entry.placing_modified_ns, entry.placing_md5
        )
        if placing.is_there():
            # Its part file may be there as well, as a second name, until leftovers are removed.
            return attrs.evolve(placed(entry), temporary=entry.temporary)
        entry = attrs.evolve(entry, **_NOTHING_PLACED)
    result = result_of(entry)
    if entry.state != EntryState.DOWNLOADING or result is None or result.modified_ns is None:
        return entry
    # One that was being made once more, or that a version wrote which knew no `placing`.
    if result.is_there():
        return attrs.evolve(entry, state=EntryState.SUCCEEDED, temporary=None, error=None)
    return entry


def placed(entry: JournalEntry) -> JournalEntry:
    """Return an entry whose result has got the place that it was about to get."""
    return attrs.evolve(
        entry,
        state=EntryState.SUCCEEDED,
        output=entry.placing,
        output_size=entry.placing_size,
        output_modified_ns=entry.placing_modified_ns,
        output_md5=entry.placing_md5,
        temporary=None,
        error=None,
        **_NOTHING_PLACED,
    )


def status_of(path: str | os.PathLike[str]) -> os.stat_result | None:
    """Return a file's status, `None` where there is no such file, or nothing like a path."""
    try:
        return Path(path).stat()
    except (OSError, ValueError):
        return None
