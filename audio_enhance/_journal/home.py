"""Where files are that a journal wrote down, when it was moved together with them."""

import os
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
