"""What is given as a path: on this machine, and no address of something elsewhere."""

import os
import re
from pathlib import Path, PurePath, PurePosixPath

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


class RemotePath(PurePosixPath):
    """A place in a bucket, used like a path; as a string it is a URL.

    It has the methods of a path that do not look at a disk, and no others, so a type checker
    tells you if you take it for a file on this machine.
    """

    def __str__(self) -> str:
        text = super().__str__()
        return text.replace(":/", "://", 1)


def path_of(name: str | os.PathLike[str]) -> PurePath:
    """Return the path of a file here, or the place of one elsewhere."""
    name = os.fspath(name)
    return RemotePath(name) if is_url(name) else Path(name)


def absolute(given: str | os.PathLike[str]) -> str:
    """Return a path from the root of this machine, however it was written; a URL as it is."""
    name = os.fspath(given)
    return name if is_url(name) else os.path.abspath(name)  # noqa: PTH100  pathlib keeps ".."


def split(place: PurePath | None) -> tuple[Path | None, str | None]:
    """Return a place as a path of this machine and as a URL; at most one of the two is there."""
    if place is None or isinstance(place, Path):
        return place, None
    return None, str(place)


def folder_path(given: str | os.PathLike[str]) -> Path:
    """Return the path of a folder for results.

    Raises:
        InvalidInputError: It is a URL: taken for a path it would be a folder with a strange name.
            Or it has a null character, which no path can hold.
    """
    if "\0" in os.fspath(given):
        raise InvalidInputError("This is not a path: it has a null character.")
    if is_address(given):
        raise InvalidInputError(
            f"This can only be saved on this machine, but {os.fspath(given)} is a URL.",
            hint="Give the path of a folder. Only enhance, submit and batches save to buckets.",
        )
    return Path(given)
