"""Objects as files: received, hashed and put in place without ever being held in memory."""

import asyncio
import base64
import hashlib
import os
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

from attrs import frozen

from audio_enhance.local.conditions.clock import Clock
from audio_enhance.local.conditions.ledger import Ledger
from audio_enhance.local.serving.threads import in_thread

from .presigned import A_WEEK
from .protocol import ObjectInfo

_INCOMING = "incoming"
_FOLDERS = (_INCOMING, "Assets", "SpeechEnhancements")
# More than anyone deletes while an upload is on its way.
_REMEMBERED = 10_000


@frozen
class StoredObject:
    """An object on disk."""

    path: Path
    content_type: str
    digest: bytes
    info: ObjectInfo
    modified: datetime

    @property
    def etag(self) -> str:
        """The quoted MD5: S3's ETag of a simple upload without KMS."""
        return f'"{self.digest.hex()}"'

    @property
    def last_modified(self) -> str:
        """The HTTP date of its arrival."""
        return format_datetime(self.modified, usegmt=True)


class ObjectFiles:
    """A folder of objects, and the index of what is in it.

    Attributes:
        stored_bytes: The bytes of all objects.
    """

    def __init__(self, directory: Path, clock: Clock, ledger: Ledger) -> None:
        self._directory = directory
        self._clock = clock
        self._ledger = ledger
        self._index: dict[str, StoredObject] = {}
        self._deleted: OrderedDict[str, None] = OrderedDict()
        self._moving = asyncio.Lock()
        self.stored_bytes = 0

    async def restore(self) -> None:
        """Take over what the ledger knows, and remove what it does not: that was half arrived."""
        a_week_ago = self._clock.since_epoch() - A_WEEK
        self._ledger.write("DELETE FROM deleted_objects WHERE deleted_at < ?", a_week_ago)
        rows = await self._ledger.rows("SELECT key, content_type, digest, landed_at FROM objects")
        sizes = await in_thread(_keep_only, self._directory, {key for key, *_ in rows})
        for key, content_type, digest, landed_at in rows:
            if key in sizes:
                at = self._clock.at(landed_at)
                self._index_at(key, self._stored(key, content_type, sizes[key], digest, at))
            else:
                self._ledger.write("DELETE FROM objects WHERE key = ?", key)
        for (key,) in await self._ledger.rows(
            "SELECT key FROM deleted_objects ORDER BY deleted_at DESC LIMIT ?", _REMEMBERED
        ):
            self._deleted[key] = None
            self._deleted.move_to_end(key, last=False)

    def get(self, key: str) -> StoredObject | None:
        """Return the object of that key, if there is one."""
        return self._index.get(key)

    def receive(self) -> "Incoming":
        """Return a place for an object that is about to arrive."""
        folder = self._directory / _INCOMING
        folder.mkdir(parents=True, exist_ok=True)
        return Incoming(folder / uuid4().hex)

    async def place(self, key: str, content_type: str, path: Path, digest: bytes) -> StoredObject:
        """Move a complete file to its key, in one step; what was deleted does not come back."""
        target = self._directory / key
        async with self._moving:  # what the index says is what lies there
            size = await in_thread(_move, path, target)
            now = self._clock.seconds()
            stored = self._stored(key, content_type, size, digest, now)
            if key in self._deleted:
                await in_thread(_remove, target)
            else:
                self._index_at(key, stored)
                self._ledger.write(
                    "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)",
                    *(key, content_type, digest, size, self._clock.since_epoch(now)),
                )
        return stored

    async def delete(self, key: str) -> None:
        """Remove the object of that key, if there is one, and whatever comes for it later."""
        self._deleted[key] = None
        self._ledger.write("DELETE FROM objects WHERE key = ?", key)
        self._ledger.write(
            "INSERT OR REPLACE INTO deleted_objects VALUES (?, ?)", key, self._clock.since_epoch()
        )
        while len(self._deleted) > _REMEMBERED:
            self._deleted.popitem(last=False)
        stored = self._index.pop(key, None)
        if stored is not None:
            self.stored_bytes -= stored.info.size
            async with self._moving:
                await in_thread(_remove, stored.path)

    def _stored(
        self, key: str, content_type: str, size: int, digest: bytes, at: float
    ) -> StoredObject:
        md5 = base64.b64encode(digest).decode()
        info = ObjectInfo(size, md5, at)
        return StoredObject(self._directory / key, content_type, digest, info, self._clock.date(at))

    def _index_at(self, key: str, stored: StoredObject) -> None:
        earlier = self._index.get(key)
        self.stored_bytes += stored.info.size - (earlier.info.size if earlier else 0)
        self._index[key] = stored

    async def adopt(self, key: str, content_type: str, path: Path) -> None:
        """Hash a file that was made here, and move it to its key."""
        digest = await in_thread(_digest, path)
        await self.place(key, content_type, path, digest)


class Incoming:
    """A file being received: written and hashed in a thread, removed if it is not kept."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("xb", buffering=0)
        self._md5 = hashlib.md5()

    async def write(self, chunks: Iterable[bytes]) -> None:
        """Append the chunks."""
        await in_thread(self._write, chunks)

    def finish(self) -> bytes:
        """Close the file and return the MD5 of what was written."""
        self._file.close()
        return self._md5.digest()

    def _write(self, chunks: Iterable[bytes]) -> None:
        for chunk in chunks:
            self._md5.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[self._file.write(view) :]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)


def _move(path: Path, target: Path) -> int:
    target.parent.mkdir(parents=True, exist_ok=True)
    size = path.stat().st_size
    path.replace(target)
    return size


def _remove(path: Path) -> None:
    """Remove a file, and its folder if nothing else is in it."""
    path.unlink(missing_ok=True)
    _remove_empty(path.parent)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # something is in it
        folder.rmdir()


def _keep_only(directory: Path, keys: set[str]) -> dict[str, int]:
    """Remove what is in our own folders without one of these keys; return the files' sizes."""
    sizes: dict[str, int] = {}
    for folder in _FOLDERS:
        for parent, _, names in os.walk(directory / folder, topdown=False):
            for path in (Path(parent, name) for name in names):
                key = path.relative_to(directory).as_posix()
                if key in keys:
                    sizes[key] = path.stat().st_size
                else:
                    path.unlink()
            _remove_empty(Path(parent))
    return sizes


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5").digest()
