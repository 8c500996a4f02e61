"""The enhancements outstanding at the server: a small window, and one question at a time."""

import asyncio
import logging
import math
from bisect import insort
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from statistics import median
from typing import Protocol

import attrs

from audio_enhance._core.cancellation import end
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError, Phase, WaitTimeoutError
from audio_enhance._core.models import EnhancementStatus, SpeechEnhancement
from audio_enhance._scheduler.estimate import ProcessingEstimate
from audio_enhance._scheduler.places import PriorityGate
from audio_enhance._scheduler.polling import Poll, PollPolicy

_log = logging.getLogger("audio_enhance")
# One in work and one behind it; deeper only where the server would idle otherwise, since what
# was submitted can no longer be reordered or cancelled for free.
_SHALLOWEST = 2
_DEEPEST = 32
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
# How long the answer to a creation that is on its way is waited for when nobody wants the
# enhancement any more, in seconds: its id lets a later run take it up.
_GRACE_SECONDS = 5.0


class Ask(Protocol):
    """How the queue asks about an enhancement."""

    def __call__(self, asset_id: str, enhancement_id: str) -> Awaitable[SpeechEnhancement]:
        """Return it as the server knows it now."""
        ...


@attrs.define(eq=False)
class Outstanding:
    """An enhancement that the server has.

    Attributes:
        enhancement: As the server described it last.
        byte_size: Of its asset.
        content_type: Of its asset.
        finished: Its end: the finished enhancement, or the error that ended the waiting.
        on_status: Told what the server said, and when its end is expected (UTC), if known.
    """

    enhancement: SpeechEnhancement
    byte_size: int
    content_type: str
    on_status: Callable[[SpeechEnhancement, datetime | None], None]
    finished: "asyncio.Future[SpeechEnhancement]"
    # Seconds on our clock minus the server's, measured when it was created; None if taken up.
    skew: float | None
    poll: Poll | None = None
    noticed: float = 0.0  # when it became the head, on our clock
    behind: float | None = None  # when it was found waiting for somebody else's, on our clock
    failing: float | None = None  # since when no question about it was answered
    leave: Callable[[], None] = lambda: None

    @property
    def age(self) -> datetime:
        """Its place in the server's order, which is from oldest to newest (the guide, step 4)."""
        return self.enhancement.requested_processing_at


