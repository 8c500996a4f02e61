"""One job's row in the journal, written before and after each step that is dear to repeat."""

import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePath
from typing import Any

import attrs

from audio_enhance._core.cancellation import in_thread, to_its_end
from audio_enhance._core.errors import (
    AudioEnhanceError,
    InvalidSourceError,
    JournalError,
    OutputError,
    UnsupportedMediaTypeError,
)
from audio_enhance._core.paths import absolute, is_address, is_url, path_of
from audio_enhance._core.redaction import redact
from audio_enhance._recording.fingerprint import Fingerprint
from audio_enhance._recording.source import Source
from audio_enhance._recording.spooled import remove_quietly

from .entry import EntryState, JournalEntry
from .result_file import ResultFile, is_there, placed, result_of, settled, version_of
from .rows import Rows

_log = logging.getLogger("audio_enhance")
_OF_THE_CONTENT = ("asset_id", "enhancement_id", "output_modified_ns", "error")


class JournalRow:
    """The row of one source at one strength; whoever works on it at a time has the same.

    Attributes:
        rows: The rows of the journal that it is in.
        entry: What the journal says of it.
    """

    def __init__(self, rows: Rows, entry: JournalEntry) -> None:
        self.rows = rows
        self._written = entry.created_at > 0.0
        self._new = False  # written by `begin`, and by nobody before
        self._at_work = 0
        self.entry = entry

    @classmethod
    async def of(cls, rows: Rows, source: Source, strength: int, key: str = "") -> "JournalRow":
        """Return the row that is there, or a new one that is not written yet."""
        name = await label(source)
        entry = await (rows.entry_with(key) if key else rows.entry(name, strength))
        return cls.alive(rows, entry or JournalEntry(source=name, strength=strength, key=key))

    @classmethod
    def alive(cls, rows: Rows, entry: JournalEntry) -> "JournalRow":
        """Return the row of an entry that was just read, the one at work on it if there is one."""
        identity = (entry.source, entry.strength, entry.key)
        row = rows.alive.get(identity)
        if row is None:
            row = rows.alive[identity] = cls(rows, entry)
        return row

    @property
    def is_at_work(self) -> bool:
        """Whether a job is at work on it."""
        return self._at_work > 0

    @contextmanager
    def at_work(self) -> Generator[None]:
        """Say that a job is at work on it: several may be, on the same recording."""
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    async def note(self, **changes: Any) -> None:
        """Write down what is about to happen; raises `JournalError`, and then it must not."""
        self.entry = attrs.evolve(self.entry, **changes)
        await self.rows.save(self.entry)
        self._written = True

    async def note_done(self, **changes: Any) -> None:
        """Write down what has happened.

        Where that fails, on a full disk for example, the work goes on: what was paid for is
        not thrown away, and the next change that can be written holds this one as well.
        """
        try:
            await self.note(**changes)
        except JournalError as error:
            _log.warning("%s: %s", redact(self.entry.source), error)

    async def note_failed(self, error: AudioEnhanceError, *, extra: int = 0) -> None:
        """Write down why there is no result.

        What never was a recording does not get into the journal, or out of it again; what is
        gone is marked, so that it is told once.
        """
        if self._at_work > 1:
            return  # how it ends is for the others to say
        never = isinstance(error, InvalidSourceError | UnsupportedMediaTypeError)
        if never and (not self._written or self.entry.state == EntryState.SUCCEEDED):
            return
        if isinstance(error, UnsupportedMediaTypeError) and self.entry.md5 is None:
            await self._drop()
            return
        gone = never and await self._is_gone(error)
        await self.note_over(state=EntryState.FAILED, error=str(error), extra=extra, gone=gone)

    async def _is_gone(self, error: AudioEnhanceError) -> bool:
        if is_address(self.entry.source):
            return isinstance(error.__cause__, FileNotFoundError)
        return not await to_its_end(partial(is_there, self.entry.source))

    async def note_over(self, **changes: Any) -> None:
        """Write down how the job ended, and let go of data that was kept for it."""
        await self.note_done(**changes)
        if self.entry.spooled is not None:
            await to_its_end(partial(remove_quietly, Path(self.entry.spooled)))
            await self.note_done(spooled=None)

    async def begin(self, source: Source) -> None:
        """Write down a job that is accepted, with what another run needs to go on with it.

        Raises:
            JournalError: It cannot be written, and the job must not be accepted.
        """
        now: dict[str, Any] = {"filename": source.filename, "content_type": source.content_type}
        if source.place is None:
            fingerprint = await source.fingerprint()
            now |= {"md5": fingerprint.md5.hex(), "byte_size": fingerprint.byte_size}
        elif source.path is not None and not await to_its_end(partial(is_there, str(source.path))):
            return  # never a recording: its job will say so
        if source.kept_at is not None and self.entry.spooled is None:
            now["spooled"] = absolute(source.kept_at)
        if not self._written or self.entry.state == EntryState.FAILED:
            now |= {"state": EntryState.QUEUED, "error": None, "gone": False}
        self._new = not self._written
        await self.note(**now)
        if source.kept_at is not None and self.entry.spooled == absolute(source.kept_at):
            await to_its_end(source.keep)

    def asset_deleted(self, asset_id: str) -> None:
        """Take note that the server has an asset no longer; the journal knows it already."""
        if self.entry.asset_id == asset_id:
            self.entry = attrs.evolve(self.entry, asset_id=None, enhancement_id=None)

    async def withdraw(self) -> None:
        """Take back what `begin` wrote: the job was not begun after all."""
        if self._new:
            if self.entry.spooled is not None:
                await to_its_end(partial(remove_quietly, Path(self.entry.spooled)))
            await self._drop()

    async def _drop(self) -> None:
        try:
            await self.rows.drop(self.entry)
        except JournalError as error:
            _log.warning("%s: %s", redact(self.entry.source), error)

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
            "gone": False,
        }
        if self.entry.md5 != now["md5"]:
            now |= dict.fromkeys(_OF_THE_CONTENT)
            now |= {"state": EntryState.QUEUED, "tries": 0, "extra": 0}
        if attrs.evolve(self.entry, **now) != self.entry:
            await self.note(**now)

    async def placing(self, whole: Path, target: PurePath) -> None:
        """Write down what is about to be renamed to where, beside what is there now.

        Whenever a run dies, the file in the place is one of the two that are known.

        Raises:
            OutputError: The file cannot be read.
        """
        try:
            result = await in_thread(partial(ResultFile.of, whole))
        except OSError as error:
            raise OutputError(f"The result cannot be read again: {error.strerror}.") from error
        await self.note(
            placing=absolute(target),
            placing_size=result.size,
            # A store says what the version is when it has the object.
            placing_modified_ns=result.modified_ns if isinstance(target, Path) else 0,
            placing_md5=result.md5,
        )

    async def note_placed(self, **changes: Any) -> None:
        """Write down that the result has got its place."""
        self.entry = placed(self.entry)
        if self.entry.output is not None and is_url(self.entry.output):
            where = path_of(self.entry.output)
            changes["output_modified_ns"] = await to_its_end(partial(version_of, where))
        await self.note_over(**changes)

    async def settle(self) -> None:
        """Find out whether the result has got its place after all, and write that down."""
        if self.entry.placing is not None:
            self.entry = await to_its_end(partial(settled, self.entry))
            await self.note_done()

    def earlier_place(self, folder: PurePath) -> PurePath | None:
        """Return where this source's earlier result was put, if that is in a folder."""
        if self.entry.output is None:
            return None
        path, above = path_of(absolute(self.entry.output)), path_of(absolute(folder))
        if type(path) is not type(above) or not path.is_relative_to(above):
            return None
        return folder / path.relative_to(above)

    async def own_result(self, folder: PurePath) -> PurePath | None:
        """Return where this source's earlier result is, as it was written, if it is in a folder."""
        path = self.earlier_place(folder)
        return path if path is not None and await self.is_own(path) else None

    async def recordings(self) -> list[str]:
        """Return all recordings that the journal knows, by their paths."""
        return await self.rows.sources()

    def names(self, path: PurePath) -> bool:
        """Whether this row's result was put there, by whoever it was changed since."""
        return self.entry.output is not None and absolute(self.entry.output) == absolute(path)

    async def is_own(self, path: PurePath) -> bool:
        """Whether a file is the result that this row tells of, as it was written."""
        result = result_of(self.entry)
        return result is not None and self.names(path) and await in_thread(result.is_there)


async def note_refused(
    rows: Rows, path: str | os.PathLike[str], strength: int, error: AudioEnhanceError
) -> None:
    """Write down why a file never became a job, where the journal knows it at all."""
    entry = await rows.entry(absolute(path), strength)
    if entry is not None:
        await JournalRow.alive(rows, entry).note_failed(error)


async def label(source: Source) -> str:
    """Return what a source is called in a journal: absolute path, URL, or its name and MD5."""
    if source.path is not None:
        return absolute(source.path)
    if source.url is not None:
        return source.url
    return f"{source.filename} ({(await source.fingerprint()).md5.hex()})"
