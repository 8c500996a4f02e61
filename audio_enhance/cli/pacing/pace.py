"""How long a batch will still take, from when its latest results came."""

from collections import deque
from itertools import pairwise
from statistics import fmean, linear_regression

# The pace comes from this many of the latest results: a few minutes of most batches.
_REMEMBERED = 32
# Lengths that differ by less tell nothing about what a second of audio costs.
_SPREAD = 1.5
# Recordings of more than so many times the length of any before may take anything.
_FAR = 4.0
# What is late by now will probably take this share of the time that it has taken.
_LATE = 0.1
# What is left is not done at once, whatever the pace says.
_LEAST = 1.0


class Pace:
    """Time against the number and the lengths of recordings.

    What a recording costs in any case, and what each second of its audio costs besides, are
    fitted to the time between results, whatever holds them up: the server, the network or the
    limits. While nothing can go on, time stands still.
    """

    def __init__(self) -> None:
        self._ends: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)
        self._stopped: float | None = None
        self._lost = 0.0

    def begin(self, now: float) -> None:
        """Take in that the server was given something to do; only the first time counts."""
        if not self._ends:
            self._ends.append((self._moved(now), 0.0))

    def result(self, now: float, length: float) -> None:
        """Take in that the result of a recording came, of so many seconds of audio."""
        self.go_on(now)
        self._ends.append((self._moved(now), length))

    def stop(self, now: float) -> None:
        """Take in that nothing can go on: the network is away, for example."""
        if self._stopped is None:
            self._stopped = now

    def go_on(self, now: float) -> None:
        """Take in that something goes on."""
        if self._stopped is not None:
            self._lost += now - self._stopped
            self._stopped = None

    def seconds_left(
        self, now: float, recordings: int, total: float, head: float | None = None
    ) -> float | None:
        """Return how long recordings will probably take; `None` where nothing is known.

        That is so before any result, and while those that are left are far longer than any that
        has one.

        Args:
            now: The time.
            recordings: How many are left.
            total: How many seconds of audio they have.
            head: How long the one that the server is at will take, where that is known.
        """
        if len(self._ends) < 2 or not recordings:
            return None if recordings else 0.0
        if total / recordings > _FAR * max(length for _, length in self._ends):
            return None
        each, per_second = self._costs()
        all_of_them = each * recordings + per_second * total
        one = all_of_them / recordings
        since_last = self._moved(now) - self._ends[-1][0]
        late = _LATE * since_last if since_last > one else 0.0
        return max(all_of_them - min(since_last, one) + late, head or 0.0, _LEAST)

    def _moved(self, now: float) -> float:
        """Return the time without that in which nothing could go on."""
        return (now if self._stopped is None else self._stopped) - self._lost

    def _costs(self) -> tuple[float, float]:
        ends = list(self._ends)
        waits = [late[0] - early[0] for early, late in pairwise(ends)]
        lengths = [length for _, length in ends[1:]]
        if max(lengths) < _SPREAD * min(lengths):
            return fmean(waits), 0.0
        per_second, each = linear_regression(lengths, waits)
        if per_second < 0:
            return fmean(waits), 0.0
        if each < 0:
            return 0.0, sum(waits) / sum(lengths)
        return each, per_second
