"""The journals of several workers in one folder: one for each, which it finds by itself."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from itertools import count
from pathlib import Path

from audio_enhance import EntryState, Journal, JournalEntry, JournalError, JournalLockedError

_log = logging.getLogger("audio_enhance")
_OVER = (EntryState.SUCCEEDED, EntryState.FAILED)


class WorkerJournals:
    """A journal of this worker's own, and what there is to know from those of the others.

    Args:
        folder: Where they are, on a local disk; it is made if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._held: dict[Path, Journal] = {}
        self._read: dict[Path, Journal] = {}

    async def open_own(self) -> Journal:
        """Open the first journal that no other worker has, and make it if it is not there."""
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        for number in count():
            path = self._folder / f"worker-{number}.sqlite"
            try:
                return await self._open(path)
            except JournalLockedError:
                continue
        raise AssertionError  # there is always another number

    async def open_left(self) -> AsyncIterator[Journal]:
        """Open the journals that nobody has: their workers ended, and left something perhaps."""
        for path in await self.all():
            if path in self._held or not await self._is_unfinished(path):
                continue
            try:
                journal = await self._open(path)
            except JournalLockedError:
                continue
            except JournalError as error:
                _log.warning("%s cannot be looked at: %s", path, error)
                continue
            yield journal

    async def _is_unfinished(self, path: Path) -> bool:
        reader = await self._reader(path)
        try:
            counts = await reader.counts() if reader else {}
        except JournalError as error:
            _log.warning("%s cannot be read: %s", path, error)
            return False
        return any(count for state, count in counts.items() if state not in _OVER)

    async def _open(self, path: Path) -> Journal:
        journal = self._held[path] = await Journal.open(path)
        return journal

    async def trim(self, paths: Iterable[Path], seconds: float) -> None:
        """Take jobs that have been over for long out of journals that no other worker has.

        Args:
            paths: The journals.
            seconds: How long.
        """
        for path in paths:
            try:
                if (held := self._held.get(path)) is not None:
                    await held.trim(seconds)
                else:
                    async with await Journal.open(path) as journal:
                        await journal.trim(seconds)
            except JournalLockedError:
                continue  # its worker does
            except JournalError as error:
                _log.warning("%s cannot be trimmed: %s", path, error)

    async def close(self, journal: Journal) -> None:
        """Let go of a journal, for whichever worker comes next."""
        self._held.pop(journal.path, None)
        await journal.close()

    async def find(self, key: str) -> JournalEntry | None:
        """Return what the workers' journals know of a job, by its key; the latest of several."""
        found: list[JournalEntry] = []
        for path in await self.all():
            try:
                journal = self._held.get(path) or await self._reader(path)
                entry = None if journal is None else await journal.entry_with(key)
            except JournalError as error:
                _log.warning("%s cannot be read: %s", path, error)
                continue
            if entry is not None:
                found.append(entry)
        return max(found, key=lambda entry: entry.updated_at, default=None)

    async def _reader(self, path: Path) -> Journal | None:
        reader = self._read.get(path)
        if reader is None:
            try:
                reader = await Journal.read(path)
            except JournalError:
                return None  # about to be made: nothing is in it yet
            if (other := self._read.setdefault(path, reader)) is not reader:
                await reader.close()
                return other
        return reader

    async def aclose(self) -> None:
        """Close all of them."""
        journals = [*self._held.values(), *self._read.values()]
        self._held.clear()
        self._read.clear()
        for journal in journals:
            await journal.close()

    async def all(self) -> list[Path]:
        """Return the journals in the folder."""
        return await asyncio.to_thread(lambda: sorted(self._folder.glob("worker-*.sqlite")))
