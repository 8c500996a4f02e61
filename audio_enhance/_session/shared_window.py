"""A window that all processes of an organization share, in a Redis."""

import os
from collections import deque
from collections.abc import Sequence
from importlib import import_module
from math import inf
from types import TracebackType
from typing import Any
from uuid import uuid4

from audio_enhance._core.cancellation import seen_through
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import ConnectionFailedError, MissingExtraError, RateLimitError

from .windows import SlidingWindow

# For how many seconds a call counts whose process was killed in the middle of it; no call takes
# so long.
_LEASE = 600.0
# How long a Redis that was lost is left alone, where there is a share to go on with.
_LOST_SECONDS = 5.0
# Connecting, and every answer.
_TIMEOUT = 5.0
_TRIES_AGAIN = 2
# Seconds before a question is asked again.
_SHORTEST = 0.001

# Scores are the microseconds of the server's clock until which a call counts. One that is under
# way counts for a lease; when it has ended, for a period.
_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local function text(number) return string.format('%.0f', number) end
"""
# Returns what to do (0: go on; 1: wait; 2: somebody was told to pause; 3: this Redis has lost what
# it knew, so tell it), for how long, the server's generation, and until when others' calls count.
_ASK = (
    _NOW
    + """
local calls, paused_key, generation_key = KEYS[1], KEYS[2], KEYS[3]
local who, member, generation = ARGV[1], ARGV[2], ARGV[3]
local limit, period, lease = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
local tells = ARGV[7] == '1'
local current = redis.call('GET', generation_key)
if not current then
    current = text(now)
    redis.call('SET', generation_key, current)
end
if generation ~= '' and generation ~= current and not tells then return {3, 0, current} end
for i = 8, #ARGV, 2 do redis.call('ZADD', calls, text(now + ARGV[i + 1]), ARGV[i]) end
redis.call('ZREMRANGEBYSCORE', calls, '-inf', text(now))
local paused = tonumber(redis.call('GET', paused_key) or 0)
if paused > now then return {2, paused - now, current} end
local all = redis.call('ZRANGE', calls, 0, -1, 'WITHSCORES')
local used = #all / 2
local answer = {0, 0, current}
if used >= limit and not redis.call('ZSCORE', calls, member) then
    -- Whoever is under way counts for a period more, at least.
    answer[1] = 1
    answer[2] = math.min(tonumber(all[2 * (used - limit) + 2]) - now, period)
else
    redis.call('ZADD', calls, text(now + lease), member)
