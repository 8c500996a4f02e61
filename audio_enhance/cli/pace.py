"""How long a batch will still take, from when its latest results came."""

from collections import deque
from itertools import pairwise
from statistics import fmean, linear_regression

# The pace comes from this many of the latest results: a few minutes of most batches.
_REMEMBERED = 32
# Sizes that differ by less tell nothing about what a byte costs.
_SPREAD = 1.5


class Pace:
    """Time against the number and the sizes of recordings.

    What a recording costs in any case, and what each of its bytes costs besides, are fitted to
    the time between results, whatever holds them up: the server, the network or the limits.
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, int]] = deque(maxlen=_REMEMBERED)

    def begin(self, now: float) -> None:
        """Take in that the server was given something to do; only the first time counts."""
        if not self._ends:
            self._ends.append((now, 0))

    def result(self, now: float, byte_size: int) -> None:
        """Take in that the result of a recording of some size came."""
        self._ends.append((now, byte_size))

    def seconds_left(self, now: float, recordings: int, total_bytes: int) -> float | None:
        """Return how long so many recordings will probably take; `None` before any result."""
        if len(self._ends) < 2:
            return None
        each, per_byte = self._costs()
        since_last = now - self._ends[-1][0]
        return max(0.0, each * recordings + per_byte * total_bytes - since_last)

    def _costs(self) -> tuple[float, float]:
        ends = list(self._ends)
        waits = [late[0] - early[0] for early, late in pairwise(ends)]
        sizes = [float(size) for _, size in ends[1:]]
        if max(sizes) < _SPREAD * min(sizes):
            return fmean(waits), 0.0
        per_byte, each = linear_regression(sizes, waits)
        if per_byte < 0:
            return fmean(waits), 0.0
        if each < 0:
            return 0.0, sum(waits) / sum(sizes)
        return each, per_byte
