"""The places that results are about to get, for every program that writes into the same folder.

A hidden file in the folder for results is locked, one byte of it for each place: such locks are the
operating system's, and end with their process, however that ends. The file goes with the last of
them. Where a file system has no locks, or Windows is at work, only the clients of one process see
each other.
"""

import contextlib
import errno
import hashlib
import os
import stat
import threading
from pathlib import Path, PurePath
from typing import NamedTuple

import attrs

from audio_enhance._core.errors import OutputExistsError
from audio_enhance._core.file_lock import has_name
from audio_enhance._core.paths import absolute
from audio_enhance._recording.filenames import PART_PREFIX, same_name

if os.name == "posix":
    import fcntl

_NAME = f"{PART_PREFIX}places"
# Each is a file that stays open, and whoever has thousands of folders needs those for sockets.
_MOST_FOLDERS = 64
_IS_LOCKED = (errno.EACCES, errno.EAGAIN)


class Hold:
    """The places of one job; all of it may block for a moment, and may be used in any thread.

    Args:
        owner: Jobs of the same owner get out of each other's way by other means.
        directory: The folder for the owner's results, in and below which the places are. Other
            processes are told there, so that each can remove what one that died left.
    """

    def __init__(self, owner: object, directory: PurePath) -> None:
        self.owner = owner
        self._directory = directory
        self._places: list[tuple[_Folder, _Place]] = []
        self._announced: list[str] = []

    def announce(self, path: PurePath) -> None:
        """Say that a result goes there, before anybody has looked; this never blocks.

        Of the jobs of this process, the one that begins first has the place, however long it
        takes until it is looked at. Other names of the same place are found by `take`.

        Raises:
            OutputExistsError: The result of another owner's job goes there.
        """
        name = same_name(absolute(path))
        with _guard:
            self._check(path, _announced.get(name, []))
            _announced.setdefault(name, []).append(self)
        self._announced.append(name)

    def _check(self, path: PurePath, holds: "list[Hold]", *, elsewhere: bool = False) -> None:
        if elsewhere or any(hold.owner is not self.owner for hold in holds):
            raise OutputExistsError(
                f"Another job writes its result to {path}.",
                hint="Choose another output folder, or wait until that job is done.",
            )

    def take(self, path: PurePath) -> None:
        """Take a place, in a folder that is there.

        Raises:
            OutputExistsError: The result of another owner's job goes there.
            OSError: A folder is gone.
        """
        place = _Place(_identity(path.parent), same_name(path.name))
        with _guard:
            folder = _folder_of(self._directory)
            try:
                holds = _holds.get(place, [])
                self._check(path, holds)
                self._check(path, [], elsewhere=not (holds or folder.lock(place.number)))
                _holds.setdefault(place, []).append(self)
                self._places.append((folder, place))
                folder.users += 1
            finally:
                _close_unused(folder)

    def release(self) -> None:
        """Give all of them back."""
        with _guard:
            while self._announced:
                name = self._announced.pop()
                _announced[name].remove(self)
                if not _announced[name]:
                    del _announced[name]
            while self._places:
                folder, place = self._places.pop()
                _holds[place].remove(self)
                if not _holds[place]:
                    del _holds[place]
                    folder.unlock(place.number)
                folder.users -= 1
                _close_unused(folder)


_Identity = tuple[int, int] | str


class _Place(NamedTuple):
    """A name in a folder, whatever both are called where it was asked for."""

    folder: _Identity
    name: str

    @property
    def number(self) -> int:
        """The byte that is locked: processes of one machine have the same one."""
        text = f"{self.folder}/{self.name}".encode("utf-8", "surrogatepass")
        return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 2  # an offset: 63 bits


@attrs.define(eq=False, repr=False)
class _Folder:
    """A folder for results of this process, and the file that tells others of their places."""

    key: _Identity
    path: Path | None  # in a bucket there is none: the store lets only one program create a file
    users: int = 0  # how many places are held through it
    _fd: int | None = None

    def lock(self, number: int) -> bool:
        """Lock a place, and return whether it is not another process's."""
        try:
            while (
                self._fd is None
                and self.path is not None
                and os.name == "posix"
                and len(_folders) <= _MOST_FOLDERS
            ):
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
                self._fd = os.open(self.path, flags, 0o666)
                if not stat.S_ISREG(os.fstat(self._fd).st_mode):
                    break  # somebody else's, which locks nobody out
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
                if not has_name(self._fd, self.path):  # its last user has just removed it
                    self.close()
                    continue
                return True
            if self._fd is not None:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, number)
        except OSError as error:  # no locks, or no such file can be made: nobody else has one
            return error.errno not in _IS_LOCKED
        return True

    def unlock(self, number: int) -> None:
        if self._fd is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, number)

    def close(self) -> None:
        """Close the file, and remove it if nobody else has a place there."""
        if self._fd is None or self.path is None:
            return
        with contextlib.suppress(OSError):
            fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if has_name(self._fd, self.path) and stat.S_ISREG(os.fstat(self._fd).st_mode):
                self.path.unlink()
        fd, self._fd = self._fd, None
        os.close(fd)


# Of the whole process: a lock of the operating system's keeps out others only.
_announced: dict[str, list[Hold]] = {}
_holds: dict[_Place, list[Hold]] = {}
_folders: dict[_Identity, _Folder] = {}
_guard = threading.Lock()


def remove_left(path: PurePath) -> None:
    """Remove the file that a process left in a folder when it died; blocks, and never raises."""
    if not isinstance(path, Path):
        return
    with _guard, contextlib.suppress(OSError):
        if os.path.lexists(path / _NAME):
            folder = _folder_of(path)
            if not folder.users:
                folder.lock(0)
            _close_unused(folder)


def _folder_of(path: PurePath) -> _Folder:
    key = _identity(path)
    return _folders.setdefault(key, _Folder(key, path / _NAME if isinstance(path, Path) else None))


def _identity(folder: PurePath) -> _Identity:
    if not isinstance(folder, Path):
        return str(folder)
    status = folder.stat()
    # Some file systems of Windows number nothing.
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(folder)


def _close_unused(folder: _Folder) -> None:
    if not folder.users:
        folder.close()
        _folders.pop(folder.key, None)