end
redis.call('PEXPIRE', calls, text(lease / 1000))
for i = 1, #all, 2 do
    if string.sub(all[i], 1, #who) ~= who then
        answer[#answer + 1] = math.min(tonumber(all[i + 1]) - now, period)
    end
end
return answer
"""
)
_END = _NOW + "redis.call('ZADD', KEYS[1], text(now + ARGV[2]), ARGV[1])"
_WITHDRAW = "redis.call('ZREM', KEYS[1], ARGV[1])"
_PAUSE = (
    _NOW
    + """
if tonumber(redis.call('GET', KEYS[2]) or 0) < now + ARGV[1] then
    redis.call('SET', KEYS[2], text(now + ARGV[1]), 'PX', text(ARGV[1] / 1000 + 1))
end
"""
)


class Meeting:
    """Where the processes meet, and what each may do while it cannot get there.

    A connection lasts as long as one question. So nothing has to be closed, nothing belongs to an
    event loop, and a forked process shares no socket.

    Args:
        url: The Redis.
        name: What all who meet there call it.
        share: The share of the limit to go on with when it is lost; None if that is an error.

    Raises:
        MissingExtraError: The extra `redis` is not installed.
        ValueError: The URL or the share cannot be used.
    """

    def __init__(self, url: str, name: str, share: float | None) -> None:
        try:
            # By name: the library can be checked without the extra.
            self._redis: Any = import_module("redis.asyncio")
            self._retry: Any = import_module("redis.asyncio.retry")
            self._backoff: Any = import_module("redis.backoff")
        except ImportError as error:
            raise MissingExtraError("redis", "redis") from error
        if share is not None and not 0 < share <= 1:
            raise ValueError(f"A share of {share} is not more than 0 and at most 1.")
        self._url = url
        self.name = name
        self.share = share
        self._connection()  # the URL is looked at, and nothing is sent

    async def evaluate(self, script: str, keys: Sequence[str], *values: object) -> Any:
        """Have the Redis run a script, and return what it returns.

        Raises:
            ConnectionFailedError: It cannot be reached, or refuses.
        """
        try:
            async with self._connection() as connection:
                return await connection.eval(script, len(keys), *keys, *values)
        except (OSError, self._redis.RedisError) as error:
            lost = ConnectionFailedError(
                f"The Redis with the shared rate limits gives no answer ({type(error).__name__}).",
                connected=False,
            )
            lost.hint = "Check its URL and that it runs, or give RateLimits.shared a share_if_lost."
            raise lost from error

    def _connection(self) -> Any:
        return self._redis.Redis.from_url(
            self._url,
            socket_connect_timeout=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            # Asking twice comes to the same.
            retry=self._retry.Retry(self._backoff.ExponentialBackoff(0.5, 0.05), _TRIES_AGAIN),
        )


class SharedWindow(SlidingWindow):
    """Lets at most `limit` calls of all processes begin in any `period` seconds.

    It keeps count of this process's calls as a `SlidingWindow` does, and asks the Redis before it
    lets one in. What that says of the others' calls tells it when to ask again.

    Args:
        limit: The most calls in any period.
        clock: What tells the time and waits here.
        meeting: Where the processes meet.
        kind: What calls these are.
        period: Its length in seconds.
    """

    def __init__(
        self, limit: int, clock: Clock, meeting: Meeting, kind: str, *, period: float = 60.0
    ) -> None:
        super().__init__(limit, clock, period=period)
        self._meeting = meeting
        # The braces keep them on one node of a Redis Cluster.
        place = f"audio-enhance:{{{meeting.name}}}:{kind}"
        self._keys = f"{place}:calls", f"{place}:paused", f"{place}:generation"
        self._made = uuid4().hex
        self._begun: deque[str] = deque()
        self._over: deque[tuple[str, float]] = deque()
        self._elsewhere: list[float] = []
        self._generation = ""
        self._lost_at = -inf
        self._tells = False
        share = meeting.share
        self._limit_alone = limit if share is None else max(1, int(limit * share))

    @property
    def _who(self) -> str:
        """What the names of this process's calls begin with; a fork is another one."""
        return f"{self._made}:{os.getpid()}:"

    async def tell_others(self) -> None:
        """Let other processes know of the pause; a Redis that is lost changes nothing here."""
        seconds = self._pause.left(self._clock.monotonic())
        if seconds > 0:
            await self._say(_PAUSE, _microseconds(seconds))

    async def __aenter__(self) -> None:
        self.hold_back()
        member = f"{self._who}{uuid4().hex}"
        try:
            async with self._line:
                while (wait := self.free_in(1) or await self._asked(member)) > 0:
                    self.hold_back()
                    await self.until_change(wait)
                self._under_way += 1
                self._begun.append(member)
        except BaseException:
            # It may have been let in just now, and have been cancelled before it heard so.
            await seen_through(self._say(_WITHDRAW, member))
            raise
        finally:
            self.look_again()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await super().__aexit__(kind, error, traceback)
        # Whichever has ended: the others are younger, and their leases last.
        member = self._begun.popleft()
        self._over.append((member, self._clock.monotonic()))
        await seen_through(self._say(_END, member, _microseconds(self.period)))

    def free_in(self, calls: int) -> float:
        """Return in how many seconds so many calls could be let in, by all that is known here.

        Infinity means that it depends on the end of calls that are under way.
        """
        now = self._clock.monotonic()
        while self._ended and self._ended[0] + self.period <= now:
            self._ended.popleft()
        while self._over and self._over[0][1] + self.period <= now:
            self._over.popleft()
        limit = self.limit
        counted = [ended + self.period for ended in self._ended]
        if now < self._lost_at + self.period:
            limit = self._limit_alone  # until what was done without the others counts no more
        else:
            counted = sorted(counted + [until for until in self._elsewhere if until > now])
        wait = self._pause.left(now)
        missing = self._under_way + len(counted) + calls - limit
        if missing > len(counted):
            return inf
        return max(wait, counted[missing - 1] - now) if missing > 0 else wait

    async def _asked(self, member: str) -> float:
        """Return how long to wait before asking again; 0 when the call is let in."""
        alone = self._meeting.share is not None
        if alone and self._is_lost:
            return 0.0  # within the share
        try:
            return await self._answer(member)
        except ConnectionFailedError:
            self._lose()
            if not alone:
                raise
            return self.free_in(1)

    async def _answer(self, member: str) -> float:
        told = self._known_here() if self._tells else []
        answers: list[list[Any]] = []

        async def ask() -> None:
            answers.append(
                await self._meeting.evaluate(
                    _ASK,
                    self._keys,
                    *(self._who, member, self._generation, self.limit),
                    *(_microseconds(self.period), _microseconds(_LEASE), int(self._tells), *told),
                )
            )

        # To its end, so that what is withdrawn after it stays so.
        await seen_through(ask())
        [[what, microseconds, generation, *elsewhere]] = answers
        wait: float = microseconds / 1e6
        self._generation, self._tells = _text(generation), what == 3
        now = self._clock.monotonic()
        if self._tells:
            return await self._answer(member)
        if what == 2:
            message = "Another program of your organization was told to send fewer requests."
            self.pause(wait, RateLimitError(message, status=429, retry_after=wait))
            return wait
        self._elsewhere = [now + until / 1e6 for until in elsewhere]
        return max(wait, _SHORTEST) if what == 1 else 0.0

    def _known_here(self) -> list[object]:
        """Return the calls of this process and how long each counts, for a Redis that lost them."""
        now = self._clock.monotonic()
        calls: list[object] = []
        for member in self._begun:
            calls += member, _microseconds(_LEASE)
        for member, ended in self._over:
            calls += member, _microseconds(ended + self.period - now)
        return calls

    async def _say(self, script: str, *values: object) -> None:
        """Tell the Redis; what it does not hear now counts for longer there, never for less."""
        if self._is_lost:
            self._tells = True
            return
        try:
            await self._meeting.evaluate(script, self._keys, *values)
        except ConnectionFailedError:
            self._lose()

    @property
    def _is_lost(self) -> bool:
        return self._clock.monotonic() < self._lost_at + _LOST_SECONDS

    def _lose(self) -> None:
        self._lost_at, self._tells = self._clock.monotonic(), True


def _microseconds(seconds: float) -> int:
    return int(seconds * 1e6)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
