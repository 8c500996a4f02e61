"""Carries out what the window decides: creates, asks about the head, and tells its owners."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import attrs

from audio_enhance._core.cancellation import end, ended, left_alone
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError, NotFoundError
from audio_enhance._core.models import SpeechEnhancement
from audio_enhance._scheduler.estimate import ProcessingEstimate
from audio_enhance._scheduler.polling import Crowd, PollPolicy
from audio_enhance._scheduler.window import Question, Window
from audio_enhance._session.retry import OnRetry

from .gate import PriorityGate

_log = logging.getLogger("audio_enhance")
# How long the answer to a creation that is on its way is waited for when nobody wants the
# enhancement any more, in seconds: its id lets a later run take it up.
_GRACE_SECONDS = 5.0


class Ask(Protocol):
    """How the queue asks about an enhancement."""

    def __call__(
        self, asset_id: str, enhancement_id: str, *, on_retry: OnRetry
    ) -> Coroutine[Any, Any, SpeechEnhancement]:
        """Return it as the server knows it now; every failure that is tried again is told."""
        ...


@attrs.define(eq=False, repr=False)
class Outstanding:
    """Somebody's share in an enhancement that the server has.

    Attributes:
        enhancement: As the server described it last.
        finished: Its end: the finished enhancement, or the error that ended the waiting.
        on_status: Told what the server said, and when its end is expected (UTC), if known.
        on_retry: Told what stands in the way of asking.
        leave: Gives its place back.
        context: In which to ask about it: that of whose it is, to whose trace it belongs.
    """

    enhancement: SpeechEnhancement
    on_status: Callable[[SpeechEnhancement, datetime | None], None]
    on_retry: OnRetry
    finished: "asyncio.Future[SpeechEnhancement]"
    leave: Callable[[], None] = lambda: None
    context: Context = attrs.field(factory=copy_context)


class ServerQueue:
    """What one API client has outstanding; its server works on one at a time, oldest first.

    Attributes:
        window: What decides when to ask, when to give up, and how many may be outstanding.
        gate: The places for outstanding enhancements, as many as the window is deep.
        questions: How often was asked so far.
    """

    def __init__(
        self,
        ask: Ask,
        polling: PollPolicy,
        clock: Clock,
        *,
        longest: float | None,
        estimate: ProcessingEstimate | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self.window = Window(polling, longest=longest, estimate=estimate, crowd=crowd)
        self.gate = PriorityGate(self.window.depth)
        self.questions = 0
        # By the id of the enhancement: one that is taken up may be outstanding already.
        self._owners: dict[str, list[Outstanding]] = {}
        self._head: str | None = None  # whose owners know that it is the head
        self._sleeps_for: Question | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()  # and those that are just ending
        self._creating: set[asyncio.Task[Outstanding]] = set()

    @property
    def estimate(self) -> ProcessingEstimate:
        """What was learned about processing times."""
        return self.window.estimate

    @property
    def outstanding(self) -> tuple[Outstanding, ...]:
        """What is there, the head first."""
        return tuple(entry for key in self.window.ids for entry in self._owners[key])

    def position(self, entry: Outstanding) -> int:
        """Return how many are before it; 0 when it is the head, or over."""
        return self.window.position(entry.enhancement.id)

    async def submit(
        self,
        create: Callable[[], Awaitable[SpeechEnhancement]],
        *,
        sent: Callable[[], bool],
        byte_size: int,
        content_type: str,
        priority: int,
        on_submitted: Callable[[Outstanding], None],
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
        on_retry: OnRetry,
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
            on_retry: See `Outstanding`.

        Raises:
            AudioEnhanceError: What `create` raised; the place is free again.
        """
        ticket = await self.gate.enter(priority)
        freed = self.window.freed if ticket.waited else None

        async def created() -> Outstanding:
            try:
                enhancement = await create()
            except BaseException:
                self.window.refused()
                self.gate.leave(ticket)
                raise
            leave = partial(self.gate.leave, ticket)
            entry = self._own(enhancement, on_status, on_retry, leave)
            self.window.submitted(
                enhancement, byte_size, content_type, self._clock.monotonic(), freed=freed
            )
            on_submitted(entry)
            self._look_again()
            if self.window.depth != self.gate.places:
                _log.debug("window: %d outstanding enhancements", self.window.depth)
                self.gate.places = self.window.depth
            return entry

        # A request that is on its way cannot be taken back: it is seen through even when the
        # caller is cancelled, so that its enhancement keeps its place and its id is known.
        task = asyncio.create_task(created(), name="create speech enhancement")
        self._creating.add(task)
        try:
            return await left_alone(task)
        except asyncio.CancelledError:
            if not sent():
                task.cancel()
            task.add_done_callback(_unwanted)
            await ended(task, within=_GRACE_SECONDS)
            raise
        finally:
            if task.done():
                self._created(task)
            else:
                task.add_done_callback(self._created)

    def take_up(
        self,
        enhancement: SpeechEnhancement,
        *,
        byte_size: int,
        content_type: str,
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
        on_retry: OnRetry,
    ) -> Outstanding:
        """Return an enhancement that was created earlier, by another run, as outstanding."""
        if enhancement.finished:
            finished = asyncio.get_running_loop().create_future()
            finished.set_result(enhancement)
            return Outstanding(enhancement, on_status, on_retry, finished)
        entry = self._own(enhancement, on_status, on_retry)
        self.window.taken_up(enhancement, byte_size, content_type, self._clock.monotonic())
        self._look_again()
        return entry

    async def aclose(self) -> None:
        """Stop asking; what is outstanding goes on at the server."""
        if self._creating:
            await asyncio.wait(self._creating, timeout=_GRACE_SECONDS)
            await end(self._creating)
        await end(self._watchers)
        for entry in self.outstanding:
            entry.finished.cancel()

    def _created(self, task: "asyncio.Task[Outstanding]") -> None:
        self._creating.discard(task)
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    def _own(
        self,
        enhancement: SpeechEnhancement,
        on_status: Callable[[SpeechEnhancement, datetime | None], None],
        on_retry: OnRetry,
        leave: Callable[[], None] = lambda: None,
    ) -> Outstanding:
        finished = asyncio.get_running_loop().create_future()
        entry = Outstanding(enhancement, on_status, on_retry, finished, leave)
        self._owners.setdefault(enhancement.id, []).append(entry)
        return entry

    def _look_again(self) -> None:
        """Have the watcher look at what to ask next: it sleeps, or sleeps for something else."""
        if self._watcher is not None and not self._watcher.done():
            if self._sleeps_for in (None, self.window.next_question):
                return
            self._watcher.cancel()
        self._watcher = asyncio.create_task(self._watch(), name="head of queue")
        self._watchers.add(self._watcher)
        self._watcher.add_done_callback(self._watchers.discard)

    async def _watch(self) -> None:
        while (question := self.window.next_question) is not None:
            try:
                await self._see_to(question)
            except Exception as error:  # noqa: BLE001  whatever it is, its owner is told
                self.window.gone(question.id, self._clock.monotonic())
                self._end(question.id, error)

    async def _see_to(self, question: Question) -> None:
        key = question.id
        if key != self._head:
            self._head = key
            self._tell(key, self._expected_end(key))
        if (wait := question.at - self._clock.monotonic()) > 0:
            self._sleeps_for = question
            await self._clock.sleep(wait)
            self._sleeps_for = None
        self.questions += 1
        try:
            owner = self._owners[key][0]
            found = await self._asked(owner, key)
        except AudioEnhanceError as error:
            now = self._clock.monotonic()
            if error.retryable and not self.window.unanswered(key, now, error.retry_after):
                return
            raise
        expected = self._expected_end(key)
        given_up = self.window.answered(key, found, self._clock.monotonic())
        for entry in self._owners[key]:
            entry.enhancement = found
        self._tell(key, expected)
        if given_up is not None:
            raise given_up
        if found.finished:
            self._end(key, None)

    def _asked(self, owner: Outstanding, key: str) -> Awaitable[SpeechEnhancement]:
        def on_retry(error: AudioEnhanceError, wait: float) -> None:
            waiting = [entry for entry in self._owners[key] if not entry.finished.done()]
            if not waiting and isinstance(error, NotFoundError):
                # Its job was cancelled and it was deleted; nobody behind it need wait.
                raise NotFoundError(error.message, status=error.status)
            for entry in waiting:
                entry.on_retry(error, wait)

        asking = self._ask(owner.enhancement.asset_id, key, on_retry=on_retry)
        # Where there is nothing in either context, no trace for example, one is as good as the
        # other, and needs no task.
        if not owner.context and not copy_context():
            return asking
        return asyncio.create_task(asking, context=owner.context.copy())

    def _expected_end(self, key: str) -> datetime | None:
        now = self._clock.monotonic()
        expected = self.window.expected_end(key, now)
        if expected is None:
            return None
        return datetime.fromtimestamp(self._clock.time() + expected - now, UTC)

    def _tell(self, key: str, expected_end: datetime | None) -> None:
        for entry in self._owners[key]:
            entry.on_status(entry.enhancement, expected_end)

    def _end(self, key: str, error: Exception | None) -> None:
        self._head = None
        for entry in self._owners.pop(key):
            entry.leave()
            if entry.finished.done():  # nobody waits for it any more
                continue
            if error is not None:
                entry.finished.set_exception(error)
                entry.finished.exception()  # whoever waited may be gone
            else:
                entry.finished.set_result(entry.enhancement)


def _unwanted(task: "asyncio.Task[Outstanding]") -> None:
    """Take note that nobody waits for what is being created."""
    if not task.cancelled() and task.exception() is None:
        task.result().finished.cancel()
