"""When to ask again: the waits between two questions about something that takes its time."""

from collections.abc import Callable
from math import inf
from random import uniform

import attrs

# Whatever a server asks for, it is asked again after an hour.
LONGEST_HOLD = 3600.0
# Where API clients take turns at asking, nobody waits longer for an expected end than so many.
_TURNS = 2.5


@attrs.frozen(kw_only=True)
class PollPolicy:
    """How often to poll, in seconds and as a share of the time waited so far.

    If each wait is a fixed share of the time that has passed, the number of polls grows with the
    logarithm of the time, and the client notices the end late by at most that share.

    Attributes:
        shortest: The fewest seconds between two polls.
        longest: The most seconds between two polls. They may be further apart while a late answer
            costs nothing, because the server is at work on the next recording already.
        share: Each wait as a share of the time since the first one began, plus up to a tenth at
            random. It may be larger in the same case.
        apart: For a server whose processors all API clients share, such as a local service: the
            seconds between two polls of all of them together, on average; 0 or more. If it is
            more than 0, `shortest` and `longest` grow with the number of API clients. How long a
            recording takes depends on the others there, so the first poll does not come later
            than `longest` either.
    """

    shortest: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))
    longest: float = attrs.field(default=15.0, validator=attrs.validators.gt(0))
    share: float = attrs.field(default=0.25, validator=attrs.validators.gt(0))
    apart: float = attrs.field(default=0.0, validator=attrs.validators.ge(0))


@attrs.define
class Crowd:
    """The API clients of one client.

    Attributes:
        waiting: How many of them wait for an enhancement.
        asking: How many of those ask again and again, since they do not know when it ends, or it
            should have ended.
    """

    waiting: int = 0
    asking: int = 0


@attrs.define(eq=False, repr=False)
class Poll:
    """The waits for one thing that is under way, the first of them until its expected end.

    Times are seconds on the caller's own scale, whatever its zero is.

    Attributes:
        policy: How eagerly to ask.
        since: When it began.
        expected: The seconds it is expected to take; `None` when nothing is known.
        near: Whether, when they have passed, its end is probably near.
        spread: Draws a number between two others.
        crowd: The API clients that wait, this one among them.
        not_before: When to ask again at the earliest, as the server asked for.
        excused: The seconds that were waited longer than usual, as the server asked for, an hour
            at most; a limit that is not the caller's own grows by them.
        patience: A larger share than the policy's, for as long as to notice the end late by that
            share costs nobody anything; the longest wait grows with it.
        questions: How often was asked so far; counted by whoever asks.
    """

    policy: PollPolicy
    since: float
    expected: float | None = attrs.field(default=None, kw_only=True)
    near: bool = attrs.field(default=True, kw_only=True)
    spread: Callable[[float, float], float] = attrs.field(default=uniform, kw_only=True)
    crowd: Crowd = attrs.field(factory=Crowd, kw_only=True)
    not_before: float = attrs.field(default=-inf, init=False)
    excused: float = attrs.field(default=0.0, init=False)
    patience: float = attrs.field(default=0.0, init=False)
    questions: int = attrs.field(default=0, init=False)

    def hold(self, now: float, seconds: float | None) -> None:
        """Ask no earlier than a server asks for (`retry-after`), an hour from now at the latest."""
        if seconds is None:
            return
        seconds = min(seconds, LONGEST_HOLD)
        self.not_before = now + seconds
        longer = max(0.0, seconds - self._usual_wait(now))
        self.excused = min(self.excused + longer, LONGEST_HOLD)

    def wait(self, now: float) -> float:
        """Return the seconds to wait before the next question."""
        return max(self._usual_wait(now), self.not_before - now)

    def left(self, now: float) -> float:
        """Return the seconds until its expected end, 0 if that has passed or is not known.

        Where nobody else can be in the way, it is over by then, or not as long as expected.
        """
        if self.expected is None or (self.questions and not self.policy.apart):
            return 0.0
        return max(0.0, self.expected - (now - self.since))

    def _usual_wait(self, now: float) -> float:
        waited = now - self.since
        apart = self.policy.apart
        turn = apart * self.crowd.waiting  # in which each of them asks once
        if left := self.left(now):
            return min(left, max(self.policy.longest, _TURNS * turn)) if apart else left
        if self.expected is not None and self.questions == 0:
            return 0.0
        base = waited
        if self.expected is not None and self.near:  # then what counts is how far it has passed
            base = max(waited - self.expected, 0.2 * self.expected)
        share = max(self.patience, self.policy.share)
        longest = max(self.policy.longest, turn) * share / self.policy.share
        wait = base * share
        # Up to a tenth later, so that many clients that began together do not ask together.
        wait *= self.spread(1.0, 1.1)
        return min(max(wait, self.policy.shortest, apart * self.crowd.asking), longest)

    def wait_within(self, now: float, limit: float | None) -> float | None:
        """Return the seconds to wait before the next question, if there is to be one.

        Args:
            now: The time.
            limit: The most seconds between the beginning and the last question, which comes then
                at the latest; a first one there is however short they are. `None` for no end.
        """
        if limit is None:
            return self.wait(now)
        left = limit - (now - self.since)
        if left <= 0 and self.questions:
            return None
        return min(self.wait(now), max(left, 0.0))
