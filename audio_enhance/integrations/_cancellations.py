"""Jobs that one worker was asked to cancel, and another one has: a file in the folder for each."""

import asyncio
import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

# A request that nobody has seen by then is about a job that was over before.
_STALE_SECONDS = 3600.0


class Cancellations:
    """What is to be cancelled, by the keys of the jobs, for all workers that share a folder.

    Args:
        folder: Where the files are; it is made with the first of them.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def ask(self, key: str) -> None:
        """Ask whichever worker has a job to cancel it.

        Raises:
            OSError: The file cannot be made, because the disk is full for example.
        """

        def touch() -> None:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path(key).touch()

        await asyncio.to_thread(touch)

    async def asked(self, keys: Iterable[str]) -> list[str]:
        """Return those of some keys whose jobs are to be cancelled."""
        names = await asyncio.to_thread(self._names)
        return [key for key in keys if _name(key) in names] if names else []

    async def settle(self, key: str) -> None:
        """Take note that a job was cancelled, or that it need not be any more."""
        await asyncio.to_thread(self._path(key).unlink, missing_ok=True)

    async def remove_stale(self) -> None:
        """Remove what nobody has seen for an hour."""

        def remove() -> None:
            long_ago = time.time() - _STALE_SECONDS
            for path in self._folder.glob("*"):
                with suppress(OSError):
                    if path.stat().st_mtime < long_ago:
                        path.unlink()

        await asyncio.to_thread(remove)

    def _names(self) -> set[str]:
        try:
            return {path.name for path in self._folder.iterdir()}
        except FileNotFoundError:
            return set()

    def _path(self, key: str) -> Path:
        return self._folder / _name(key)


def _name(key: str) -> str:
    """Return what a key is called there: it may be anything, and a file's name may not."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
