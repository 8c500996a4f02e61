"""Which file is a journal of ours, told by its first bytes."""

import os

# "AEnh" in the file's header tells a journal from other SQLite files (PRAGMA application_id).
APPLICATION_ID = 0x41456E68
# SQLite, "Database File Format", 1.3: the header's first 16 bytes, and 4 from offset 68 on.
_MAGIC = b"SQLite format 3\0"
_OFFSET = 68


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
