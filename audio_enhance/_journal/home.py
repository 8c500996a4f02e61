"""Where files are that a journal wrote down, when it was moved together with them."""

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import attrs

# The setting that says which folder a journal lay in when its paths were written.
HOME = "home"


@attrs.frozen
class Move:
    """From one folder to another.

    Attributes:
        old: The folder that the journal lay in.
        new: The folder that it lies in.
    """

    old: str
    new: str

    def now(self, path: str) -> str:
        """Return where a file is now: as far from the journal as it was, or where it was. Blocks.

        The journal may have been moved with its files or without them; the disk tells. Names
        that are no absolute paths, such as those of data without a file, stay as they are.
        """
        try:
            if not Path(path).is_absolute():
                return path
            moved = os.path.normpath(Path(self.new, os.path.relpath(path, self.old)))
            if not os.path.lexists(moved) and os.path.lexists(path):
                return path
        except ValueError:  # on another drive, or nothing that could be a path
            return path
        return moved


def guessed_home(paths: Iterable[str], folder: Path) -> str | None:
    """Return where a journal lay that wrote down no folder, going by where its files are. Blocks.

    Args:
        paths: Files as it wrote them down.
        folder: Where it lies now.

    Returns:
        The folder that most of them speak for, `None` where they are where they were, or nowhere.
    """
    votes: Counter[str] = Counter()
    for path in paths:
        votes.update(_homes(path, folder))
    return votes.most_common(1)[0][0] if votes else None


def _homes(path: str, folder: Path) -> set[str]:
    """Return the folders that a journal may have lain in if a file was moved together with it."""
    homes: set[str] = set()
    try:
        if not Path(path).is_absolute() or os.path.lexists(path):
            return homes
        parts = Path(path).parts
        for above in (folder, *folder.parents):
            for first in range(1, len(parts)):
                if os.path.lexists(above.joinpath(*parts[first:])):
                    home = Path(*parts[:first], os.path.relpath(folder, above))
                    homes.add(os.path.normpath(home))
                    break
    except ValueError:  # on another drive, or nothing that could be a path
        pass
    return homes
