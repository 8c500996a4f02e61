"""Which of the recordings are meant: patterns, lists of names, and a number of them."""

import glob
import os
from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from functools import partial
from pathlib import Path, PurePath

import attrs

from audio_enhance import InvalidInputError
from audio_enhance.cli.display.streams import read_input
from audio_enhance.cli.threads import abandonable


@attrs.frozen
class Filter:
    """Patterns for recordings, as shells have them.

    A pattern is matched with a recording's name, and with its path as it was found.

    Attributes:
        include: One of them has to match, if there is any.
        exclude: None of them may match.
    """

    include: Sequence[str] = ()
    exclude: Sequence[str] = ()

    def lets_in(self, path: PurePath) -> bool:
        """Whether a recording is meant."""
        if self.include and not self._matches(path, self.include):
            return False
        return not self._matches(path, self.exclude)

    @staticmethod
    def _matches(path: PurePath, patterns: Sequence[str]) -> bool:
        # `old/*` is meant wherever that folder is.
        anywhere = [*patterns, *(f"*/{pattern}" for pattern in patterns)]
        return any(fnmatch(text, each) for each in anywhere for text in (path.name, str(path)))


async def names_in(listed: str) -> list[str]:
    """Return the names in a file, one on each line; `-` is standard input.

    Raises:
        InvalidInputError: The file cannot be read.
    """
    try:
        data = await abandonable(partial(_all_of, listed))
    except OSError as error:
        raise InvalidInputError(
            f"The list of files {listed} cannot be read: {error.strerror}.",
            hint="Give --files-from a file with one name on each line, or -.",
        ) from None
    separator = b"\0" if b"\0" in data else b"\n"
    lines = (line.removesuffix(b"\r") for line in data.split(separator))
    return [os.fsdecode(line) for line in lines if line]


def _all_of(listed: str) -> bytes:
    return read_input() if listed == "-" else Path(listed).read_bytes()


def expanded(given: Iterable[str]) -> list[str]:
    """Return names with what patterns stand for, where a shell left them alone. Blocks.

    A pattern that matches nothing stays, and is missed later.
    """
    names: list[str] = []
    for name in given:
        if glob.has_magic(name) and not os.path.lexists(name):
            names += sorted(glob.glob(name, recursive=True)) or [name]  # noqa: PTH207  strings
        else:
            names.append(name)
    return names
