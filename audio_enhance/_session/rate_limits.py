"""The published rate limits, for one process or for all of an organization's."""

from collections.abc import Callable
from typing import Any, Self

from audio_enhance._core.clock import Clock, SystemClock

from .windows import AheadWindow, SlidingWindow

_NOT_COPIED = (
    "A RateLimits is for one process: each copy would let the whole limit through. Make one with "
    'RateLimits.shared("redis://…", name="…") in every process, or hand on one of those.'
)


class RateLimits:
    """The published limits of one organization; give the same object to all of its clients.

    It counts the calls of this process, in one event loop at a time: threads with loops of their
    own need one each, with their shares of the limits. Where several processes or machines belong
    to one organization, use `RateLimits.shared` in each.

    Args:
        creations_per_minute: The most creations in any 60 seconds, 1 or more.
        others_per_minute: The most other calls in any 60 seconds, 1 or more.
        clock: What tells the time and waits, for tests.

    Raises:
        ValueError: A limit is less than 1.
        TypeError: You pickle or copy it, and it is not a `shared` one.

    Attributes:
        creations: For `POST assets` and `POST speech_enhancements` together.
        assets: The same, for `POST assets`; it admits no more than enhancements can follow.
        others: For every other call to the API.
    """

    def __init__(
        self,
        *,
        creations_per_minute: int = 100,
        others_per_minute: int = 500,
        clock: Clock | None = None,
    ) -> None:
        clock = clock or SystemClock()
        self._shared: dict[str, Any] | None = None
        self.creations = SlidingWindow(creations_per_minute, clock)
        self.assets = AheadWindow(self.creations)
        self.others = SlidingWindow(others_per_minute, clock)

    @classmethod
    def shared(
        cls,
        url: str,
        *,
        name: str,
        creations_per_minute: int = 100,
        others_per_minute: int = 500,
        share_if_lost: float | None = None,
    ) -> Self:
        """Return limits that all processes and machines keep to together, through a Redis.

        In any 60 seconds, by the Redis server's clock, all of them together begin no more calls
        than the limits allow. If the API tells one of them to wait, all wait. You can pickle these
        limits, and use them in any event loop.

        Args:
            url: The Redis, such as ``redis://limits.example:6379/0``; ``rediss://`` with TLS.
            name: The same for all that share the limits, such as the organization's name.
            creations_per_minute: As for the class, for all together.
            others_per_minute: As for the class, for all together.
            share_if_lost: The share of the limits, more than 0 and at most 1, that this process
                keeps to by itself while the Redis cannot be reached: 1/8 if there are eight. If
                None, calls then fail with a `ConnectionFailedError`.

        Raises:
            MissingExtraError: The extra `redis` is not installed.
            ValueError: A limit, the share or the name cannot be used.
        """
        from .shared_window import Meeting, SharedWindow

        if not name:
            raise ValueError("Shared limits need a name.")
        meeting = Meeting(url, name, share_if_lost)
        limits = cls()
        limits._shared = {
            "url": url,
            "name": name,
            "creations_per_minute": creations_per_minute,
            "others_per_minute": others_per_minute,
            "share_if_lost": share_if_lost,
        }
        clock = SystemClock()
        limits.creations = SharedWindow(creations_per_minute, clock, meeting, "creations")
        limits.assets = AheadWindow(limits.creations)
        limits.others = SharedWindow(others_per_minute, clock, meeting, "others")
        return limits

    def __reduce__(self) -> tuple[Callable[..., "RateLimits"], tuple[dict[str, Any]]]:
        if self._shared is None:
            raise TypeError(_NOT_COPIED)
        return _shared_again, (self._shared,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(creations={self.creations!r}, others={self.others!r})"


def _shared_again(arguments: dict[str, Any]) -> RateLimits:
    return RateLimits.shared(**arguments)