class ServerQueue:
    """What one API client has outstanding; its server works on one at a time, oldest first.

    Attributes:
        window: The places for outstanding enhancements.
        estimate: What was learned about processing times.
        questions: How often was asked so far.
    """

    def __init__(
        self, ask: Ask, polling: PollPolicy, clock: Clock, *, longest: float | None
    ) -> None:
        self._ask = ask
        self._polling = polling
        self._clock = clock
        self._longest = longest
        self.window = PriorityGate(_SHALLOWEST)
        self.estimate = ProcessingEstimate()
        self.questions = 0
        self._outstanding: list[Outstanding] = []
        self._watcher: asyncio.Task[None] | None = None
        self._creating: set[asyncio.Task[Outstanding]] = set()
        self._last_end: datetime | None = None
        self._freed: datetime | None = None  # the end that gave the latest free place
        self._lags: deque[float] = deque(maxlen=8)

    @property
    def outstanding(self) -> tuple[Outstanding, ...]:
        """What is there, the head first."""
        return tuple(self._outstanding)

    def position(self, entry: Outstanding) -> int:
        """Return how many are before it; 0 when it is the head, or over."""
        return self._outstanding.index(entry) if entry in self._outstanding else 0

    async def submit(
        self,
        create: Callable[[], Awaitable[SpeechEnhancement]],
        *,
        sent: Callable[[], bool],
        byte_size: int,
        content_type: str,
        priority: int,
        on_submitted: Callable[["Outstanding"], None],
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
    ) -> Outstanding:
        """Wait for a place in the window, create an enhancement, and return it as outstanding.

        Args:
            create: Makes the request.
            sent: Whether the request is on its way at this moment.
            byte_size: Of the asset.
            content_type: Of the asset.
            priority: Higher goes first among those who wait for a place.
            on_submitted: Told before anything else is, even if nobody waits for it any more.
            on_status: See `Outstanding`.

        Raises:
            AudioEnhanceError: What `create` raised; the place is free again.
        """
        waited = await self.window.enter(priority)
        freed = self._freed if waited else None

        async def created() -> Outstanding:
            try:
                enhancement = await create()
            except BaseException:
                self._freed = None
                self.window.leave(priority)
                raise
            skew = self._clock.monotonic() - enhancement.requested_processing_at.timestamp()
            entry = self._add(enhancement, byte_size, content_type, on_status, skew)
            entry.leave = lambda: self.window.leave(priority)
            on_submitted(entry)
            if freed is not None:
                self._learn_lag((enhancement.requested_processing_at - freed).total_seconds())
            return entry

        # A request that is on its way cannot be taken back: it is seen through even when the
        # caller is cancelled, so that its enhancement keeps its place and its id is known.
        task = asyncio.create_task(created(), name="create speech enhancement")
        self._creating.add(task)
        task.add_done_callback(self._created)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not sent():
                task.cancel()
            await asyncio.wait([task], timeout=_GRACE_SECONDS)
            raise

    def _created(self, task: "asyncio.Task[Outstanding]") -> None:
        self._creating.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    def take_up(
        self,
        enhancement: SpeechEnhancement,
        *,
        byte_size: int,
        content_type: str,
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
    ) -> Outstanding:
        """Return an enhancement that was created earlier, by another run, as outstanding."""
        if enhancement.status.finished:
            finished = asyncio.get_running_loop().create_future()
            finished.set_result(enhancement)
            return Outstanding(enhancement, byte_size, content_type, on_status, finished, None)
        return self._add(enhancement, byte_size, content_type, on_status, None)

    async def aclose(self) -> None:
        """Stop asking; what is outstanding goes on at the server."""
        if self._creating:
            await asyncio.wait(self._creating, timeout=_GRACE_SECONDS)
            await end(self._creating)
        if self._watcher is not None:
            await end([self._watcher])
        for entry in self._outstanding:
            entry.finished.cancel()

    def _add(
        self,
        enhancement: SpeechEnhancement,
        byte_size: int,
        content_type: str,
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
        skew: float | None,
    ) -> Outstanding:
        finished = asyncio.get_running_loop().create_future()
        entry = Outstanding(enhancement, byte_size, content_type, on_status, finished, skew)
        insort(self._outstanding, entry, key=lambda other: other.age)
        if self._watcher is None or self._watcher.done():
            self._watcher = asyncio.create_task(self._watch(), name="head of queue")
        return entry

    async def _watch(self) -> None:
        while self._outstanding:
            head = self._outstanding[0]
            if head.poll is None:
                head.noticed = self._clock.monotonic()
                head.poll = self._begin(head)
                self._tell(head)
            head.poll.patience = self._patience(head)
            await head.poll.wait()
            try:
                await self._look_at(head, head.poll)
            except Exception as error:  # noqa: BLE001  whatever it is, its owner is told
                self._end(head, error)

    def _begin(self, head: Outstanding) -> Poll:
        """Return the waits for a new head, from when the server began to work on it."""
        now = since = self._clock.monotonic()
        expected = self.estimate.expected(head.content_type, head.byte_size)
        if head.skew is None:
            expected = None  # taken up: how long it was in work already is not known
        else:
            began = head.age if self._last_end is None else max(head.age, self._last_end)
            since = min(now, began.timestamp() + head.skew)
        if expected is not None:
            expected *= 1.0 + _MARGIN
        near = self.estimate.knows(head.content_type, head.byte_size)
        return Poll(self._polling, self._clock, since=since, expected=expected, near=near)

    def _patience(self, head: Outstanding) -> float:
        """Return how late the head's end may be noticed, as a share of the time it has taken.

        While the next one is in work the server does not wait for us, and that one takes as
        long as the head has taken already, in proportion to its size.
        """
        if len(self._outstanding) < 2:
            return 0.0
        following = self._outstanding[1]
        if following.content_type != head.content_type:
            return 0.0  # what its bytes mean is not known
        return _PATIENCE * min(1.0, following.byte_size / head.byte_size)

    def _tell(self, head: Outstanding) -> None:
        poll = head.poll
        end = None
        # What is told is the best guess. When to ask goes by what is known, which may be less.
        expected = self.estimate.at_most(head.content_type, head.byte_size)
        if poll is not None and expected is not None:
            left = max(0.0, poll.since + expected - self._clock.monotonic())
            end = datetime.fromtimestamp(self._clock.time() + left, UTC)
        head.on_status(head.enhancement, end)

    async def _look_at(self, head: Outstanding, poll: Poll) -> None:
        self.questions += 1
        try:
            found = await self._ask(head.enhancement.asset_id, head.enhancement.id)
        except AudioEnhanceError as error:
            now = self._clock.monotonic()
            head.failing = now if head.failing is None else head.failing
            longest = _UNREACHABLE if self._longest is None else min(_UNREACHABLE, self._longest)
            if not error.retryable or now - head.failing >= longest:
                raise
            return
        head.failing = None
        head.enhancement = found
        if found.status == EnhancementStatus.QUEUED:
            head.behind = self._clock.monotonic()
        if found.status.finished:
            self._learn(head)
            self._tell(head)
            self._end(head, None)
            return
        self._tell(head)
        since, limit = poll.since, self._longest
        if limit is None:
            since = head.noticed  # not its fault if the one before it was stuck
            expected = self.estimate.at_most(head.content_type, head.byte_size)
            limit = _STUCK_UNKNOWN
            if expected is not None:
                limit = min(max(_STUCK_FACTOR * expected, _STUCK_LEAST), _STUCK_UNKNOWN)
        if (waited := self._clock.monotonic() - since) > limit:
            raise WaitTimeoutError(
                f"The enhancement is still {found.status.value} after {waited:.0f} s.",
                phase=Phase.PROCESS,
                asset_id=found.asset_id,
                enhancement_id=found.id,
                hint="It goes on at the server: take it up again with "
                "get_speech_enhancement(asset_id, enhancement_id), or run the batch again with "
                "its journal.",
            )

    def _end(self, head: Outstanding, error: Exception | None) -> None:
        self._outstanding.remove(head)
        self._freed = None if error is not None else head.enhancement.finished_processing_at
        head.leave()
        if head.finished.done():  # nobody waits for it any more
            return
        if error is not None:
            head.finished.set_exception(error)
            head.finished.exception()  # whoever waited may be gone
        else:
            head.finished.set_result(head.enhancement)

    def _learn(self, head: Outstanding) -> None:
        """Learn from an end how long processing took, on the server's own clock."""
        ended = head.enhancement.finished_processing_at
        if ended is None:
            return
        succeeded = head.enhancement.status == EnhancementStatus.SUCCEEDED
        began = head.age if self._last_end is None else max(head.age, self._last_end)
        if succeeded and head.skew is not None:  # of one taken up, who was before it is unknown
            if head.behind is not None:
                # The work of another process is none of its own: were that learned, the next one
                # would be asked about as late, and the server idle for as long.
                waited = datetime.fromtimestamp(head.behind - head.skew, UTC)
                began = min(max(began, waited), ended)
            took = (ended - began).total_seconds()
            self.estimate.observe(head.content_type, head.byte_size, took)
        self._last_end = ended if self._last_end is None else max(ended, self._last_end)

    def _learn_lag(self, lag: float) -> None:
        """Learn how long a place stays empty, and make the window deep enough for that.

        The server idles when the work behind a finished enhancement is shorter than the time
        until we have seen it finished and submitted another.
        """
        self._lags.append(max(0.0, lag))
        typical = self.estimate.typical
        if typical is None:
            return
        wanted = 1 + math.ceil(median(self._lags) / max(typical, 1e-3))
        places = min(max(wanted, _SHALLOWEST), _DEEPEST)
        if places != self.window.places:
            _log.debug("window: %d outstanding enhancements", places)
            self._freed = None  # whoever gets a new place was not let in by an end
            self.window.places = places
