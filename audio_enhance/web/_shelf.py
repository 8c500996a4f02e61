"""The folder with what the application keeps, and what the next start finds in it."""

import asyncio
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from audio_enhance import Source

from ._kept import Kept

_SECRET = "secret"  # noqa: S105 - a file's name
_ENTRY = ".json"
_ORIGINAL = ".original"
_RESULT = ".result"


class Shelf:
    """Files of recordings and results, and an entry for each recording.

    Writing and removing happen in threads, one after another, in the order of the calls.

    Args:
        folder: Where. Without one, a temporary folder, and nothing outlives the application.

    Attributes:
        folder: Where, once it is open.
        lasting: Whether the next start finds what this one left.
    """

    def __init__(self, folder: Path | None) -> None:
        self.lasting = folder is not None
        self._folder = folder
        self._remove: Callable[[], None] | None = None
        self._work: asyncio.Task[None] | None = None

    @property
    def folder(self) -> Path:
        """Where it is; only while the application's lifespan runs."""
        if self._folder is None:
            raise RuntimeError("The application was not started: run its lifespan too.")
        return self._folder

    async def open(self) -> bytes:
        """Make the folder, and return the secret that this application signs cookies with.

        Raises:
            OSError: It cannot be made.
        """
        if self._folder is None:
            self._folder, self._remove = await asyncio.to_thread(_temporary)
        return await asyncio.to_thread(_secret, self.folder)

    async def close(self) -> None:
        """Finish what was begun; a temporary folder goes."""
        await self.written()
        if self._remove is not None:
            await asyncio.to_thread(self._remove)
            self._folder, self._remove = None, None

    async def written(self) -> None:
        """Wait for everything that was begun."""
        while self._work is not None and not self._work.done():
            await asyncio.wait([self._work])

    def place(self, *, of_result: bool) -> Path:
        """Return a new name for a file."""
        return self.folder / (secrets.token_hex(16) + (_RESULT if of_result else _ORIGINAL))

    async def take(self, arrived: Source, name: str, *, of_result: bool = False) -> Kept:
        """Keep what `Source.spool` has put into the folder.

        Args:
            arrived: The data, with `keep_in` the folder; closed by this.
            name: What it is called.
            of_result: Whether it is a result.
        """
        size = (await arrived.fingerprint()).byte_size
        kind = arrived.content_type
        at, path = arrived.kept_at, self.place(of_result=of_result)
        assert at is not None
        arrived.keep()
        arrived.close()
        await asyncio.to_thread(at.replace, path)
        return self.kept(path, name, size, kind)

    def kept(self, path: Path, name: str, byte_size: int, content_type: str | None) -> Kept:
        """Return what is in a file of this folder."""
        source = Source.from_path(path, filename=name, content_type=content_type, check_type=False)
        return Kept(byte_size, source, path, content_type, on_gone=self._drop)

    def _drop(self, kept: Kept) -> None:
        if kept.path is not None:
            self._later(partial(_remove_all, kept.path))

    # Entries

    def note(self, identifier: str, entry: dict[str, Any]) -> None:
        """Write down what is known of a recording."""
        if self.lasting:
            text = json.dumps(entry)
            self._later(partial(_write, self.folder / f"{identifier}{_ENTRY}", text.encode()))

    def forget(self, identifier: str) -> None:
        """Remove what is written of a recording."""
        if self.lasting:
            path = self.folder / f"{identifier}{_ENTRY}"
            self._later(partial(path.unlink, missing_ok=True))

    async def entries(self) -> list[dict[str, Any]]:
        """Return what an earlier application wrote, oldest first; files that nobody knows go."""
        return await asyncio.to_thread(_entries, self.folder) if self.lasting else []

    def _later(self, action: Callable[[], object]) -> None:
        before = self._work

        async def run() -> None:
            if before is not None:
                await asyncio.wait([before])
            with suppress(OSError):  # a full disk: the next entry may have room
                await asyncio.to_thread(action)

        self._work = asyncio.ensure_future(run())


def _temporary() -> tuple[Path, Callable[[], None]]:
    try:
        from audio_enhance.local.serving.folder import TemporaryFolder, remove_leftovers
    except ImportError:  # the extra `local` also removes what killed applications left
        folder = Path(tempfile.mkdtemp(prefix="audio-enhance-web-"))
        return folder, partial(shutil.rmtree, folder, ignore_errors=True)
    remove_leftovers()
    temporary = TemporaryFolder()
    return temporary.path, temporary.remove


def _secret(folder: Path) -> bytes:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _SECRET
    try:
        return bytes.fromhex(path.read_text())
    except (FileNotFoundError, ValueError):
        secret = secrets.token_bytes(32)
        _write(path, secret.hex().encode())
        return secret


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.unlink(missing_ok=True)
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    part.replace(path)


def _remove_all(path: Path) -> None:
    """Remove a file, and what was drawn of it."""
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink(missing_ok=True)


def _entries(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    known = set[str]()
    for path in folder.glob(f"*{_ENTRY}"):
        try:
            entry = json.loads(path.read_text())
            result: dict[str, Any] | None = entry["result"]
            known |= {str(kept["file"]) for kept in (entry["original"], result) if kept}
            found.append(entry)
        except (OSError, ValueError, KeyError, TypeError):
            path.unlink(missing_ok=True)  # cut off, or of another version
    for path in folder.iterdir():
        stem = path.name.partition(".")[0]
        ours = path.name.startswith(stem + _ORIGINAL) or path.name.startswith(stem + _RESULT)
        if ours and not {stem + _ORIGINAL, stem + _RESULT} & known:
            path.unlink(missing_ok=True)
    return sorted(found, key=lambda entry: int(entry.get("number", 0)))
