"""What one API client has outstanding at its server, and what to do about it.

The server works on one enhancement at a time, oldest first, so that only the oldest, the head, can
be in work. Everything here follows from what happened and when: nothing waits, and nothing looks
at a clock. Times are seconds on the caller's own scale, except the server's, which are `datetime`.
"""

import math
from bisect import insort
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from random import uniform
from typing import NamedTuple

import attrs

from audio_enhance._core.errors import WaitTimeoutError
from audio_enhance._core.models import EnhancementStatus, SpeechEnhancement
from audio_enhance._core.phase import Phase

from .estimate import ProcessingEstimate, middle
from .polling import LONGEST_HOLD, Crowd, Poll, PollPolicy

# One in work and one behind it; deeper only where the server would idle otherwise, since what
# was submitted can no longer be reordered or cancelled for free.
_SHALLOWEST = 2
_DEEPEST = 32
# Of the lags and of the differences between the clocks, the latest.
_REMEMBERED = 8
# Without a limit from the caller, an enhancement is given up after this many times its
# estimate, but never before half an hour, and after a day at the latest.
_STUCK_FACTOR = 20
_STUCK_LEAST = 1800.0
_STUCK_UNKNOWN = 86400.0
# Asking at the very end that is expected would come too early half of the time, and cost a second
# question; this share later finds nearly all of them finished.
_MARGIN = 0.02
# Of the time that the next one will take at least, this share may pass unnoticed; the rest is for
# the jitter of the waits (a tenth), and for asking and submitting another.
_PATIENCE = 0.85
# What the server has was paid for: that it cannot be asked about for a while is no reason to
# give it up. Every question is tried again by itself, a few times; this long they may all fail.
_UNREACHABLE = 600.0


class Question(NamedTuple):
    """An enhancement to ask about, and when."""

    id: str
    at: float


@attrs.define(eq=False, repr=False)
class _Entry:
    """An enhancement that the server has.

    Attributes:
        id: The server's.
        age: Its place in the server's order, which is from oldest to newest (the guide, step 4).
        byte_size: Of its asset.
        content_type: Of its asset.
        skew: Seconds on our clock minus the server's, measured when it was created; `None` if it
            was taken up.
        poll: The waits for it; `None` while it is not the head.
        ask_at: When to ask about it.
        noticed: When it became the head.
        behind: When it was last found waiting for somebody else's.
        failing: Since when no question about it was answered.
        not_before: When to ask about it at the earliest, as the server asked for.
        asking: Whether it is asked about again and again.
    """

    id: str
    age: datetime
    byte_size: int
    content_type: str
    skew: float | None
    poll: Poll | None = None
    ask_at: float = 0.0
    noticed: float = 0.0
    behind: float | None = None
    failing: float | None = None
    not_before: float = -math.inf
    asking: bool = False


