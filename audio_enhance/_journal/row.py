"""One job's row in the journal, written before and after each step that is dear to repeat."""

import logging
import os
from pathlib import Path
from typing import Any

import attrs

from audio_enhance._core.cancellation import in_thread, to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    InvalidSourceError,
    JournalError,
    OutputError,
)
from audio_enhance._recording.fingerprint import Fingerprint, digest
from audio_enhance._recording.source import Source

from .journal import EntryState, Journal, JournalEntry

_log = logging.getLogger("audio_enhance")
_OF_THE_CONTENT = ("asset_id", "enhancement_id", "output_modified_ns", "error")


class Record:
    """The row of one source at one strength.

    Attributes:
        entry: What the journal says of it.
    """

    def __init__(self, journal: Journal, entry: JournalEntry) -> None:
        self._journal = journal
        self.entry = entry

    @classmethod
    async def of(cls, journal: Journal, source: Source, strength: int) -> "Record":
        """Return the row that is there, or a new one that is not written yet."""
        key = await label(source)
        entry = await journal.entry(key, strength)
        return cls(journal, entry or JournalEntry(source=key, strength=strength))

    async def note(self, **changes: Any) -> None:
        """Write down what is about to happen; raises `JournalError`, and then it must not."""
        self.entry = attrs.evolve(self.entry, **changes)
        await self._journal.save(self.entry)

    async def note_done(self, **changes: Any) -> None:
        """Write down what has happened.

        Where that fails, on a full disk for example, the work goes on: what was paid for is
        not thrown away, and the next change that can be written holds this one as well.
        """
        try:
            await self.note(**changes)
        except JournalError as error:
            _log.warning("%s: %s", self.entry.source, error)

    async def hashed(self, source: Source, fingerprint: Fingerprint) -> None:
        """Write down what the source is; what was known of other content is dropped.

        A result of other content stays known as a file of ours, which may be replaced; without
        its time of modification it is no longer taken for the result.
        """
        now: dict[str, Any] = {
            "md5": fingerprint.md5.hex(),
            "byte_size": fingerprint.byte_size,
            "modified_ns": fingerprint.version[-1] if fingerprint.version else None,
            "filename": source.filename,
            "content_type": source.content_type,
        }
        if self.entry.md5 != now["md5"]:
            now |= dict.fromkeys(_OF_THE_CONTENT)
            now |= {"state": EntryState.QUEUED, "tries": 0, "extra": 0}
        if attrs.evolve(self.entry, **now) != self.entry:
            await self.note(**now)

    async def placing(self, whole: Path, target: Path) -> None:
        """Write down what is about to be renamed to where.

        A run that dies right after the renaming then still knows the file for its own.

        Raises:
            OutputError: The file cannot be read.
        """
        try:
            size, modified, md5 = await in_thread(lambda cancelled: _identity(whole, cancelled))
        except OSError as error:
            raise OutputError(f"The result cannot be read again: {error.strerror}.") from error
        await self.note(
            output=key_of(target), output_size=size, output_modified_ns=modified, output_md5=md5
        )

    async def whole_result(self, source: Source) -> Path | None:
        """Return the result's path if it is there, whole, and of the source as it is now."""
        entry = self.entry
        if entry.state not in (EntryState.SUCCEEDED, EntryState.DOWNLOADING):
            return None
        if entry.output is None or entry.output_modified_ns is None:
            return None
        if not await self.same_source(source) or not await self.is_own(Path(entry.output)):
            return None
        return Path(entry.output)

    async def same_source(self, source: Source) -> bool:
        """Whether the source is what it was when the row was written."""
        entry = self.entry
        if entry.md5 is None:
            return False
        if source.path is not None:
            path = source.path
            status = await to_its_end(lambda: _status(path))
            if status is None or status.st_size != entry.byte_size:
                return False
            if status.st_mtime_ns == entry.modified_ns:
                return True
        # Touched, but perhaps not changed: reading it costs less than enhancing it again.
        return (await source.fingerprint()).md5.hex() == entry.md5

    async def own_result(self, folder: Path) -> Path | None:
        """Return where this source's earlier result is, as it was written, if it is in a folder."""
        if self.entry.output is None:
            return None
        path = Path(key_of(self.entry.output))
        if not path.is_relative_to(key_of(folder)) or not await self.is_own(path):
            return None
        return folder / path.relative_to(key_of(folder))

    async def is_own(self, path: Path) -> bool:
        """Whether a file is the result that this row tells of, as it was written."""
        entry = self.entry
        if entry.output is None or entry.output_md5 is None:
            return False
        if key_of(entry.output) != key_of(path):
            return False
        status = await to_its_end(lambda: _status(path))
        if status is None or status.st_size != entry.output_size:
            return False
        if status.st_mtime_ns == entry.output_modified_ns:
            return True
        try:
            _, _, md5 = await in_thread(lambda cancelled: _identity(path, cancelled))
        except OSError:
            return False  # what cannot be read is not known to be ours
        return md5 == entry.output_md5


def revive(entry: JournalEntry) -> Source:
    """Return the source of a row: its file, or what was uploaded of it.

    Raises:
        InvalidSourceError: Neither is there any more.
        UnsupportedMediaTypeError: The API does not take such a type.
    """
    path = Path(entry.source)
    filename = entry.filename
    if path.is_absolute() and path.exists():
        return Source.from_path(
            path, content_type=entry.content_type, filename=filename, check_type=False
        )
    if entry.asset_id is None or entry.md5 is None or entry.byte_size is None:
        raise InvalidSourceError("The data was not uploaded before the earlier run ended.")
    if filename is None:  # written by a version that did not keep it
        filename = path.name if path.is_absolute() else entry.source.rpartition(" (")[0]
    fingerprint = Fingerprint(entry.byte_size, bytes.fromhex(entry.md5))
    return Source.uploaded(filename, fingerprint, content_type=entry.content_type)


def key_of(path: str | os.PathLike[str]) -> str:
    """Return what a journal calls a file: its absolute path, however it was written."""
    return os.path.abspath(path)  # noqa: PTH100  pathlib keeps ".."


async def note_refused(
    journal: Journal, path: str | os.PathLike[str], strength: int, error: AudioEnhanceError
) -> None:
    """Write down why a file never became a job."""
    key = key_of(path)
    entry = await journal.entry(key, strength) or JournalEntry(source=key, strength=strength)
    await journal.save(attrs.evolve(entry, state=EntryState.FAILED, error=str(error)))


async def label(source: Source) -> str:
    """Return what a source is called in a journal: its absolute path, or its name and MD5."""
    if source.path is not None:
        return key_of(source.path)
    return f"{source.filename} ({(await source.fingerprint()).md5.hex()})"


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _identity(path: Path, cancelled: Any) -> tuple[int, int, str]:
    with path.open("rb", buffering=0) as file:
        length, md5 = digest(file, cancelled)
        return length, os.fstat(file.fileno()).st_mtime_ns, md5.hex()
