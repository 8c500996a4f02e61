"""How long the server will take for a recording, learned from the ones before it."""

from collections import deque
from itertools import combinations
from statistics import median

# Enough to see through outliers, few enough to follow a server that becomes slower or faster.
_REMEMBERED = 16


class ProcessingEstimate:
    """Processing time against byte size: a line through the middle of what was observed.

    Medians instead of means (Theil and Sen's line): an enhancement that waited behind somebody
    else's, or one that took ten times as long as any other, does not move it.
    """

    def __init__(self) -> None:
        self._observed: deque[tuple[int, float]] = deque(maxlen=_REMEMBERED)
        self._line: tuple[float, float, float] | None = None

    def observe(self, byte_size: int, seconds: float) -> None:
        """Learn from one enhancement: the size of its asset and the seconds it took."""
        self._observed.append((byte_size, max(0.0, seconds)))
        self._line = None

    @property
    def typical(self) -> float | None:
        """The seconds that the enhancements took lately; `None` before the first."""
        return median(seconds for _, seconds in self._observed) if self._observed else None

    def expected(self, byte_size: int) -> float | None:
        """Return the seconds after which it is probably finished; `None` before the first."""
        if not self._observed:
            return None
        base, slope, spread = self._line = self._line or self._fit()
        return max(0.0, base + slope * byte_size) + spread

    def _fit(self) -> tuple[float, float, float]:
        points = self._observed
        slopes = [
            (late - early) / (large - small)
            for (small, early), (large, late) in combinations(points, 2)
            if large != small
        ]
        # Nothing better than in proportion is known from recordings of one size; and more than
        # that is never taken for true, since the small differences between recordings of nearly
        # one size, divided by next to nothing, can be any slope at all.
        proportion = median(seconds / size for size, seconds in points)
        slope = min(max(0.0, median(slopes)), proportion) if slopes else proportion
        base = median(seconds - slope * size for size, seconds in points)
        errors = [seconds - base - slope * size for size, seconds in points]
        # Late by a little costs nothing while the next one is in work; early costs a question.
        spread = 2.0 * median(abs(error) for error in errors)
        return base, slope, spread
