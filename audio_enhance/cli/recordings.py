"""Which recordings are meant: files as they are named, and what folders hold."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path

import attrs

from audio_enhance import AUDIO_SUFFIXES

# What results are called (the Enhance Speech guide, step 5), also where a number was added.
_RESULT = re.compile(r".*-enhanced-\d{1,3}p(-\d+)?", re.DOTALL)


@attrs.frozen(kw_only=True)
class Recordings:
    """What was found.

    Attributes:
        sizes: The recordings in the order given, each with its length in bytes; 0 where it
            could not be looked at, which will show when it is its turn.
        root: The folder that all of them are in or below; `None` where there is none.
        results: How many results of earlier runs were left out.
        unreadable: The folders that could not be searched, and why.
    """

    sizes: dict[str, int]
    root: Path | None
    results: int
    unreadable: list[str]


def find_recordings(given: Sequence[str], output_dir: Path) -> Recordings:
    """Return the named files, and the audio files in the named folders and below them.

    Hidden files are left out, and so are results: what lies in the output folder, or, where
    the output folder itself is searched, what is called as results are. Blocks.
    """
    search = _Search(output_dir)
    parents: list[Path] = []
    for name in given:
        if (path := Path(name)).is_dir():
            search.folder(path)
            parents.append(path)
        else:
            search.add(path)
            parents.append(path.parent)
    return Recordings(
        sizes=search.sizes,
        root=_common(parents),
        results=search.results,
        unreadable=search.unreadable,
    )


def is_result(path: Path) -> bool:
    """Whether a file is called as results are."""
    return _RESULT.fullmatch(path.stem) is not None


def size_of(path: str | Path) -> int:
    """Return the length of a file in bytes, 0 where it cannot be looked at. Blocks."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


class _Search:
    def __init__(self, output: Path) -> None:
        self._output = Path(os.path.realpath(output))
        self._real = cache(os.path.realpath)  # of folders, which come again for every file
        self._seen: set[str] = set()
        self.sizes: dict[str, int] = {}
        self.results = 0
        self.unreadable: list[str] = []

    def add(self, path: Path) -> None:
        # A file that is named twice is meant once; a link to it is another name.
        if (place := f"{self._real(path.parent)}/{path.name}") not in self._seen:
            self._seen.add(place)
            self.sizes[str(path)] = size_of(path)

    def folder(self, top: Path) -> None:
        by_name = Path(self._real(top)).is_relative_to(self._output)
        for path in self._walk(top):
            if by_name and is_result(path):
                self.results += 1
            else:
                self.add(path)

    def _walk(self, top: Path) -> Iterator[Path]:
        for name, folders, names in os.walk(top, onerror=self._not_searched):
            folder = Path(name)
            # What is taken off this list is not walked; in order, so that every run has the same.
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".") and Path(self._real(folder / name)) != self._output
            )
            for name in sorted(names):
                path = folder / name
                if not name.startswith(".") and path.suffix.lower() in AUDIO_SUFFIXES:
                    yield path

    def _not_searched(self, error: OSError) -> None:
        self.unreadable.append(f"{error.filename}: {error.strerror}")


def _common(folders: Iterable[Path]) -> Path | None:
    try:
        # Without "..": the client compares it with what it made absolute in the same way.
        return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))  # noqa: PTH100
    except ValueError:  # on different drives
        return None
