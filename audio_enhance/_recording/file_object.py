"""An open file, or whatever is read like one, as the chunks of a source that arrives."""

import inspect
import os
from collections.abc import AsyncIterator, Awaitable
from functools import partial
from typing import Any, Protocol, runtime_checkable

from audio_enhance._core.cancellation import to_its_end
from audio_enhance._core.errors import InvalidSourceError

_CHUNK_BYTES = 1 << 18


@runtime_checkable
class BinaryFile(Protocol):
    """What has a `read` that returns bytes, or an awaitable of them.

    Files opened in binary mode, `io.BytesIO`, files of aiofiles, and the uploads of web frameworks.
    """

    def read(self, size: int, /) -> bytes | Awaitable[bytes]:
        """Return some bytes, as many as asked for at the most; none at the end."""
        ...


def name_of(file: BinaryFile) -> str | None:
    """Return the name that a file or an upload goes by, if it has one."""
    for attribute in ("filename", "name"):  # an upload's; a file's, which may be a number
        name = getattr(file, attribute, None)
        if isinstance(name, str) and name:
            return os.path.basename(name)  # noqa: PTH119  no path is made of it
    return None


async def chunks_of(file: BinaryFile) -> AsyncIterator[bytes]:
    """Yield what is left of a file from where it stands, read off the event loop.

    Raises:
        InvalidSourceError: It cannot be read, or is open as text.
    """
    waits = inspect.iscoroutinefunction(file.read)
    while True:
        try:
            found: Any = (
                file.read(_CHUNK_BYTES)
                if waits
                else await to_its_end(partial(file.read, _CHUNK_BYTES))
            )
            if inspect.isawaitable(found):
                found = await found
        except (OSError, ValueError) as error:  # ValueError: it is closed, or open for writing
            raise InvalidSourceError(f"The open file cannot be read: {error}.") from error
        if not isinstance(found, bytes | bytearray):
            raise InvalidSourceError(
                "The file is open as text, and recordings are bytes.",
                hint='Open it with open(path, "rb").',
            )
        if not found:
            return
        yield bytes(found)
