"""When to ask again: the waits between two questions about something that takes its time."""

from collections.abc import Callable
from random import uniform

import attrs

from audio_enhance._core.clock import Clock


@attrs.frozen(kw_only=True)
class PollPolicy:
    """How eagerly to ask, as seconds and as a share of the time waited so far.

    Asking after a fixed share of the time already waited costs a number of questions that
    grows with the logarithm of the time, and finds the end late by at most that share of it.

    Attributes:
        shortest: The least seconds between two questions.
        longest: The most seconds between two questions; more while a late answer costs nobody
            anything, since the next recording is in work already.
        share: The wait as a share of the time since the wait began, up to a tenth longer at
            random; more in the same case.
    """

    shortest: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))
    longest: float = attrs.field(default=15.0, validator=attrs.validators.gt(0))
    share: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))


class Poll:
    """The waits for one thing that is under way, the first of them at its expected end.

    Attributes:
        since: When it began, on the clock's own scale.
        expected: The seconds it is expected to take; `None` when nothing is known.
        near: Whether, when they have passed, its end is probably near.
        patience: A larger share than the policy's, for as long as to notice the end late by that
            share costs nobody anything; the longest wait grows with it.
        questions: How often was asked so far.
    """

    def __init__(
        self,
        policy: PollPolicy,
        clock: Clock,
        *,
        since: float | None = None,
        expected: float | None = None,
        near: bool = True,
        spread: Callable[[float, float], float] = uniform,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._spread = spread
        self.since = clock.monotonic() if since is None else since
        self.expected = expected
        self.near = near
        self.patience = 0.0
        self.questions = 0

    def next_wait(self) -> float:
        """Return the seconds to wait before the next question."""
        waited = self._clock.monotonic() - self.since
        if self.expected is not None and self.questions == 0:
            return max(0.0, self.expected - waited)
        base = waited
        if self.expected is not None and self.near:  # then what counts is how far it has passed
            base = max(waited - self.expected, 0.2 * self.expected)
        share = max(self.patience, self._policy.share)
        longest = self._policy.longest * share / self._policy.share
        wait = base * share
        # Up to a tenth later, so that many clients that began together do not ask together.
        wait *= self._spread(1.0, 1.1)
        return min(max(wait, self._policy.shortest), longest)

    async def wait(self, limit: float | None = None) -> bool:
        """Wait until it is time to ask, and count the question.

        Args:
            limit: The most seconds between the beginning and the last question.

        Returns:
            Whether to ask; at the limit once more, and after it never.
        """
        wait = self.next_wait()
        if limit is not None:
            left = limit - (self._clock.monotonic() - self.since)
            if left <= 0 and self.questions:
                return False
            wait = min(wait, max(left, 0.0))
        await self._clock.sleep(wait)
        self.questions += 1
        return True
