"""The API's five requests and the token endpoint's one, each limited and tried again."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from math import inf
from typing import Any, TypeVar, Unpack

import attrs

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import (
    AudioEnhanceError,
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    ProtocolError,
    RateLimitError,
)
from audio_enhance._core.located import located, locating
from audio_enhance._core.models import Asset, SpeechEnhancement
from audio_enhance._core.phase import Phase, Where

from .addresses import Reach, origin
from .answers import REDIRECTS, Answer, api_error, http_date, retry_after
from .rate_limits import RateLimits
from .redirects import followed
from .retry import OnRetry, Retrier
from .sessions import Transport
from .tokens import ClientCredentials, Grant, RenewingTokens, TokenProvider
from .windows import Window
from .wire import ApiVersion, Call, wire

# Awaited when there is nothing left to wait for and the request goes out, for every try.
OnSend = Callable[[], Awaitable[None]]
# Assets of which is known that this API client made them, where there are several.
_REMEMBERED = 4096
# "Ask again for some seconds" (v2, "Errors"): right after its creation something may be missing.
_UNSEEN_SECONDS = 15.0
_T = TypeVar("_T")
_Model = TypeVar("_Model", Asset, SpeechEnhancement)


async def fetch_grant(
    transport: Transport,
    clock: Clock,
    retrier: Retrier,
    credentials: ClientCredentials,
    on_retry: OnRetry | None = None,
) -> Grant:
    """Obtain an access token with client credentials (Adobe IMS, `token/v3`).

    Raises:
        AuthenticationError: The endpoint does not accept them.
    """

    async def attempt() -> Grant:
        answer = await transport.call(
            "POST",
            credentials.token_url,
            headers={"Accept": "application/json"},
            form={
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
                "scope": ",".join(credentials.scopes),
            },
        )
        if answer.ok:
            return answer.read(Grant.from_json, clock.time())
        if answer.status in REDIRECTS:
            raise ProtocolError("The token endpoint redirects; secrets do not follow.")
        # It knows patterns of secrets; this one need not look like any.
        error = api_error(answer.without(credentials.client_secret), clock.time())
        if answer.status in (400, 401, 403):  # IMS says invalid_client with either
            error = AuthenticationError(
                error.message, status=error.status, code=error.code, request_id=error.request_id
            )
        raise error

    # What the token is wanted for was never asked for.
    def told(error: AudioEnhanceError, wait: float) -> None:
        if on_retry is not None:
            on_retry(located(error, outcome_unknown=False), wait)

    try:
        return await retrier(attempt, told, phase=Phase.AUTHENTICATE)
    except AudioEnhanceError as error:
        raise located(error, outcome_unknown=False) from error.__cause__


class EnhanceApi:
    """The API's own endpoints (the guide, steps 1 to 5), called with credentials.

    Attributes:
        base_url: Where the API is.
        reach: Where it may send us.
        limits: The rate limits that every call observes.
    """

    def __init__(
        self,
        base_url: str,
        tokens: TokenProvider,
        transport: Transport,
        limits: RateLimits,
        retrier: Retrier,
        clock: Clock,
        version: ApiVersion = "v1",
    ) -> None:
        self.base_url = base_url
        self.reach = Reach.of(base_url)
        self._wire = wire(version, base_url)
        self._tokens = tokens
        self._token: Callable[[OnRetry | None], Awaitable[str]] = (
            tokens.token if isinstance(tokens, RenewingTokens) else lambda _: tokens.token()
        )
        self._transport = transport
        self.limits = limits
        self._retrier = retrier
        self._clock = clock
        # And when, in order of creation; long ago, once it can be told whether it is there.
        self._made: dict[str, float] = {}

    @property
    def client_id(self) -> str:
        """The API client that assets and enhancements belong to."""
        return self._tokens.client_id

    def is_own(self, url: str) -> bool:
        """Whether credentials may go to a URL: it has the API's own origin."""
        return origin(url) == self.reach.origin

    def made(self, asset_id: str) -> bool:
        """Whether this API client created an asset lately; others cannot see it."""
        return asset_id in self._made

    @property
    def proxy(self) -> str | None:
        """The proxy that leads to the API, without its user and password."""
        return self._transport.proxy_of(self.base_url)

    async def server_time(self) -> datetime | None:
        """Ask for nothing, without credentials, and return the time of the answer by its server."""
        answer = await self._transport.call("GET", self.base_url, headers={})
        return http_date(answer.headers.get("Date"))

    async def create_asset(
        self,
        *,
        filename: str,
        byte_size: int,
        checksum: str,
        content_type: str,
        on_retry: OnRetry | None = None,
    ) -> Asset:
        """Step 1. A second asset, after an answer that was lost, is harmless."""
        asset = await self._request(
            self._asset,
            "POST",
            self._wire.create_asset(
                filename=filename,
                byte_size=byte_size,
                checksum=checksum,
                content_type=content_type,
            ),
            window=self.limits.assets,
            on_retry=on_retry,
            phase=Phase.CREATE_ASSET,
        )
        self._remember(asset.id)
        return asset

    async def get_asset(self, asset_id: str, *, on_retry: OnRetry | None = None) -> Asset:
        """Step 2: the asset's state, and a new upload URL while it waits for its bytes."""
        return await self._request(
            self._asset,
            "GET",
            self._wire.asset(asset_id),
            on_retry=on_retry,
            phase=Phase.CONFIRM,
            asset_id=asset_id,
        )

    async def delete_asset(self, asset_id: str, *, on_retry: OnRetry | None = None) -> None:
        """Delete an asset and its enhancements; one that is not there is deleted, too.

        Raises:
            ConfigurationError: The first generation of the API deletes nothing.
        """
        if self._wire.version == "v1":
            raise ConfigurationError(
                "v1 of the API cannot delete assets.",
                hint='Use v2: EnhanceClient(…, api_version="v2"), or --api-version v2.',
                asset_id=asset_id,
            )

        def told(error: AudioEnhanceError, wait: float) -> None:
            if error.outcome_unknown:  # then the second request finds nothing, and it is done
                self.settle(asset_id)
            if on_retry is not None:
                on_retry(error, wait)

        with suppress(NotFoundError):
            await self._request(
                self._deleted,
                "DELETE",
                self._wire.asset(asset_id),
                on_retry=told,
                phase=Phase.DELETE,
                asset_id=asset_id,
            )
        self.settle(asset_id)

    async def create_speech_enhancement(
        self,
        asset_id: str,
        strength: int,
        *,
        on_send: OnSend | None = None,
        on_retry: OnRetry | None = None,
    ) -> SpeechEnhancement:
        """Step 3. A second one, after an answer that was lost, costs processing time."""
        enhancement = await self._request(
            self._enhancement,
            "POST",
            self._wire.create_enhancement(asset_id, strength),
            window=self.limits.creations,
            on_send=on_send,
            on_retry=on_retry,
            phase=Phase.CREATE_ENHANCEMENT,
            asset_id=asset_id,
        )
        self._remember(enhancement.id)
        return enhancement

    async def get_speech_enhancement(
        self, asset_id: str, enhancement_id: str, *, on_retry: OnRetry | None = None
    ) -> SpeechEnhancement:
        """Step 4: how far it is."""
        return await self._request(
            self._enhancement,
            "GET",
            self._wire.enhancement(asset_id, enhancement_id),
            on_retry=on_retry,
            phase=Phase.PROCESS,
            asset_id=asset_id,
            enhancement_id=enhancement_id,
        )

    async def redirect_of(
        self, url: str, enhancement: SpeechEnhancement, *, on_retry: OnRetry | None = None
    ) -> str:
        """Step 5: where a download URL of the API's own redirects to, which is not followed."""
        where: Where = {
            "phase": Phase.DOWNLOAD,
            "asset_id": enhancement.asset_id,
            "enhancement_id": enhancement.id,
        }

        async def hop(url: str) -> str | None:
            if not self.is_own(url):
                return None
            return await self._request(self._location, "GET", Call(url), on_retry=on_retry, **where)

        with locating(**where):
            return await followed(url, hop, self.reach)

    def _asset(self, answer: Answer) -> Asset:
        return self._model(answer, self._wire.read_asset)

    def _enhancement(self, answer: Answer) -> SpeechEnhancement:
        return self._model(answer, self._wire.read_enhancement)

    def _model(self, answer: Answer, from_json: Callable[[Any], _Model]) -> _Model:
        now = self._clock.time()
        model = _stayed(answer).read(from_json, now)
        wait = retry_after(answer.headers, now)
        return model if wait is None else attrs.evolve(model, retry_after=wait)

    def _deleted(self, answer: Answer) -> None:
        if _stayed(answer).body.strip():  # no API says more to that than that it is done
            said = "The answer to the deletion is not the API's."
            raise answer.unusable(said, self._clock.time())

    def _location(self, answer: Answer) -> str:
        if answer.ok:
            said = "The API did not redirect to the result."
            raise answer.unusable(said, self._clock.time())
        return answer.headers.get("Location", "")

    def _request(
        self,
        read: Callable[[Answer], _T],
        method: str,
        call: Call,
        *,
        window: Window | None = None,
        on_send: OnSend | None = None,
        on_retry: OnRetry | None = None,
        **where: Unpack[Where],
    ) -> Coroutine[Any, Any, _T]:
        """Make a request with a token in its window, until there is an answer to be read."""
        window = window or self.limits.others
        where["client_id"] = self._tokens.client_id
        headers = {"x-api-key": self._tokens.client_id}

        async def attempt() -> _T:
            token = await self._token(on_retry)
            async with window:
                if on_send is not None:
                    await on_send()
                answer = await self._transport.call(
                    method,
                    call.url,
                    headers=headers,
                    json=call.json,
                    authorization=f"Bearer {token}",
                )
            if answer.ok or answer.status in REDIRECTS:
                return read(answer)
            if answer.status == 401:
                self._tokens.reject(token)
                renewed = await self._token(on_retry) != token
                raise api_error(answer.without(token), self._clock.time(), expired=renewed)
            error = api_error(answer.without(token), self._clock.time(), early=self._early(where))
            if isinstance(error, RateLimitError):
                # Whoever else calls would be told the same: the pause is for all of them.
                wait = error.retry_after
                window.pause(window.period / 10 if wait is None else wait, error)
                await window.tell_others()
            raise error

        return self._retrier(attempt, on_retry, **where)

    def _remember(self, created: str) -> None:
        self._made[created] = self._clock.monotonic()
        while len(self._made) > _REMEMBERED:
            del self._made[next(iter(self._made))]

    def created_earlier(self, known: str, seconds: float) -> None:
        """Take note of what another run created so many seconds ago: it may not be found yet."""
        if 0 <= seconds < _UNSEEN_SECONDS:
            self._made.setdefault(known, self._clock.monotonic() - seconds)

    def settle(self, known: str) -> None:
        """From now on, what is not found is gone, however lately it was created."""
        if known in self._made:
            self._made[known] = -inf

    def _early(self, where: Where) -> bool:
        """Whether what a request is about was created so lately that it may not be found yet."""
        about = where.get("enhancement_id") or where.get("asset_id") or ""
        return self._clock.monotonic() - self._made.get(about, -inf) < _UNSEEN_SECONDS


def _stayed(answer: Answer) -> Answer:
    if answer.ok:
        return answer
    raise ProtocolError(
        f"The API redirects ({answer.status}); credentials do not follow.",
        hint="Check the base URL.",
        request_id=answer.request_id,
    )
