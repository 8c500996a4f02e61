"""The one retry layer: what is tried again, how often, and how long it waits in between."""

import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar, Unpack

import attrs

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import ApiError, AudioEnhanceError
from audio_enhance._core.located import located
from audio_enhance._core.phase import Where

_T = TypeVar("_T")
_log = logging.getLogger("audio_enhance")

OnRetry = Callable[[AudioEnhanceError, float], None]


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and for how long a failed request is tried again.

    Attributes:
        attempts: The most times that one request is made, the first included.
        elapsed: No attempt starts more than this many seconds after the first. Waits that the
            server asked for do not count.
        longest_wait: The most seconds between two attempts, unless the server asks for more.
        longest_pause: The longest pause in seconds that the client makes if the server asks for
            one (`retry-after`). If the server asks for more, the call fails at once.
    """

    attempts: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    elapsed: float = attrs.field(default=600.0, validator=attrs.validators.ge(0))
    longest_wait: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))
    longest_pause: float = attrs.field(default=3600.0, validator=attrs.validators.ge(0))


class _Tries:
    """The tries of one piece of work so far, and what the policy says about another one."""

    def __init__(
        self,
        policy: RetryPolicy,
        clock: Clock,
        jitter: Callable[[float], float] | None,
        started: float,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._jitter = jitter
        self._started = started
        self._failures = 0
        self._renewed = False
        self._waits: Generator[float, Any, None] | None = None

    @property
    def made(self) -> int:
        return self._failures + self._renewed

    def wait_after(self, error: AudioEnhanceError) -> float | None:
        """Count a failure; return the seconds until the next try, `None` if there is none."""
        asked = error.retry_after
        # A token or a presigned URL can end before its time, so the first new one costs no try.
        # When new ones are refused as well, again and again, the reason is another one.
        expired = isinstance(error, ApiError) and error.expired
        if expired and not self._renewed:
            self._renewed = True
            wait = 0.0
        elif error.held_back:
            wait = asked or 0.0
        else:
            self._failures += 1
            if not (error.retryable or expired) or self._failures >= self._policy.attempts:
                return None
            wait = asked or self._backoff()  # some servers ask for no seconds at all
        if wait == asked:
            if wait > self._policy.longest_pause:
                return None
            self._started += wait
        late = self._clock.monotonic() - self._started + wait > self._policy.elapsed
        return None if late else wait

    def _backoff(self) -> float:
        import backoff  # rarely needed, and it takes a while

        if self._waits is None:
            self._waits = backoff.expo(factor=0.5, max_value=self._policy.longest_wait)
            next(self._waits)  # backoff primes its generators
        return (self._jitter or backoff.full_jitter)(next(self._waits))


class Retrier:
    """Makes an attempt until it succeeds, cannot succeed, or the policy ends.

    The waits are backoff's: exponential with full jitter. Its decorators apply one jitter to
    every wait, so that a server's `retry-after` would be cut short, and sleep on their own
    clock; hence the loop is here.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        clock: Clock,
        jitter: Callable[[float], float] | None = None,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._jitter = jitter

    @property
    def attempts(self) -> int:
        """The most times that anything is tried."""
        return self._policy.attempts

    async def __call__(
        self,
        attempt: Callable[[], Awaitable[_T]],
        on_retry: OnRetry | None = None,
        *,
        progress: Callable[[], int] | None = None,
        **where: Unpack[Where],
    ) -> _T:
        """Return what the attempt returns; raises what its last try raised, as a copy.

        Args:
            attempt: Makes one try. It is followed by another where the error is `retryable`, or
                what it was refused for has `expired` and is new in the next one.
            on_retry: Told the error and the seconds until the next try.
            progress: How far it has come, from 0; a try that came further counts as the first.
            where: What the errors are about.
        """
        tries: _Tries | None = None  # most need no second one
        started, reached = self._clock.monotonic(), 0
        while True:
            try:
                return await attempt()
            except AudioEnhanceError as error:
                if progress is not None and progress() > reached:
                    tries, started, reached = None, self._clock.monotonic(), progress()
                tries = tries or _Tries(self._policy, self._clock, self._jitter, started)
                # What was given up already was tried as often as the policy says.
                wait = None if error.attempts else tries.wait_after(error)
                if wait is None:
                    raise located(error, attempts=tries.made, **where) from error.__cause__
                failure = located(error, **where)
                _log.info("try %d failed, next in %.1f s: %s", tries.made, wait, failure)
                if on_retry is not None:
                    on_retry(failure, wait)
            await self._clock.sleep(wait)
