"""How long the server will take for a recording, learned from the ones before it."""

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable

# Enough to see through outliers, few enough to follow a server that becomes slower or faster.
_REMEMBERED = 16
# A recording of more than so many times the bytes of any observed may take less than in
# proportion, since a part of the time is the same for all. To ask too early costs a question or
# two; to wait for an end that was expected far too late leaves the server idle.
_FAR = 4


class ProcessingEstimate:
    """Processing time against byte size, for each content type a line of its own.

    What takes time is how long a recording lasts: a minute of MP3 has a tenth of the bytes of a
    minute of WAV, and one says nothing of the other.
    """

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}
        self._latest: deque[float] = deque(maxlen=_REMEMBERED)

    def observe(self, content_type: str, byte_size: int, seconds: float) -> None:
        """Learn from one enhancement: type and size of its asset, and the seconds it took (≥ 0)."""
        self._latest.append(seconds)
        self._lines.setdefault(content_type, _Line()).observe(byte_size, seconds)

    @property
    def typical(self) -> float | None:
        """The seconds that the enhancements took lately; `None` before the first."""
        return middle(self._latest) if self._latest else None

    def knows(self, content_type: str, byte_size: int) -> bool:
        """Whether there were recordings of this type that were not much smaller."""
        line = self._lines.get(content_type)
        return line is not None and byte_size <= line.farthest

    def expected(self, content_type: str, byte_size: int) -> float | None:
        """Return the seconds after which it is probably finished.

        For one that is far larger than those observed, what the farthest that can be told from
        them would take; `None` before the first of its type.
        """
        line = self._lines.get(content_type)
        return line.at(min(byte_size, line.farthest)) if line is not None else None

    def at_most(self, content_type: str, byte_size: int) -> float | None:
        """Return what it takes if more bytes take longer in proportion, however many they are."""
        line = self._lines.get(content_type)
        return line.at(byte_size) if line is not None else None


class _Line:
    """A line through the middle of what was observed.

    Medians instead of means (Theil and Sen's line): an enhancement that waited behind somebody
    else's, or one that took ten times as long as any other, does not move it.
    """

    def __init__(self) -> None:
        self._observed: deque[tuple[int, float]] = deque()
        # Of every two that differ in size, smallest first, and kept so: to compute and sort all
        # of them for every job would take longer than everything else that is decided about it.
        self._slopes: list[float] = []
        self._fitted: tuple[float, float, float] | None = None
        self.farthest: int = 0  # the most bytes of which it tells something

    def observe(self, byte_size: int, seconds: float) -> None:
        if len(self._observed) == _REMEMBERED:
            for slope in self._slopes_to(*self._observed.popleft()):
                del self._slopes[bisect_left(self._slopes, slope)]
        for slope in self._slopes_to(byte_size, seconds):
            insort(self._slopes, slope)
        self._observed.append((byte_size, seconds))
        largest, _ = max(self._observed)
        self.farthest = _FAR * largest
        self._fitted = None

    def _slopes_to(self, byte_size: int, seconds: float) -> list[float]:
        return [
            (seconds - other) / (byte_size - size)
            for size, other in self._observed
            if size != byte_size
        ]

    def at(self, byte_size: int) -> float:
        base, slope, spread = self._fitted = self._fitted or self._fit()
        return max(0.0, base + slope * byte_size) + spread

    def _fit(self) -> tuple[float, float, float]:
        points = self._observed
        # Nothing better than in proportion is known from recordings of one size; and more than
        # that is never taken for true, since the small differences between recordings of nearly
        # one size, divided by next to nothing, can be any slope at all.
        slope = middle([seconds / size for size, seconds in points])
        if self._slopes:
            slope = min(max(0.0, _middle(self._slopes)), slope)
        bases = [seconds - slope * size for size, seconds in points]
        base = middle(bases)
        # Late by a little costs nothing while the next one is in work; early costs a question.
        spread = 2.0 * middle(
            [seconds - base if seconds > base else base - seconds for seconds in bases]
        )
        return base, slope, spread


def middle(values: Iterable[float]) -> float:
    """Return the median of some values."""
    # Not the library's, which brings fractions and decimals along.
    return _middle(sorted(values))


def _middle(ordered: list[float]) -> float:
    count = len(ordered)
    upper = ordered[count // 2]
    return upper if count % 2 else (ordered[count // 2 - 1] + upper) / 2
