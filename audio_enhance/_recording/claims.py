"""How a result claims its name where a file system has no hard links. All of it blocks.

A hard link gives a whole file its name in one step, and never replaces anything. Without one
the name is claimed by an empty file, which the whole one then replaces. A program that dies in
between would leave the empty file for ever in its own way; so the whole file says first, in its
own name, which name it is about to claim.
"""

import contextlib
import hashlib
import os
import unicodedata
from pathlib import Path

from .filenames import PART_PREFIX, is_part_name


def claim_path(part: Path, target: Path) -> Path:
    """Return what a whole part file is called while it claims the name of its result."""
    return part.with_name(f"{part.stem}.{_mark(target)}{part.suffix}")


def reworked_path(part: Path) -> Path:
    """Return what a file is called that is made of a whole part file; `remove_part` finds it."""
    return part.with_name(f"{part.stem}.reworked{part.suffix}")


def is_taken(target: Path) -> bool:
    """Whether a file has a name; a claim whose owner died has not."""
    return os.path.lexists(target) and not (_is_empty(target) and _claims(target))


def take_over(target: Path, own: Path) -> bool:
    """Take a name from claims whose owners died, and return whether that came about.

    Args:
        target: The name, which an empty file has.
        own: The part file that claims it now. It lies there before the others go: whoever dies
            here leaves a claim again.
    """
    taken = False
    for claim in _claims(target):
        if claim == own or not _is_empty(target):
            continue
        # Whoever is alive after all finds its part file gone, and replaces nothing.
        with contextlib.suppress(FileNotFoundError):
            claim.unlink()
            taken = True
    return taken and _is_empty(target)


def remove_part(part: Path) -> bool:
    """Remove what a dead download left: its part file, and the name that it claimed.

    Returns:
        Whether there was anything.

    Raises:
        OSError: It cannot be removed.
    """
    removed = False
    for claim in part.parent.glob(f"{PART_PREFIX}*{part.suffix}"):
        stem, _, mark = claim.stem.rpartition(".")
        if stem != part.stem:
            continue
        for empty in part.parent.iterdir():  # before the claim goes, which says whose it is
            if _mark(empty) == mark and _is_empty(empty):
                empty.unlink()
        claim.unlink()
        removed = True
    with contextlib.suppress(FileNotFoundError):
        part.unlink()
        removed = True
    return removed


def _claims(target: Path) -> list[Path]:
    mark = _mark(target)
    found = target.parent.glob(f"{PART_PREFIX}*.{mark}.*")
    return [path for path in found if is_part_name(path.name)]


def _is_empty(path: Path) -> bool:
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return path.is_file() and not status.st_size


def _mark(target: Path) -> str:
    name = unicodedata.normalize("NFC", target.name.casefold())
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