class Window:
    """What is outstanding: told what happens, it says when to ask, when to give up, how deep it is.

    Args:
        polling: How eagerly to ask.
        longest: The most seconds from when the server began with one to its end; `None` for a
            multiple of what it is expected to take.
        spread: Draws a number between two others.
        estimate: What the windows of all API clients learn; its own if None.
        crowd: Who waits, in the windows of all API clients; this one alone if None.

    Attributes:
        estimate: What was learned about processing times.
        depth: How many enhancements may be outstanding.
        freed: The end that gave the latest free place; `None` if something else gave it.
    """

    def __init__(
        self,
        polling: PollPolicy,
        *,
        longest: float | None = None,
        spread: Callable[[float, float], float] = uniform,
        estimate: ProcessingEstimate | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self.estimate = estimate or ProcessingEstimate()
        self.depth = _SHALLOWEST
        self.freed: datetime | None = None
        self._polling = polling
        self._longest = longest
        self._spread = spread
        self._crowd = crowd or Crowd()
        self._entries: list[_Entry] = []
        self._skews: deque[float] = deque(maxlen=_REMEMBERED)
        self._last_end: datetime | None = None
        self._lags: deque[float] = deque(maxlen=_REMEMBERED)

    # Questions

    @property
    def ids(self) -> tuple[str, ...]:
        """What is outstanding, the head first."""
        return tuple([entry.id for entry in self._entries])

    def position(self, enhancement_id: str) -> int:
        """Return how many are before it; 0 when it is the head, or over."""
        for position, entry in enumerate(self._entries):
            if entry.id == enhancement_id:
                return position
        return 0

    @property
    def next_question(self) -> Question | None:
        """What to ask about, and when; `None` while nothing is outstanding."""
        if not self._entries:
            return None
        head = self._entries[0]
        return Question(head.id, head.ask_at)

    def expected_end(self, enhancement_id: str, now: float) -> float | None:
        """Return when it will probably be finished; `None` if nothing is known.

        Nothing is known of a recording that is far larger than any before it: a few seconds of
        sound tell nothing of two hours.
        """
        end = now
        for entry in self._entries:
            if not self.estimate.knows(entry.content_type, entry.byte_size):
                return None
            seconds = self.estimate.expected(entry.content_type, entry.byte_size) or 0.0
            end = max(now, entry.poll.since + seconds) if entry.poll else end + seconds
            if entry.id == enhancement_id:
                return end
        return None

    # Events

    def submitted(
        self,
        enhancement: SpeechEnhancement,
        byte_size: int,
        content_type: str,
        now: float,
        *,
        freed: datetime | None = None,
    ) -> None:
        """Take in one that was just created.

        Args:
            enhancement: As the server described it.
            byte_size: Of its asset.
            content_type: Of its asset.
            now: The time.
            freed: What `freed` was when it got its place, if it had to wait for that.
        """
        requested = enhancement.requested_processing_at
        skew = now - requested.timestamp()
        self._skews.append(skew)
        self._add(enhancement, byte_size, content_type, now, skew)
        if freed is not None:
            self._learn_lag((requested - freed).total_seconds())

    def taken_up(
        self, enhancement: SpeechEnhancement, byte_size: int, content_type: str, now: float
    ) -> None:
        """Take in one that was created earlier, by another run."""
        self._add(enhancement, byte_size, content_type, now, None)

    def refused(self) -> None:
        """Note that one was not created after all: no end gave the place that is free now."""
        self.freed = None

    def answered(
        self, enhancement_id: str, found: SpeechEnhancement, now: float
    ) -> WaitTimeoutError | None:
        """Take in an answer; one that is finished, or given up, is outstanding no longer.

        Returns:
            Why it is given up, if it is.
        """
        entry = self._entry(enhancement_id)
        entry.failing = None
        if found.status == EnhancementStatus.QUEUED:
            entry.behind = now
        if found.finished:
            ended = self._end_of(found, now)
            if ended is not None:
                self._learn(entry, ended, found.status)
            self._remove(entry, ended, now)
            return None
        if (waited := self._stuck(entry, now)) is not None:
            self._remove(entry, None, now)
            return WaitTimeoutError(
                f"The enhancement is still {found.status.value} after {waited:.0f} s.",
                phase=Phase.PROCESS,
                asset_id=found.asset_id,
                enhancement_id=found.id,
                hint="The server continues. Resume with get_speech_enhancement(asset_id, "
                "enhancement_id), or run the batch again with its journal.",
            )
        if entry.poll is not None:
            entry.poll.hold(now, found.retry_after)
            entry.not_before = entry.poll.not_before
        self._plan(entry, now)
        return None

    def unanswered(self, enhancement_id: str, now: float, retry_after: float | None = None) -> bool:
        """Note that a question had no answer; return whether the enhancement is given up.

        It is at once where the server asks to wait for longer than anybody waits.
        """
        entry = self._entry(enhancement_id)
        if entry.failing is None:
            entry.failing = now
        longest = _UNREACHABLE if self._longest is None else min(_UNREACHABLE, self._longest)
        if now - entry.failing >= longest or (retry_after or 0.0) > LONGEST_HOLD:
            self._remove(entry, None, now)
            return True
        self._plan(entry, now)
        return False

    def gone(self, enhancement_id: str, now: float) -> None:
        """Note that an enhancement cannot be had: it is outstanding no longer."""
        for entry in self._entries:
            if entry.id == enhancement_id:
                self._remove(entry, None, now)
                return

    # What follows from them

    def _entry(self, enhancement_id: str) -> _Entry:
        return next(entry for entry in self._entries if entry.id == enhancement_id)

    def _add(
        self,
        enhancement: SpeechEnhancement,
        byte_size: int,
        content_type: str,
        now: float,
        skew: float | None,
    ) -> None:
        if enhancement.id in self.ids:
            return  # taken up as well: it is asked about for both
        age = enhancement.requested_processing_at
        entry = _Entry(enhancement.id, age, byte_size, content_type, skew)
        if enhancement.retry_after is not None:
            entry.not_before = now + min(enhancement.retry_after, LONGEST_HOLD)
        self._crowd.waiting += not self._entries
        insort(self._entries, entry, key=lambda other: other.age)
        if self._entries[0] is entry and len(self._entries) > 1:
            # An older one became known: it is the head no longer.
            self._entries[1].poll = None
            self._ask_often(self._entries[1], False)
        self._promote(now)

    def _remove(self, entry: _Entry, freed: datetime | None, now: float) -> None:
        self._entries.remove(entry)
        self._ask_often(entry, False)
        self._crowd.waiting -= not self._entries
        self.freed = freed
        self._promote(now)

    def _promote(self, now: float) -> None:
        """Begin with the head, if it has just become that."""
        if self._entries and self._entries[0].poll is None:
            head = self._entries[0]
            head.noticed = now
            head.poll = self._begin(head, now)
            self._ask_next(head, head.poll, now)

    def _plan(self, entry: _Entry, now: float) -> None:
        """Count a question and plan the next one."""
        if entry.poll is not None:
            entry.poll.questions += 1
            self._ask_next(entry, entry.poll, now)

    def _ask_next(self, head: _Entry, poll: Poll, now: float) -> None:
        poll.patience = self._patience(head)
        self._ask_often(head, not poll.left(now))
        head.ask_at = now + poll.wait(now)

    def _ask_often(self, entry: _Entry, asking: bool) -> None:
        self._crowd.asking += asking - entry.asking
        entry.asking = asking

    def _began(self, entry: _Entry) -> datetime:
        """Return when the server began with it, on its own clock, if nobody else's came before."""
        return entry.age if self._last_end is None else max(entry.age, self._last_end)

    def _begin(self, head: _Entry, now: float) -> Poll:
        """Return the waits for a new head, from when the server began to work on it."""
        since, expected = now, None
        if head.skew is not None:  # of one taken up, how long it was in work is not known
            since = min(now, self._began(head).timestamp() + head.skew)
            expected = self.estimate.expected(head.content_type, head.byte_size)
        if expected is not None:
            expected *= 1.0 + _MARGIN
        near = self.estimate.knows(head.content_type, head.byte_size)
        spread, crowd = self._spread, self._crowd
        poll = Poll(self._polling, since, expected=expected, near=near, spread=spread, crowd=crowd)
        poll.not_before = head.not_before
        return poll

    def _patience(self, head: _Entry) -> float:
        """Return how late the head's end may be noticed, as a share of the time it has taken.

        While the next one is in work the server does not wait for us, and that one takes as
        long as the head has taken already, in proportion to its size.
        """
        if len(self._entries) < 2:
            return 0.0
        following = self._entries[1]
        if following.content_type != head.content_type:
            return 0.0  # what its bytes mean is not known
        return _PATIENCE * min(1.0, following.byte_size / head.byte_size)

    def _stuck(self, entry: _Entry, now: float) -> float | None:
        """Return how many seconds it has taken, if they are too many."""
        if entry.poll is None:
            return None
        since, limit = entry.poll.since, self._longest
        if limit is None:
            since = entry.noticed  # not its fault if the one before it was stuck
            expected = self.estimate.at_most(entry.content_type, entry.byte_size)
            limit = _STUCK_UNKNOWN
            if expected is not None:
                limit = min(max(_STUCK_FACTOR * expected, _STUCK_LEAST), _STUCK_UNKNOWN)
            limit += entry.poll.excused
        return now - since if now - since > limit else None

    def _end_of(self, found: SpeechEnhancement, now: float) -> datetime | None:
        """Return when it ended on the server's own clock, which cannot be later than now.

        Before anything was created by this run its clock is not known, nor needed: whatever is
        created from then on begins after that end.
        """
        ended = found.finished_processing_at
        if ended is None or not self._skews:
            return None
        # The smallest holds the least of the way that an answer took.
        return min(ended, datetime.fromtimestamp(now - min(self._skews), UTC))

    def _learn(self, entry: _Entry, ended: datetime, status: EnhancementStatus) -> None:
        """Learn from an end how long processing took, on the server's own clock."""
        began = self._began(entry)
        # Of one taken up, who was before it is unknown; and of one that had ended before the
        # latest one, too: its creation was answered so late that the younger was asked about.
        if status == EnhancementStatus.SUCCEEDED and entry.skew is not None and began <= ended:
            if entry.behind is not None:
                # The work of another process is none of its own: were that learned, the next one
                # would be asked about as late, and the server idle for as long.
                waited = datetime.fromtimestamp(entry.behind - entry.skew, UTC)
                began = min(max(began, waited), ended)
            took = (ended - began).total_seconds()
            self.estimate.observe(entry.content_type, entry.byte_size, took)
        self._last_end = ended if self._last_end is None else max(ended, self._last_end)

    def _learn_lag(self, lag: float) -> None:
        """Learn how long a place stays empty, and be deep enough for that.

        The server idles when the work behind a finished enhancement is shorter than the time
        until we have seen it finished and submitted another.
        """
        self._lags.append(lag)
        typical = self.estimate.typical
        if typical is None:
            return
        wanted = 1 + math.ceil(middle(self._lags) / max(typical, 1e-3))
        depth = min(max(wanted, _SHALLOWEST), _DEEPEST)
        if depth != self.depth:
            self.depth = depth
            self.freed = None  # whoever gets a new place was not let in by an end
