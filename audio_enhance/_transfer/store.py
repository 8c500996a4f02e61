"""Where results go, on this machine or in a bucket. All of it may block."""

import os
import tempfile
from pathlib import Path, PurePath

from audio_enhance._core.errors import InvalidInputError
from audio_enhance._core.paths import RemotePath, folder_path, is_url
from audio_enhance._recording.claims import is_taken
from audio_enhance._recording.remote import RemoteFile
from audio_enhance._recording.seen import Seen, seen_on_disk

_READ_ONLY = ("http://", "https://")


def output_place(given: str | os.PathLike[str]) -> PurePath:
    """Return the folder for results that somebody gave: a path, or the URL of a place in a bucket.

    Raises:
        InvalidInputError: Nothing can be saved there, or the URL holds a password.
        MissingExtraError: It is a URL, and the extra `remote` is not installed.
    """
    if not isinstance(given, RemotePath) and not (isinstance(given, str) and is_url(given)):
        return folder_path(given)
    file = RemoteFile.at(str(given))
    if file.name.startswith(_READ_ONLY):
        raise InvalidInputError(
            "Results cannot be saved on a web server.", hint="Give a folder, or a bucket."
        )
    return RemotePath(file.name)


def staging(folder: PurePath) -> Path:
    """Return where a result is collected before it gets its place in a folder."""
    return folder if isinstance(folder, Path) else Path(tempfile.gettempdir())


def taken(path: PurePath) -> bool:
    """Whether a file has a place already; raises `OSError`."""
    if isinstance(path, Path):
        return is_taken(path)
    return look_at(path) is not None


def is_folder(path: PurePath) -> bool:
    """Whether a folder is there, whose place no file takes; of a link to one it does."""
    return isinstance(path, Path) and not path.is_symlink() and path.is_dir()


def look_at(path: PurePath) -> Seen | None:
    """Return a file as it is now, `None` if there is none; raises `OSError`, of one elsewhere."""
    if isinstance(path, Path):
        return seen_on_disk(path)
    return RemoteFile.at(str(path)).look()


def put(part: Path, target: PurePath, *, overwrite: bool) -> None:
    """Store a whole file in a bucket; raises `OSError`."""
    RemoteFile.at(str(target)).put(part, overwrite=overwrite)
