"""What a client is set up with, and what it has while it is open."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypedDict

import aiohttp
import attrs

from audio_enhance._core.cancellation import seen_through
from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import ConfigurationError
from audio_enhance._core.events import Event
from audio_enhance._scheduler.polling import PollPolicy
from audio_enhance._session.addresses import check_own
from audio_enhance._session.endpoints import EnhanceApi, fetch_grant
from audio_enhance._session.rate_limits import RateLimits
from audio_enhance._session.retry import Retrier, RetryPolicy
from audio_enhance._session.sessions import Timeouts, Transport
from audio_enhance._session.tokens import (
    AccessToken,
    ClientCredentials,
    RenewingTokens,
    TokenProvider,
)
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.storage import Storage

from .lane import Lane
from .steps import Steps

Auth = ClientCredentials | AccessToken | TokenProvider


class Settings(TypedDict, total=False):
    """What a client can be set up with beside its credentials and its address."""

    session: aiohttp.ClientSession | None
    trust_env: bool
    timeouts: Timeouts | None
    retry: RetryPolicy | None
    polling: PollPolicy | None
    limits: RateLimits | Sequence[RateLimits] | None
    max_waiting: int | None
    on_event: Callable[[Event], None] | None
    clock: Clock | None


@attrs.define(eq=False)
class Opened:
    """The connections and the lanes, one for each API client.

    Attributes:
        transport: The HTTP sessions that all lanes share.
        lanes: In the order of the credentials.
        moved: Set whenever a lane may have room again.
    """

    transport: Transport
    lanes: list[Lane]
    moved: asyncio.Event

    def steps_of(self, asset_id: str | None) -> Steps:
        """Return the steps of the API client that an asset belongs to, of the first by default."""
        for lane in self.lanes:
            if asset_id is not None and lane.steps.api.made(asset_id):
                return lane.steps
        return self.lanes[0].steps

    async def aclose(self) -> None:
        """Cancel the jobs under way, wait for their end, and close the connections.

        Being cancelled meanwhile takes effect when all of that is done: half of it would leave
        open what nobody can close any more.
        """
        await seen_through(self._aclose())

    async def _aclose(self) -> None:
        try:
            for lane in self.lanes:
                await lane.aclose()
        finally:
            await self.transport.aclose()


class Setup:
    """Checked settings, from which everything can be opened inside a running loop.

    Attributes:
        auth: One for each API client.
        base_url: The API's origin.
        clock: What tells the time and waits.
    """

    def __init__(
        self,
        auth: Auth | Sequence[Auth],
        *,
        base_url: str,
        session: aiohttp.ClientSession | None,
        trust_env: bool,
        timeouts: Timeouts,
        retry: RetryPolicy,
        polling: PollPolicy,
        limits: RateLimits | Sequence[RateLimits] | None,
        clock: Clock,
    ) -> None:
        self.auth = _checked(auth)
        self.base_url = check_own(base_url, "base URL")
        self.clock = clock
        self._session = session
        self._trust_env = trust_env
        self._timeouts = timeouts
        self._retry = retry
        self._polling = polling
        if limits is None or isinstance(limits, RateLimits):
            limits = [limits or RateLimits(clock=clock)] * len(self.auth)
        if len(limits) != len(self.auth):
            raise ConfigurationError(f"{len(limits)} rate limits for {len(self.auth)} API clients.")
        self._limits = limits

    def open(self) -> Opened:
        """Open the sessions and a lane for each API client."""
        transport = Transport(self._session, self._timeouts, trust_env=self._trust_env)
        pacing = Pacing()
        moved = asyncio.Event()
        lanes = [
            Lane(
                self._steps(auth, limits, transport, pacing),
                self._polling,
                self.clock,
                moved,
                longest_processing=self._timeouts.processing,
            )
            for auth, limits in zip(self.auth, self._limits, strict=True)
        ]
        return Opened(transport, lanes, moved)

    def _steps(self, auth: Auth, limits: RateLimits, transport: Transport, pacing: Pacing) -> Steps:
        retrier = Retrier(self._retry, self.clock)
        if isinstance(auth, ClientCredentials):
            auth = RenewingTokens(
                auth,
                lambda credentials, on_retry: fetch_grant(
                    transport, self.clock, retrier, credentials, on_retry
                ),
                self.clock,
            )
        api = EnhanceApi(self.base_url, auth, transport, limits, retrier, self.clock)
        storage = Storage(transport, pacing, self.clock, api.reach)
        return Steps(api, storage, retrier, self._polling, self.clock)


def _checked(auth: Auth | Sequence[Auth]) -> Sequence[Auth]:
    several = auth if isinstance(auth, Sequence) else [auth]
    if not several:
        raise ConfigurationError("There are no credentials.")
    for one in several:
        if not isinstance(one, ClientCredentials | TokenProvider):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(
                f"A {type(one).__name__} gives no tokens.",
                hint="Use ClientCredentials, AccessToken, or an object with client_id, token() "
                "and reject().",
            )
        if isinstance(one, ClientCredentials):
            check_own(one.token_url, "token URL")
    return several
