"""Files that no result takes the place of, whatever the options: recordings, journals, reports."""

import os
import unicodedata
from collections.abc import Iterable
from pathlib import Path

import attrs

from audio_enhance._core.errors import OutputError

# What SQLite and the lock put beside a journal; they come and go, and are protected either way.
_OF_A_JOURNAL = ("", "-wal", "-shm", "-journal", ".lock")


@attrs.define(eq=False)
class ProtectedFiles:
    """Recordings of a run, by what they are on the disk, and other files of it, by their names.

    A recording is there, so that every name of it is known by its device and number: links, and
    other spellings on a disk that makes no difference between A and a. Files that the run is
    yet to write are known by their names, however those are written.
    """

    _recordings: list[str] = attrs.field(factory=list[str])
    _files: dict[str, tuple[Path, str]] = attrs.field(factory=dict[str, tuple[Path, str]])
    _numbers: set[tuple[int, int]] = attrs.field(factory=set[tuple[int, int]])

    def add_recordings(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Protect recordings, which are looked at when a result is about to replace something."""
        self._recordings.extend(os.fspath(path) for path in paths)

    def add_journal(self, path: Path) -> None:
        """Protect a journal, and what belongs to it."""
        for name in {path, Path(os.path.realpath(path))}:
            for suffix in _OF_A_JOURNAL:
                self._add(name.with_name(name.name + suffix), "the journal")

    def add(self, paths: Iterable[str | os.PathLike[str]]) -> None:
        """Protect other files that the caller writes, a report for example."""
        for path in paths:
            for name in (Path(path), Path(os.path.realpath(path))):
                self._add(name, "a file that is written beside the results")

    def check(self, target: Path) -> None:
        """See that a result may have a place; blocks.

        Raises:
            OutputError: The place is a file's that has to stay.
        """
        what = None
        if self._files and (name := _name_of(target)) in self._files:
            _, what = self._files[name]
        elif os.path.lexists(target) and (found := _numbers_of(target)):
            self._look_at_recordings()
            if found & self._numbers:
                what = "a recording"
            for path, of_what in self._files.values():
                if found & _numbers_of(path):
                    what = of_what
        if what is not None:
            raise OutputError(
                f"The result would replace {what}: {target}.",
                hint="Choose another output folder.",
            )

    def _add(self, path: Path, what: str) -> None:
        self._files[_name_of(path)] = (path, what)

    def _look_at_recordings(self) -> None:
        while self._recordings:
            self._numbers |= _numbers_of(self._recordings.pop())


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
