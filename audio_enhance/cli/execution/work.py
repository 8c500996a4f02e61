"""What is to be enhanced: which sources, and at which strengths."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import attrs

from audio_enhance.cli.input.recordings import as_written


@attrs.frozen(kw_only=True)
class Work:
    """What is to be enhanced.

    Attributes:
        sources: By the strengths that they are wanted at.
        sizes: The sources' lengths in bytes.
    """

    sources: Mapping[tuple[int, ...], Sequence[str]]
    sizes: Mapping[str, int]

    @property
    def count(self) -> int:
        """How many results there will be."""
        return sum(len(strengths) * len(names) for strengths, names in self.sources.items())

    def only(self, wanted: Collection[tuple[str, int]]) -> "Work":
        """Return what of it is wanted.

        Args:
            wanted: Sources, as journals write them, and strengths.
        """
        jobs = [(source, n) for source, n in self.jobs() if (as_written(source), n) in wanted]
        return Work(sources=by_strengths(jobs), sizes=self.sizes)

    def first(self, count: int, done: Collection[tuple[str, int]]) -> "Work":
        """Return the first recordings of it that are not done.

        Args:
            count: How many at most.
            done: Sources, as journals write them, and strengths.
        """
        chosen: dict[str, None] = {}
        for source, strength in self.jobs():
            if source in chosen or (as_written(source), strength) in done:
                continue
            if len(chosen) < count:
                chosen[source] = None
        jobs = [(source, strength) for source, strength in self.jobs() if source in chosen]
        return Work(sources=by_strengths(jobs), sizes=self.sizes)

    def jobs(self) -> Iterator[tuple[str, int]]:
        """Yield every source at each of its strengths."""
        for strengths, sources in self.sources.items():
            for source in sources:
                for strength in strengths:
                    yield source, strength


def by_strengths(jobs: Iterable[tuple[str, int]]) -> Mapping[tuple[int, ...], Sequence[str]]:
    """Return the sources that have the same strengths together, as `Work` holds them."""
    strengths: defaultdict[str, list[int]] = defaultdict(list)
    for source, strength in jobs:
        strengths[source].append(strength)
    sources: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
    for source, wanted in strengths.items():
        sources[tuple(wanted)].append(source)
    return sources
