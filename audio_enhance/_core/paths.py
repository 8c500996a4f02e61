"""What is given as a path: on this machine, and no address of something elsewhere."""

import os
import re
from pathlib import Path

from .errors import InvalidInputError

# A scheme has two characters at least here, or it is a drive of Windows. One slash: a `Path` has
# made "s3:/bucket" of "s3://bucket".
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


def is_address(given: str | os.PathLike[str]) -> bool:
    """Whether something begins as a URL does, such as `s3://bucket/talk.wav`."""
    return _ADDRESS.match(os.fspath(given)) is not None


def is_url(given: str) -> bool:
    """Whether a text is the URL of something elsewhere, such as `s3://bucket/talk.wav`."""
    return is_address(given) and "://" in given


def folder_path(given: str | os.PathLike[str]) -> Path:
    """Return the path of a folder for results.

    Raises:
        InvalidInputError: It is a URL: taken for a path it would be a folder with a strange name.
    """
    if is_address(given):
        raise InvalidInputError(
            f"Results are saved on this machine, and {os.fspath(given)} is a URL.",
            hint="Give the path of a folder, and copy the results from there.",
        )
    return Path(given)
