"""Who we are to the API: credentials, tokens, and whatever else can give a token."""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from math import inf
from typing import Protocol, runtime_checkable

import attrs

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import AudioEnhanceError, ConfigurationError, ProtocolError
from audio_enhance._core.json_data import is_object
from audio_enhance._core.located import located
from audio_enhance._core.per_loop import PerLoop

from .pause import Pause
from .retry import OnRetry

IMS_TOKEN_URL = "https://ims-na1.adobelogin.com/ims/token/v3"  # noqa: S105
FIREFLY_SCOPES = (
    "openid",
    "AdobeID",
    "session",
    "additional_info",
    "read_organizations",
    "firefly_api",
    "ff_apis",
)
# A token is replaced this long before it ends, or at nine tenths of a shorter life, so that
# none ends between being sent and being checked.
_AHEAD_SECONDS = 300.0
_USUAL_SECONDS = 3600.0
_LONGEST_SECONDS = 30 * 86400.0
# How long the token in use is used before a renewal that failed is tried again.
_AGAIN_SECONDS = 30.0


@runtime_checkable
class TokenProvider(Protocol):
    """Anything that can give an access token, from a vault or a company's own service.

    `token` is called before every API request and should answer from memory. `reject` is called
    with a token that the API refused with 401; the next `token` should then be another one.
    """

    @property
    def client_id(self) -> str:
        """The API client, sent as `x-api-key`."""
        ...

    async def token(self) -> str:
        """Return an access token that is valid now."""
        ...

    def reject(self, token: str) -> None:
        """Take note that the API refused this token."""
        ...


def _not_blank(instance: object, attribute: "attrs.Attribute[str]", value: object) -> None:
    del instance
    # A line break in a header value would let a secret split the request.
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigurationError(f"The {attribute.name} is empty or holds unprintable characters.")


def _scopes(given: Iterable[str]) -> tuple[str, ...]:
    # A string is what Adobe's console shows: the scopes with commas between them.
    several = given.split(",") if isinstance(given, str) else given
    return tuple(scope.strip() for scope in several if scope.strip())


@attrs.frozen
class ClientCredentials:
    """OAuth server-to-server credentials of Adobe's developer console.

    Attributes:
        client_id: The API client, sent as `x-api-key` too.
        client_secret: Its secret; sent to the token endpoint and nowhere else.
        token_url: The token endpoint.
        scopes: What the token is asked to cover.

    Raises:
        ConfigurationError: A value is empty or holds unprintable characters.
    """

    client_id: str = attrs.field(validator=_not_blank)
    client_secret: str = attrs.field(validator=_not_blank, repr=lambda _: "'…'")
    token_url: str = attrs.field(default=IMS_TOKEN_URL, validator=_not_blank, kw_only=True)
    scopes: tuple[str, ...] = attrs.field(default=FIREFLY_SCOPES, converter=_scopes, kw_only=True)


@attrs.frozen
class AccessToken:
    """An access token that somebody else obtained; it cannot be renewed.

    Attributes:
        value: The token, without `Bearer`.
        client_id: The API client it was issued to, sent as `x-api-key`.

    Raises:
        ConfigurationError: A value is empty or holds unprintable characters.
    """

    value: str = attrs.field(validator=_not_blank, repr=lambda _: "'…'")
    client_id: str = attrs.field(validator=_not_blank, kw_only=True)

    async def token(self) -> str:
        """Return the token."""
        return self.value

    def reject(self, token: str) -> None:
        """Do nothing: there is no other."""


@attrs.frozen
class Grant:
    """What a token endpoint gives: a token and the seconds it lives."""

    token: str = attrs.field(repr=lambda _: "'…'")
    lifetime: float

    @classmethod
    def from_json(cls, data: object) -> "Grant":
        """Read the answer of a token endpoint (RFC 6749 §5.1); raises `ProtocolError`."""
        if is_object(data):
            token = data.get("access_token")
            if isinstance(token, str) and token.isprintable() and token:
                return cls(token, _seconds(data.get("expires_in")))
        raise ProtocolError("The token endpoint's answer holds no access token.")


