"""Which file is a journal of ours, told by its first bytes, and what lies beside it."""

import os
from collections.abc import Iterator
from pathlib import Path

# "AEnh" in the file's header tells a journal from other SQLite files (PRAGMA application_id).
APPLICATION_ID = 0x41456E68
# SQLite, "Database File Format", 1.3: the header's first 16 bytes, and 4 from offset 68 on.
_MAGIC = b"SQLite format 3\0"
_OFFSET = 68
# What SQLite and the lock put beside a journal; they come and go.
_BESIDE = ("-wal", "-shm", "-journal", ".lock")


def is_journal(path: str | os.PathLike[str]) -> bool:
    """Whether a file is a journal, empty or not; blocks, and never raises for a file."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError):
        return False
    try:
        header = os.read(fd, 100)
    except OSError:
        return False
    finally:
        os.close(fd)
    owner = int.from_bytes(header[_OFFSET : _OFFSET + 4], "big")
    return header.startswith(_MAGIC) and owner == APPLICATION_ID


def files_of(journal: Path) -> Iterator[Path]:
    """Yield a journal, and what may lie beside it, whether it is there or not."""
    yield journal
    for suffix in _BESIDE:
        yield journal.with_name(journal.name + suffix)


def is_of_journal(path: Path) -> bool:
    """Whether a file is a journal or lies beside one as a part of it; blocks, never raises."""
    return is_journal(path) or any(
        path.name.endswith(suffix) and is_journal(os.fspath(path).removesuffix(suffix))
        for suffix in _BESIDE
    )
