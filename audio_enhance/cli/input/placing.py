"""Where a result goes by `--mirror` and `--name`: its recording and its strength alone decide."""

import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from string import Formatter

import attrs

from audio_enhance import Source, path_of

#: What results are called where nothing else is said (the Enhance Speech guide, step 5).
USUAL_NAME = "{stem}-enhanced-{strength}p{ext}"
_FIELDS = {"stem": ".+", "ext": r"(?:\.[^.]*)?", "strength": r"\d{1,3}", "folder": ".+"}
_LONGEST_BYTES = 255  # of one name, on every common file system


def trouble_with(template: str) -> str:
    """Return what is wrong with a template for names, an empty text if nothing is."""
    try:
        parts = list(Formatter().parse(template))
        template.format(**dict.fromkeys(_FIELDS, "") | {"strength": 93})
    except (ValueError, LookupError, AttributeError):
        return f"It can hold {_listed()} and nothing else in braces."
    fields = {field for _, field, _, _ in parts if field is not None}
    if fields - set(_FIELDS):
        return f"It can hold {_listed()}."
    if "stem" not in fields or not template.endswith("{ext}"):
        return "It needs {stem}, and {ext} at its end."
    literal = "".join(text for text, *_ in parts)
    if re.search(r'[/\\<>:"|?*\x00-\x1f]', literal) or template.startswith((".", "~")):
        return "It is not a plain file name."
    return ""


def _listed() -> str:
    return ", ".join(f"{{{name}}}" for name in _FIELDS)


def pattern_of(template: str) -> re.Pattern[str]:
    """Return what the names match that a template gives; a number may have been added."""
    parts = [
        re.escape(text) + (_FIELDS[field] if field is not None else "")
        for text, field, _, _ in Formatter().parse(template)
    ]
    ending = parts.pop()  # `{ext}`, and what is before it
    before = ending.removesuffix(_FIELDS["ext"])
    return re.compile("".join(parts) + before + r"(?:-\d+)?" + _FIELDS["ext"], re.DOTALL)


@attrs.frozen(kw_only=True)
class Placing:
    """A rule for the places of results, below the output folder.

    Attributes:
        mirror: Whether the folders below what the command named are kept.
        name: The template of a result's name; the usual one without.
        tops: The folders that were named, and those of the files that were. The first that a
            recording is in counts.
    """

    mirror: bool = False
    name: str | None = None
    tops: Sequence[PurePath] = ()

    @property
    def is_given(self) -> bool:
        """Whether there is a rule at all."""
        return self.mirror or self.name is not None

    def __call__(self, source: Source, strength: int) -> Path:
        """Return the place of the result of a recording at a strength."""
        assert source.place is not None  # the command line names files
        return self.place(source.place, strength)

    def place(self, recording: PurePath, strength: int) -> Path:
        """Return the place of the result of a recording at a strength."""
        path = recording
        if isinstance(recording, Path):
            path = Path(os.path.abspath(recording))  # noqa: PTH100  pathlib keeps ".."
        name = self._named(path, path.stem, strength)
        if (beyond := len(os.fsencode(name)) - _LONGEST_BYTES) > 0:
            name = self._named(path, _shorter(path.stem, beyond), strength)
        return self._folder(path.parent) / name

    def _named(self, path: PurePath, stem: str, strength: int) -> str:
        return (self.name or USUAL_NAME).format(
            stem=stem, ext=path.suffix, strength=strength, folder=path.parent.name
        )

    def _folder(self, parent: PurePath) -> Path:
        if self.mirror:
            for top in self.tops:
                if parent.is_relative_to(top):
                    return Path(parent.relative_to(top))
        return Path()

    def clash(self, jobs: Iterable[tuple[str, int]]) -> tuple[str, str, Path] | None:
        """Return two recordings whose results would have one place, with that place, if any."""
        taken: dict[str, tuple[str, int]] = {}
        for job in jobs:
            place = self.place(path_of(job[0]), job[1])
            # Some file systems make no difference between A and a, or two ways to write an é.
            other = taken.setdefault(unicodedata.normalize("NFC", str(place).casefold()), job)
            if other != job:
                return other[0], job[0], place
        return None


def _shorter(stem: str, beyond: int) -> str:
    data = os.fsencode(stem)
    return os.fsdecode(data[: max(1, len(data) - beyond)]).encode("utf-8", "ignore").decode()
