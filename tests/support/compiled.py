"""Modules that one of several processes compiles, and the others find compiled."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from audio_enhance._core.file_lock import lock, try_lock


@contextmanager
def compiled_once(path: Path) -> Generator[None]:
    """Import in the block what other processes import as well.

    In a new environment, to compile takes three times as long as to import what is compiled. So
    the first process does it alone. The others wait for that, and are then at it side by side.

    Args:
        path: A file that all of them see; it is locked, and nothing else.
    """
    with path.open("rb") as file:
        try:
            try_lock(file.fileno())
        except OSError:
            lock(file.fileno())
        else:
            yield
            return
    yield
