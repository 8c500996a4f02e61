"""When those who are turned away should come again."""

# Until something arrived: neither a memo nor a lecture.
_FIRST_GUESS = 1.0
_SOONEST = 1.0
# How much the latest arrival counts against all before.
_WEIGHT = 0.2


class Turns:
    """Spreads those who come back over time, so that each finds a place.

    If all were told the same, they would come at the same moment, and all but a few would be
    turned away again.

    Args:
        places: How many may arrive at once.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._typical = _FIRST_GUESS
        self._next = 0.0

    def took(self, seconds: float) -> None:
        """Learn from an arrival how long a place is taken."""
        self._typical += _WEIGHT * (seconds - self._typical)

    def later(self, now: float) -> float:
        """Return the seconds after which one more may try, on the clock that `now` is of."""
        self._next = max(self._next, now + _SOONEST) + self._typical / self._places
        return self._next - now
