"""Files that no result takes the place of, whatever the options: recordings, journals, reports."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePath

import attrs

from audio_enhance._core.errors import OutputError
from audio_enhance._core.journal_file import files_of, is_of_journal
from audio_enhance._core.paths import RemotePath, is_url

# Other names of one kind of bucket.
_SCHEMES = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs"}


@attrs.define(eq=False, repr=False)
class ProtectedFiles:
    """Recordings of a run, by what they are on the disk, and other files of it, by their names.

    A recording is there, so that every name of it is known by its device and number: links, and
    other spellings on a disk that makes no difference between A and a. Files that the run is
    yet to write are known by their names, however those are written, and so are recordings in
    buckets. The journal of any other run is known by its first bytes, and so is what SQLite may put
    beside it.
    """

    _recordings: list[str] = attrs.field(factory=list[str])
    _files: dict[str, tuple[Path, str]] = attrs.field(factory=dict[str, tuple[Path, str]])
    _numbers: set[tuple[int, int]] = attrs.field(factory=set[tuple[int, int]])
    _urls: set[str] = attrs.field(factory=set[str])

    def add_recordings(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Protect recordings, which are looked at when a result is about to replace something."""
        self._recordings.extend(os.fspath(path) for path in paths)

    def add_journal(self, path: Path) -> None:
        """Protect a journal, and what belongs to it."""
        for name in {path, Path(os.path.realpath(path))}:
            for file in files_of(name):
                self._add(file, "the journal")

    def add(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Protect other files that the caller writes, a report for example."""
        for path in paths:
            for name in (Path(path), Path(os.path.realpath(path))):
                self._add(name, "a file that is written beside the results")

    def check(self, target: PurePath) -> None:
        """See that a result may have a place; blocks.

        Raises:
            OutputError: The place is a file's that has to stay.
        """
        what = None
        if not isinstance(target, Path):
            self._look_at_recordings()
            what = "a recording" if _url_of(target) in self._urls else None
        elif self._files and (name := _name_of(target)) in self._files:
            _, what = self._files[name]
        elif os.path.lexists(target) and (found := _numbers_of(target)):
            self._look_at_recordings()
            if found & self._numbers:
                what = "a recording"
            for path, of_what in self._files.values():
                if found & _numbers_of(path):
                    what = of_what
        if what is None and isinstance(target, Path) and is_of_journal(target):
            what = "the journal of another run"
        if what is not None:
            raise OutputError(
                f"The result would replace {what}: {target}.",
                hint="Choose another output folder.",
            )

    def _add(self, path: Path, what: str) -> None:
        self._files[_name_of(path)] = (path, what)

    def _look_at_recordings(self) -> None:
        while self._recordings:
            name = self._recordings.pop()
            if is_url(name):
                self._urls.add(_url_of(RemotePath(name)))
            else:
                self._numbers |= _numbers_of(name)


def _url_of(path: PurePath) -> str:
    scheme, _, rest = str(path).partition("://")
    return f"{_SCHEMES.get(scheme, scheme)}://{rest}"


def _name_of(path: Path) -> str:
    # The folder as it really is; A and a, and both ways to write an é, are taken for the same.
    name = os.path.join(os.path.realpath(path.parent), path.name)  # noqa: PTH118
    return unicodedata.normalize("NFC", name.casefold())


def _numbers_of(path: str | Path) -> set[tuple[int, int]]:
    """Return what tells a file, and a link to it, from all others."""
    found: set[tuple[int, int]] = set()
    for look in (os.stat, os.lstat):
        try:
            status = look(path)
        except (OSError, ValueError):
            continue
        if status.st_ino:  # some file systems of Windows give none
            found.add((status.st_dev, status.st_ino))
    return found
