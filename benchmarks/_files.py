"""Files to move: noise to send, and a folder in memory to receive into."""

import contextlib
import os
import tempfile
from collections.abc import Generator
from pathlib import Path


def fresh_file(path: Path, byte_size: int) -> Path:
    """Write a file of noise, and see to it that no writing goes on while it is read."""
    block = os.urandom(1 << 20)
    with path.open("wb") as file:
        for start in range(0, byte_size, len(block)):
            file.write(block[: byte_size - start])
        file.flush()
        os.fsync(file.fileno())
    return path


@contextlib.contextmanager
def memory_folder() -> Generator[Path]:
    """Make a folder that is kept in memory, where there is such a thing."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)