def _seconds(lifetime: object) -> float:
    """Return the seconds that a token lives; an hour where that is missing or makes no sense.

    Whoever leaves it out issues tokens of some usual life (RFC 6749 §5.1), and one that ends
    earlier is replaced when it is refused.
    """
    try:
        told = float(lifetime) if isinstance(lifetime, int | float | str) else 0.0
    except (ValueError, OverflowError):
        told = 0.0
    if not 0 < told < inf or isinstance(lifetime, bool):
        return _USUAL_SECONDS
    # Adobe's earlier token endpoint tells milliseconds; no token of a month is issued.
    return told / 1000 if told > _LONGEST_SECONDS else told


class RenewingTokens:
    """Tokens for client credentials, renewed ahead of their end by one request at a time.

    Attributes:
        client_id: The API client.
    """

    def __init__(
        self,
        credentials: ClientCredentials,
        fetch: Callable[[ClientCredentials, OnRetry | None], Awaitable[Grant]],
        clock: Clock,
    ) -> None:
        self.client_id = credentials.client_id
        self._credentials = credentials
        self._fetch = fetch
        self._clock = clock
        self._lock = PerLoop(asyncio.Lock)
        self._token: str | None = None
        self._renew_at = self._ends_at = 0.0
        self._failure: AudioEnhanceError | None = None
        self._waiting: list[OnRetry] = []
        self._delay: tuple[AudioEnhanceError, float] | None = None  # and when it ends
        self._pause = Pause(clock)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._credentials!r})"

    async def token(self, on_retry: OnRetry | None = None) -> str:
        """Return the token in use, or a new one where there is none that lasts.

        Args:
            on_retry: Told when asking for a new one has to be tried again, by whoever asks.
        """
        failure = self._failure
        if self._token is not None:
            now = self._clock.monotonic()
            # While it is renewed ahead of its end, nobody waits for that: it still lasts.
            if now < self._renew_at or (now < self._ends_at and self._lock.here.locked()):
                return self._token
        # Whoever waits here finds the token that the one before them got, or is told how that one
        # failed; when that one is cancelled, the next makes the request.
        with self._told(on_retry):
            async with self._lock.here:
                if self._token is not None and self._clock.monotonic() < self._renew_at:
                    return self._token
                if self._failure is not None and self._failure is not failure:
                    raise located(self._failure)
                return await self._renewed(on_retry)

    @contextmanager
    def _told(self, on_retry: OnRetry | None) -> Generator[None]:
        """Let somebody who waits know why that takes so long."""
        if on_retry is None:
            yield
            return
        if self._delay is not None:
            error, until = self._delay
            on_retry(error, max(0.0, until - self._clock.monotonic()))
        self._waiting.append(on_retry)
        try:
            yield
        finally:
            self._waiting.remove(on_retry)

    async def _renewed(self, on_retry: OnRetry | None) -> str:
        def tell(error: AudioEnhanceError, wait: float) -> None:
            self._delay = error, self._clock.monotonic() + wait
            self._hold(error)
            for other in self._waiting:
                if other is not on_retry:
                    with suppress(AudioEnhanceError):  # that stops them, not the request
                        other(error, wait)
            if on_retry is not None:
                on_retry(error, wait)

        try:
            self._pause.hold_back()
            grant = await self._fetch(self._credentials, tell)
        except AudioEnhanceError as error:
            self._hold(error)
            now = self._clock.monotonic()
            if self._token is not None and now < self._ends_at:
                self._renew_at = min(now + _AGAIN_SECONDS, self._ends_at)
                return self._token
            self._failure = located(error)  # without the frames that it came through
            raise
        finally:
            self._delay = None
        now = self._clock.monotonic()
        self._failure = None
        self._token = grant.token
        self._renew_at = now + grant.lifetime - min(_AHEAD_SECONDS, 0.1 * grant.lifetime)
        self._ends_at = now + grant.lifetime
        return grant.token

    def _hold(self, error: AudioEnhanceError) -> None:
        """Keep the pause that the endpoint asks for, whoever comes and whoever is cancelled."""
        if error.retry_after and not error.held_back:
            self._pause.begin(error.retry_after, error)

    def reject(self, token: str) -> None:
        """Drop the token, unless it was replaced in the meantime."""
        if token == self._token:
            self._token = None
