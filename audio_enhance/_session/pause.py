"""A pause that a server asked for: everybody keeps it, and whoever comes meanwhile is told."""

from math import inf, nextafter

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError

# Whatever a server asks for, it is asked again after an hour.
_LONGEST_PAUSE = 3600.0


class Pause:
    """Until when nobody may call, and why."""

    __slots__ = ("_because", "_because_at", "_clock", "_until")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = self._because_at = float("-inf")
        self._because: AudioEnhanceError | None = None

    def begin(self, seconds: float, because: AudioEnhanceError | None = None) -> bool:
        """Let nobody call for that many seconds, an hour at most; return whether that is longer.

        Args:
            seconds: From now; a pause never shortens another.
            because: What whoever comes meanwhile is told.
        """
        now = self._clock.monotonic()
        until = now + min(seconds, _LONGEST_PAUSE)
        if until <= self._until:
            return False
        self._until, self._because, self._because_at = until, because, now
        return True

    def left(self, now: float) -> float:
        """Return how many seconds are left of it: it is over when they have passed."""
        if self._until <= now:
            return 0.0
        left = self._until - now
        # Rounded down, they would end a moment before it does.
        return left if now + left >= self._until else nextafter(left, inf)

    def hold_back(self) -> None:
        """Raise the error that is the reason for it, as of now, if there is one."""
        because = self._because
        if because is None:
            return
        left = self.left(self._clock.monotonic())
        if not left:
            return
        # What was asked for beyond an hour is told, and not kept.
        more = (because.retry_after or 0.0) - (self._until - self._because_at)
        raise because.held_back_for(left + max(0.0, more))
