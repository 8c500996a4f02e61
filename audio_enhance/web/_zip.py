"""All results of a session as one file, made while it is sent."""

import io
import logging
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import PurePath

import attrs
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audio_enhance import AudioEnhanceError

from ._connection import while_connected
from ._problems import Problem

_log = logging.getLogger("audio_enhance.web")
_LEFT_OUT = "left-out.txt"
# What a name in an archive cannot hold everywhere.
_ODD = str.maketrans(dict.fromkeys('<>:"|?*\\/', "_"))


@attrs.frozen
class ZipEntry:
    """One file of it.

    Attributes:
        name: What it is called; made unique.
        opened: Gives its bytes, when its turn has come.
    """

    name: str
    opened: Callable[[], AbstractAsyncContextManager[AsyncIterator[bytes]]]


class ZipAnswer(Response):
    """An archive, of which nothing is kept: audio cannot be made smaller, so it is only stored.

    What cannot be had when its turn comes is left out, and named in a text at the end.

    Args:
        entries: What is in it.
    """

    def __init__(self, entries: Sequence[ZipEntry]) -> None:
        super().__init__(
            media_type="application/zip",
            headers={
                "Content-Disposition": 'attachment; filename="enhanced.zip"',
                "Cache-Control": "no-store",
            },
        )
        del self.headers["content-length"]
        self._entries = entries

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await while_connected(receive, self._answer(scope, send))

    async def _answer(self, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] != "HEAD":
            async with aclosing(self._chunks()) as chunks:
                async for chunk in chunks:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _chunks(self) -> AsyncGenerator[bytes]:
        pipe = _Pipe()
        left_out: list[str] = []
        with zipfile.ZipFile(pipe, "w") as archive:
            for entry, name in zip(
                self._entries, unique(entry.name for entry in self._entries), strict=True
            ):
                begun = False
                try:
                    async with entry.opened() as data:
                        with archive.open(name, "w", force_zip64=True) as file:
                            begun = True
                            async for chunk in data:
                                file.write(chunk)
                                yield pipe.taken()
                except (AudioEnhanceError, Problem) as error:
                    if begun:
                        raise  # in the middle of it: the connection is cut, and that shows
                    _log.warning("%s is not in the archive: %s", name, error)
                    left_out.append(f"{name}: {error}\n")
            if left_out:
                archive.writestr(_LEFT_OUT, "".join(left_out))
        yield pipe.taken()


class _Pipe(io.RawIOBase):
    """What is written, until it is taken; an archive learns that it cannot go back."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self._chunks.append(bytes(data))  # type: ignore[call-overload]  # any buffer
        return len(self._chunks[-1])

    def taken(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        return data


def unique(names: Iterable[str]) -> list[str]:
    """Return names that can be beside each other in a folder, also where case does not count."""
    taken = {_LEFT_OUT}
    found: list[str] = []
    for name in names:
        path = PurePath(name.translate(_ODD))
        number, now = 1, path.name
        while now.casefold() in taken:
            number += 1
            now = f"{path.stem} ({number}){path.suffix}"
        taken.add(now.casefold())
        found.append(now)
    return found
