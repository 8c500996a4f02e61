"""Where results go: one folder, in which no result takes the place of another."""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

import attrs

from audio_enhance._core.errors import OutputError, OutputExistsError
from audio_enhance._core.paths import absolute, path_of
from audio_enhance._recording.filenames import on_disk, result_name, safe_name, same_name
from audio_enhance._recording.source import Source

from .part_file import try_writing, writing_to
from .protected import ProtectedFiles
from .store import is_folder, taken

# Where the result of a source at a strength goes, below the folder.
PlaceRule = Callable[[Source, int], str | os.PathLike[str]]


def _absolute(path: PurePath) -> PurePath:
    return path_of(absolute(path))


def _number(path: PurePath) -> int:
    return hash(same_name(str(path)))


@attrs.define(eq=False, repr=False)
class OutputFolder:
    """The folder for the results of one call, and the names that are taken in it.

    Attributes:
        directory: The folder.
        overwrite: Replace files that were there before.
        root: The folder that the sources have in common, for keeping their structure.
        protected: What no result takes the place of.
        knows_recordings: Whether all recordings of a journal are protected.
        rule: Where each result goes, below the folder; the server's names decide without one.
    """

    directory: PurePath
    overwrite: bool = False
    root: PurePath | None = None
    protected: ProtectedFiles = attrs.field(factory=ProtectedFiles)
    knows_recordings: bool = False
    rule: PlaceRule | None = None
    _twins: frozenset[str] = attrs.field(default=frozenset(), alias="twins")
    # Hashes, since a batch may have any number of results: when two collide, one gets a number.
    _taken: set[int] = attrs.field(factory=set[int])
    _claimed: set[int] = attrs.field(factory=set[int])  # by jobs that are at work
    _take_files: set[PurePath] = attrs.field(factory=set[PurePath])

    @classmethod
    def for_batch(
        cls,
        directory: PurePath,
        recordings: Iterable[PurePath],
        *,
        overwrite: bool,
        root: PurePath | None,
        rule: PlaceRule | None = None,
    ) -> "OutputFolder":
        """Plan for recordings that are known beforehand: twins in name keep their folders.

        Args:
            directory: The folder.
            recordings: Where they are, or none where they are not known yet.
            overwrite: Replace files that were there before.
            root: What the structure is kept below; found from the recordings where it is `None`.
            rule: The place that the caller has for each result.
        """
        paths = list(recordings)
        # Texts, which take a quarter of the time that paths do: a batch may have any number.
        places = {absolute(path) for path in paths}
        names = Counter(same_name(os.path.basename(place)) for place in places)  # noqa: PTH119
        twins = frozenset(name for name, times in names.items() if times > 1)
        if twins and root is None:
            same = [path for path in paths if same_name(path.name) in twins]
            try:
                root = type(same[0])(os.path.commonpath([_absolute(p.parent) for p in same]))
            except ValueError:  # on different drives, or one here and one elsewhere
                root = None
        if root is not None:
            root = _absolute(root)  # as the sources' folders are
        folder = cls(directory, overwrite, root, twins=twins, rule=rule)
        folder.protected.add_recordings(paths)
        return folder

    def check(
        self,
        path: PurePath,
        byte_size: int = 0,
        *,
        taking: Callable[[PurePath], None] | None = None,
    ) -> bool:
        """See that a result may have a path, and return whether something is there now; blocks.

        Whether its folder takes results is looked at once, and again after one could not be
        written: a disk that was full then takes no others either until there is room.

        Args:
            path: The path.
            byte_size: Of the source; the result is about as large.
            taking: What takes the path; it may raise as well.

        Raises:
            OutputError: A file that has to stay or a folder is there, or no such result can be
                written.
        """

        def take() -> None:
            for folder in (self.directory, path.parent):  # a link may lead to another disk
                if folder not in self._take_files:
                    try_writing(folder, byte_size)
                    self._take_files.add(folder)
            if taking is not None:
                taking(path)  # before looking: whoever has it may just have put something there

        with writing_to(path.parent):
            try:
                take()
            except FileNotFoundError:  # somebody has removed the folder meanwhile
                self.doubt()
                take()
        self.protected.check(path)
        there = taken(path)
        if there and self.overwrite and is_folder(path):
            raise OutputError(
                f"The result would replace a folder: {path}.",
                hint="Move it away, or choose another output folder.",
            )
        return there

    def doubt(self) -> None:
        """Look again: a result could not be written there."""
        self._take_files.clear()

    def has(self, path: PurePath) -> bool:
        """Whether another result of this call has a path, or is to get it."""
        number = _number(path)
        return number in self._taken or number in self._claimed

    def expected(self, source: Source, strength: int) -> PurePath:
        """Return where a result will be, by the rule or by the name that the guide shows.

        Raises:
            OutputExistsError: By the rule it is where another result of this call is, too.
        """
        if self.rule is None:
            return self.free(source, result_name(source.filename, strength))
        path = self.directory / self.rule(source, strength)
        if self.has(path):
            raise OutputExistsError(
                f"Another result of this run goes to {path}.",
                hint="Let the place of a result depend on the folder or the strength, too.",
            )
        return path

    def claim(self, path: PurePath) -> None:
        """Keep a path for the result of a job that is at work."""
        self._claimed.add(_number(path))

    def release(self, path: PurePath) -> None:
        """Give back a path that was claimed."""
        self._claimed.discard(_number(path))

    def keep(self, path: PurePath) -> None:
        """Keep a path for good, for a result that is there."""
        self._taken.add(_number(path))

    def free(self, source: Source, name: str) -> PurePath:
        """Return a path for a result of this name that no other result of this call has."""
        folder = self._beside(source)
        path = folder / name
        number = 1
        while self.has(path):
            if (
                number == 1
                and source.place is not None
                and folder == self.directory
                and (own := self._own_folder(source.place)) != folder
            ):
                folder = own
                path = folder / name
            else:
                path = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
            number += 1
        return path

    def _beside(self, source: Source) -> PurePath:
        if not self._twins or source.place is None:
            return self.directory
        if same_name(source.place.name) not in self._twins:
            return self.directory
        return self._own_folder(source.place)

    def _own_folder(self, path: PurePath) -> PurePath:
        """Return a folder for the result of a file whose name another one has, too."""
        parent = _absolute(path.parent)
        if self.root is not None and parent.is_relative_to(self.root):
            return self.directory / parent.relative_to(self.root)
        return self.directory / (on_disk(safe_name(parent.name)) or "_")
