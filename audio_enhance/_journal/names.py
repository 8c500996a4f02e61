"""What a file is called in a journal, whatever encoding this process takes names of files for."""

import os
import sys

_UTF8 = sys.getfilesystemencoding() == "utf-8"


def written(path: str) -> str:
    """Return a path as journals write it: its bytes read as UTF-8 (PEP 383).

    Where Python takes names of files for ASCII (`LC_ALL=C` without its UTF-8 mode), the same
    file has another name to it.
    """
    if _UTF8:
        return path
    try:
        return os.fsencode(path).decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name of a file, but of data that arrived under it
        return path


def here(name: str) -> str:
    """Return the path of a name that a journal has, as this process calls it."""
    if _UTF8:
        return name
    try:
        return os.fsdecode(name.encode("utf-8", "surrogateescape"))
    except UnicodeEncodeError:
        return name
