"""Which recordings are meant: files as they are named, and what folders hold."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path, PurePath

import attrs

from audio_enhance import (
    InvalidInputError,
    Journal,
    RemotePath,
    list_files,
    path_of,
    recording_suffixes,
)
from audio_enhance.cli.journals import JOURNAL_NAME, JOURNAL_SUFFIX

from .placing import pattern_of, trouble_with
from .selection import Filter
from .settings import MARK_NAME, MARK_TEMPLATE

# What results are called (the Enhance Speech guide, step 5), also where a number was added.
_RESULT = re.compile(r".*-enhanced-\d{1,3}p(-\d+)?", re.DOTALL)
_pattern_of = cache(pattern_of)
_SIGNS = (JOURNAL_NAME, MARK_NAME)
# Endings of sound, and of pictures with sound, that the API does not take.
_NOT_TAKEN = re.compile(
    r"\.(3g2|3gp|ac3|amr|ape|au|avi|bwf|caf|dff|dsf|dts|m4v|mka|mkv|mov|mp2|mpc|mpe?g|ra|rf64|snd"
    r"|tta|voc|w64|weba|webm|wma|wmv|wv)"
)


@attrs.frozen(kw_only=True)
class Recordings:
    """What was found.

    Attributes:
        sizes: The recordings in the order given, each with its length in bytes; 0 where it
            could not be looked at, which will show when it is its turn.
        tops: The folders that were named, and those of the files that were; absolute.
        root: The folder that all of them are in or below; `None` where there is none.
        results: How many results of earlier runs were left out.
        not_taken: How many files were left out since the API does not take what they end in, nor
            is it a video that can be read here.
        filtered: How many recordings patterns left out.
        links: The links to folders, which were not searched.
        unreadable: The folders that could not be searched, and why.
        beside: By journal, the recordings that lie beside it or in folders below.
    """

    sizes: dict[str, int]
    tops: Sequence[PurePath]
    root: PurePath | None
    results: int
    not_taken: Counter[str]
    filtered: int
    links: list[str]
    unreadable: list[str]
    beside: dict[Path, list[str]] = attrs.field(factory=dict[Path, list[str]])


def find_recordings(
    given: Sequence[str], output_dir: PurePath, wanted: Filter | None = None
) -> Recordings:
    """Return the named files, and the recordings in the named folders and below them.

    Hidden files are left out, and so are results: what lies in the output folder, or, where
    a folder with a journal or a mark of ours is searched, what is called as results are. Blocks.
    """
    search = _Search(output_dir, wanted or Filter())
    parents: list[PurePath] = []
    for name in given:
        if isinstance(place := path_of(name), RemotePath):
            parents.append(search.elsewhere(name, place))
        elif (path := Path(name)).is_dir():
            search.folder(path)
            parents.append(path)
        else:
            search.add(path)
            parents.append(path.parent)
    return Recordings(
        sizes=search.sizes,
        tops=list(dict.fromkeys(path_of(as_written(folder)) for folder in parents)),
        root=_common(parents),
        results=search.results,
        not_taken=search.not_taken,
        filtered=search.filtered,
        links=search.links,
        unreadable=search.unreadable,
        beside=search.beside,
    )


def is_result(path: PurePath, templates: Iterable[str] = ()) -> bool:
    """Whether a file is called as results are.

    Args:
        path: The file.
        templates: What `--name` said in runs that put results there.
    """
    if _RESULT.fullmatch(path.stem) is not None:
        return True
    return any(_pattern_of(template).fullmatch(path.name) for template in templates)


def size_of(path: str | Path) -> int:
    """Return the length of a file in bytes, 0 where it cannot be looked at. Blocks."""
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return 0


def as_written(name: str | PurePath) -> str:
    """Return a path as journals write it: absolute and without "..", which pathlib would keep."""
    if isinstance(path_of(name), RemotePath):
        return str(name)
    return os.path.abspath(name)  # noqa: PTH100


@attrs.frozen
class _Signs:
    """What a folder, and those above it, tell of results in it.

    Attributes:
        among_results: Whether results may be there at all.
        templates: What they are called beside the usual.
        journals: The journals that may know them.
    """

    among_results: bool = False
    templates: frozenset[str] = frozenset()
    journals: tuple[Path, ...] = ()

    def and_in(self, folder: Path, names: Iterable[str]) -> "_Signs":
        """Return these and those of one folder more. Blocks."""
        found = self
        for name in names:
            path = folder / name
            if name == MARK_NAME:
                templates = found.templates | _templates_in(path)
                found = _Signs(True, templates, found.journals)
            elif name.endswith(JOURNAL_SUFFIX) and Journal.recognises(path):
                found = _Signs(True, found.templates, (*found.journals, path))
        return found


class _Search:
    def __init__(self, output: PurePath, wanted: Filter) -> None:
        self._wanted = wanted
        self._output = Path(os.path.realpath(output)) if isinstance(output, Path) else output
        self._real = cache(os.path.realpath)  # of folders, which come again for every file
        self._seen: set[str] = set()
        self._taken = recording_suffixes()
        self.sizes: dict[str, int] = {}
        self.results = self.filtered = 0
        self.not_taken: Counter[str] = Counter()
        self.links: list[str] = []
        self.unreadable: list[str] = []
        self.beside: dict[Path, list[str]] = {}

    def add(self, path: Path) -> None:
        # A file that is named twice is meant once; a link to it is another name.
        if (place := f"{self._real(path.parent)}/{path.name}") not in self._seen:
            self._seen.add(place)
            if self._wanted.lets_in(path):
                self.sizes[str(path)] = size_of(path)
            else:
                self.filtered += 1

    def elsewhere(self, url: str, place: PurePath) -> PurePath:
        """Take the file at a URL, or what lies below it, and return the folder that it is in."""
        if re.match("https?:", url, re.IGNORECASE):
            if "?" in url or "#" in url or "@" in url:
                raise InvalidInputError(
                    "A journal cannot keep this URL: it has a query, a fragment or a password.",
                    hint="Download it first, or use Source.from_url in a program.",
                )
            self._found(url, 1)  # nobody lists what is beside it
            return place.parent
        count, inside = 0, place.is_relative_to(self._output)
        for found, size in list_files(url):
            count += 1
            path = path_of(found)
            below = () if path == place else path.relative_to(place).parts
            if any(part.startswith(".") for part in below):
                continue
            if path == place:
                self._found(found, size)
                return place.parent
            self._below(found, path, size, inside=inside)
        if not count:
            self._found(url, 0)
        return place

    def _below(self, url: str, path: PurePath, size: int, *, inside: bool) -> None:
        suffix = path.suffix.lower()
        if not inside and path.is_relative_to(self._output):
            return
        if suffix in self._taken:
            if inside and is_result(path):
                self.results += 1
            else:
                self._found(url, size)
        elif _NOT_TAKEN.fullmatch(suffix):
            self.not_taken[suffix] += 1

    def _found(self, url: str, size: int) -> None:
        if url in self._seen:
            return
        self._seen.add(url)
        if self._wanted.lets_in(path_of(url)):
            self.sizes[url] = size
        else:
            self.filtered += 1

    def folder(self, top: Path) -> None:
        real = Path(self._real(top))
        above = _Signs(among_results=real.is_relative_to(self._output))
        for folder in real.parents:
            above = above.and_in(folder, _names_in(folder))
        signs = {top.parent: above}
        for folder, names in self._walk(top):
            here = signs[folder] = signs[folder.parent].and_in(folder, names)
            for name in names:
                self._file(folder / name, here)

    def _file(self, path: Path, signs: _Signs) -> None:
        suffix = path.suffix.lower()
        if suffix in self._taken:
            if signs.among_results and is_result(path, signs.templates):
                self.results += 1
            else:
                self.add(path)
                for journal in signs.journals:
                    self.beside.setdefault(journal, []).append(str(path))
        elif _NOT_TAKEN.fullmatch(suffix):
            self.not_taken[suffix] += 1

    def _walk(self, top: Path) -> Iterator[tuple[Path, list[str]]]:
        for name, folders, names in os.walk(top, onerror=self._not_searched):
            folder = Path(name)
            # What is taken off this list is not walked; in order, so that every run has the same.
            folders[:] = sorted(
                name
                for name in folders
                if not name.startswith(".")
                and Path(self._real(folder / name)) != self._output
                and not self._is_link(folder / name)
            )
            yield folder, sorted(n for n in names if not n.startswith(".") or n in _SIGNS)

    def _is_link(self, folder: Path) -> bool:
        if is_link := folder.is_symlink():
            self.links.append(str(folder))
        return is_link

    def _not_searched(self, error: OSError) -> None:
        self.unreadable.append(f"{error.filename}: {error.strerror}")


def _templates_in(mark: Path) -> frozenset[str]:
    try:
        text = mark.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return frozenset()
    said = (
        line.removeprefix(MARK_TEMPLATE)
        for line in text.splitlines()
        if line.startswith(MARK_TEMPLATE)
    )
    return frozenset(template for template in said if not trouble_with(template))


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  names are all that is wanted
    except OSError:
        return []


def _common(folders: Iterable[PurePath]) -> PurePath | None:
    folders = list(folders)
    if any(isinstance(folder, RemotePath) for folder in folders):
        if len({type(folder) for folder in folders}) > 1:
            return None  # some here, some elsewhere
        return RemotePath(os.path.commonpath(folders))
    try:
        # Without "..": the client compares it with what it made absolute in the same way.
        return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))  # noqa: PTH100
    except ValueError:  # on different drives
        return None
