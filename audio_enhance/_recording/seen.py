"""A file as it is now, wherever it lies."""

import os
from pathlib import Path
from typing import NamedTuple


class Seen(NamedTuple):
    """What can be told of a file without reading it.

    Attributes:
        size: Its length in bytes, if that is known.
        version: A number that changes when the file does, if anything tells: nanoseconds since
            1970 at which it was modified last, or what stands for the ETag of an object.
    """

    size: int | None
    version: int | None


def seen_on_disk(path: str | os.PathLike[str]) -> Seen | None:
    """Return a file as it is; `None` where there is none, or nothing like a path. Blocks."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return Seen(status.st_size, status.st_mtime_ns)
