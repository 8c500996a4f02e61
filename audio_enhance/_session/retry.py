"""The one retry layer: what is tried again, how often, and how long it waits in between."""

import logging
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

import attrs
import backoff

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError

_T = TypeVar("_T")
_log = logging.getLogger("audio_enhance")

OnRetry = Callable[[AudioEnhanceError, float], None]


@attrs.frozen(kw_only=True)
class RetryPolicy:
    """How often and for how long a failed request is tried again.

    Attributes:
        attempts: The most times that one request is made, the first included.
        elapsed: No attempt starts more than this many seconds after the first.
        longest_wait: The most seconds between two attempts, unless the server asks for more.
    """

    attempts: int = attrs.field(default=8, validator=attrs.validators.ge(1))
    elapsed: float = attrs.field(default=600.0, validator=attrs.validators.ge(0))
    longest_wait: float = attrs.field(default=30.0, validator=attrs.validators.ge(0))


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
        jitter: Callable[[float], float] = backoff.full_jitter,
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._jitter = jitter

    async def __call__(
        self, attempt: Callable[[], Awaitable[_T]], on_retry: OnRetry | None = None
    ) -> _T:
        """Return what the attempt returns; raises what its last try raised.

        Args:
            attempt: Makes one try; whether a failure is tried again is the error's `retryable`.
            on_retry: Told the error and the seconds until the next try.
        """
        started = self._clock.monotonic()
        waits: Generator[float, Any, None] | None = None
        for tries in range(1, self._policy.attempts + 1):
            try:
                return await attempt()
            except AudioEnhanceError as error:
                if not error.retryable or tries == self._policy.attempts:
                    raise
                wait = error.retry_after
                if wait is None:
                    if waits is None:
                        waits = backoff.expo(factor=0.5, max_value=self._policy.longest_wait)
                        next(waits)  # backoff primes its generators
                    wait = self._jitter(next(waits))
                if self._clock.monotonic() - started + wait > self._policy.elapsed:
                    raise
                _log.info("try %d failed, next in %.1f s: %s", tries, wait, error)
                if on_retry is not None:
                    on_retry(error, wait)
            await self._clock.sleep(wait)
        raise AssertionError("the last attempt returns or raises")
