"""What a client has while it is open: its connections, and a lane for each API client."""

import asyncio
from collections.abc import Sequence
from functools import partial

import attrs

from audio_enhance._core.cancellation import seen_through
from audio_enhance._core.errors import ClientClosedError
from audio_enhance._core.models import Asset
from audio_enhance._scheduler.estimate import ProcessingEstimate
from audio_enhance._scheduler.polling import Crowd
from audio_enhance._session.endpoints import EnhanceApi, fetch_grant
from audio_enhance._session.rate_limits import RateLimits
from audio_enhance._session.retry import Retrier
from audio_enhance._session.sessions import Transport
from audio_enhance._session.tokens import ClientCredentials, RenewingTokens
from audio_enhance._settings import Auth, Settings
from audio_enhance._transfer.pacing import Pacing
from audio_enhance._transfer.storage import Storage

from .enhanced import Enhanced
from .gate import PriorityGate
from .lane import AHEAD, Lane
from .once import Once
from .steps import Steps
from .subscribers import Subscriber, Subscribers
from .uploading import Uploading
from .uses import Uses
from .watcher import ServerQueue
from .work import Stages, Work

# Uploads and enhancements that a client remembers, for contents that come more than once; a
# journal remembers all of them.
_REMEMBERED = 1024
_UPLOADS_AT_ONCE = 4


class Sharing:
    """What the jobs of one client share, whichever call they belong to.

    Args:
        deletable: Whether the API can delete uploads.

    Attributes:
        assets: The uploads, under way and finished.
        enhancements: The enhancements, under way and finished.
        uses: Who still needs which upload.
        estimate: What was learned about processing times.
        crowd: The API clients that wait for an enhancement.
    """

    def __init__(self, *, deletable: bool = True) -> None:
        self.assets = Once[Asset, Subscribers](_REMEMBERED)
        self.enhancements = Once[Enhanced, Subscriber](_REMEMBERED)
        self.uses = Uses(deletable=deletable)
        self.estimate = ProcessingEstimate()
        self.crowd = Crowd()


@attrs.define(eq=False, repr=False)
class Opened:
    """The connections and the lanes of a client, in the event loop in which it was opened.

    Attributes:
        loop: The event loop.
        transport: The HTTP sessions that all lanes share.
        lanes: One for each API client, in the order of the credentials.
        room_changed: Set whenever a lane may have room again.
    """

    loop: asyncio.AbstractEventLoop
    transport: Transport
    lanes: list[Lane]
    room_changed: asyncio.Event
    _sharing: Sharing
    _pacing: Pacing

    def add_lane(self, settings: Settings) -> None:
        """Open a lane for the next API client of the settings that has none."""
        number = len(self.lanes)
        auth, limits = settings.auth[number], settings.limits[number]
        steps = _steps(settings, auth, limits, self.transport, self._pacing)
        self.lanes.append(lane_of(steps, settings, self._sharing, self.room_changed))
        self.room_changed.set()

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


class Connections:
    """The connections of one client, opened when they are needed first, and closed at the end.

    Args:
        settings: What the client is set up with.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: Opened | None = None
        self._closed = False

    @property
    def open(self) -> Opened:
        """What is open, in the running event loop.

        Raises:
            ClientClosedError: The client was closed, or is open in another event loop.
        """
        if self._opened is None:
            if self._closed:
                raise ClientClosedError("The client is closed.")
            self._opened = opened(self._settings)
        elif self._opened.loop is not asyncio.get_running_loop():
            raise ClientClosedError("The client is open in another event loop.")
        return self._opened

    @property
    def lanes(self) -> Sequence[Lane]:
        """The lanes that are open: whoever only asks how things are opens nothing."""
        return self._opened.lanes if self._opened is not None else ()

    def open_lanes(self) -> Sequence[Lane]:
        """Return the same, opened where they are not; raises as `open` does."""
        return self.open.lanes

    @property
    def room_changed(self) -> asyncio.Event:
        """Set whenever a lane may have room again."""
        return self.open.room_changed

    def steps(self, asset_id: str | None = None) -> Steps:
        """Return the steps of the API client that an asset belongs to, of the first by default."""
        return self.open.steps_of(asset_id)

    def reopen(self) -> None:
        """Open the connections, also after they were closed."""
        self._closed = False
        self.open  # noqa: B018  opens the sessions inside the running loop

    def add_api_client(self, auth: Auth, limits: RateLimits | None) -> None:
        """Let one more API client share the work; `EnhanceClient.add_api_client` says more."""
        self._settings.add(auth, limits)
        if self._opened is not None:
            self._opened.add_lane(self._settings)

    async def aclose(self) -> None:
        """Cancel the jobs under way, wait for their end, and close the connections."""
        opened, self._opened, self._closed = self._opened, None, True
        if opened is not None:
            await opened.aclose()


def opened(settings: Settings) -> Opened:
    """Open the sessions and a lane for each API client, inside the running event loop."""
    for limits in settings.limits:
        limits.assets.check_loop()
    transport = Transport(settings.session, settings.timeouts, trust_env=settings.trust_env)
    loop, lanes = asyncio.get_running_loop(), list[Lane]()
    sharing = Sharing(deletable=settings.api_version != "v1")
    open_now = Opened(loop, transport, lanes, asyncio.Event(), sharing, Pacing())
    for _ in settings.auth:
        open_now.add_lane(settings)
    return open_now


def lane_of(
    steps: Steps, settings: Settings, sharing: Sharing, room_changed: asyncio.Event
) -> Lane:
    """Join the parts of a lane: what is uploaded, outstanding, and worked on through it."""
    queue = ServerQueue(
        steps.api.get_speech_enhancement,
        settings.polling,
        settings.clock,
        longest=settings.timeouts.processing,
        estimate=sharing.estimate,
        crowd=sharing.crowd,
    )
    stages = Stages(
        steps=steps,
        queue=queue,
        ahead=PriorityGate(AHEAD, overtaking=True),
        assets=sharing.assets,
        upload=partial(Uploading, steps, PriorityGate(_UPLOADS_AT_ONCE, overtaking=True)),
        room_changed=room_changed.set,
    )
    return Lane(
        steps,
        queue,
        sharing.enhancements,
        partial(Work, stages),
        sharing.uses,
        at_a_time=settings.at_a_time,
        room_changed=room_changed,
    )


def _steps(
    settings: Settings, auth: Auth, limits: RateLimits, transport: Transport, pacing: Pacing
) -> Steps:
    clock = settings.clock
    retrier = Retrier(settings.retry, clock)
    if isinstance(auth, ClientCredentials):
        auth = RenewingTokens(
            auth,
            lambda credentials, on_retry: fetch_grant(
                transport, clock, retrier, credentials, on_retry
            ),
            clock,
        )
    api = EnhanceApi(
        settings.base_url, auth, transport, limits, retrier, clock, settings.api_version
    )
    storage = Storage(transport, pacing, clock, api.reach, settings.max_result_bytes)
    return Steps(api, storage, retrier, settings.polling, clock)
