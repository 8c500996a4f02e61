"""What a client is set up with: every option once, and what the environment says."""

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict, Unpack

import aiohttp

from audio_enhance._core.clock import Clock, SystemClock
from audio_enhance._core.errors import ConfigurationError
from audio_enhance._core.events import Event
from audio_enhance._scheduler.polling import PollPolicy
from audio_enhance._session.addresses import check_own
from audio_enhance._session.rate_limits import RateLimits
from audio_enhance._session.retry import RetryPolicy
from audio_enhance._session.sessions import Timeouts
from audio_enhance._session.tokens import (
    IMS_TOKEN_URL,
    AccessToken,
    ClientCredentials,
    TokenProvider,
)
from audio_enhance._session.wire import ApiVersion, check_version

CLIENT_ID = "FIREFLY_SERVICES_CLIENT_ID"
CLIENT_SECRET = "FIREFLY_SERVICES_CLIENT_SECRET"  # noqa: S105
ACCESS_TOKEN = "FIREFLY_SERVICES_ACCESS_TOKEN"  # noqa: S105
BASE_URL = "AUDIO_ENHANCE_BASE_URL"
TOKEN_URL = "AUDIO_ENHANCE_TOKEN_URL"  # noqa: S105
API_VERSION = "AUDIO_ENHANCE_API_VERSION"

_ONE_WAY = (
    "Write EnhanceClient(client_id=…, client_secret=…), EnhanceClient(AccessToken(…, client_id=…))"
    " or EnhanceClient.from_env()."
)

DEFAULT_API_VERSION: ApiVersion = "v1"
# The host of the API's later public revision.
DEFAULT_BASE_URL = "https://firefly-beta.adobe.io"
# Where each version was published.
DEFAULT_BASE_URLS: dict[ApiVersion, str] = {
    "v1": DEFAULT_BASE_URL,
    "v2": "https://audio-services-stage.adobe.io",
}

Auth = ClientCredentials | AccessToken | TokenProvider


class Options(TypedDict, total=False):
    """The options of a client beside its credentials, for signatures that pass them on."""

    base_url: str | None
    api_version: ApiVersion
    session: aiohttp.ClientSession | None
    trust_env: bool
    timeouts: Timeouts | None
    retry: RetryPolicy | None
    polling: PollPolicy | None
    limits: RateLimits | Sequence[RateLimits] | None
    max_waiting: int | None
    at_a_time: int | None
    max_result_bytes: int | None
    on_event: Callable[[Event], None] | None
    clock: Clock | None


def _several(auth: Auth | Sequence[Auth]) -> tuple[Auth, ...]:
    several = tuple(auth) if isinstance(auth, Sequence) else (auth,)
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


class Settings:
    """What a client is set up with, checked; `EnhanceClient` says what each of it means.

    Raises:
        ConfigurationError: The credentials, the address or the limits cannot be used.
    """

    def __init__(self, auth: Auth | Sequence[Auth], **options: Unpack[Options]) -> None:
        if unknown := options.keys() - Options.__annotations__.keys():
            raise TypeError(f"There is no option {', '.join(map(repr, sorted(unknown)))}.")
        self.auth = _several(auth)
        self.api_version: ApiVersion = check_version(
            options.get("api_version", DEFAULT_API_VERSION)
        )
        base_url = options.get("base_url")
        if base_url is None:
            base_url = DEFAULT_BASE_URLS[self.api_version]
        self.base_url = check_own(base_url, "base URL")
        self.session = options.get("session")
        self.trust_env = options.get("trust_env", False)
        self.timeouts = options.get("timeouts") or Timeouts()
        self.retry = options.get("retry") or RetryPolicy()
        self.polling = options.get("polling") or PollPolicy()
        self.max_waiting = options.get("max_waiting")
        self.at_a_time = options.get("at_a_time")
        if self.at_a_time is not None and self.at_a_time < 1:
            raise ConfigurationError("at_a_time is a number of recordings, 1 or more.")
        self.max_result_bytes = options.get("max_result_bytes")
        self.on_event = options.get("on_event")
        self.clock = options.get("clock") or SystemClock()
        self.limits = self._limits(options.get("limits"))

    def _limits(self, limits: RateLimits | Sequence[RateLimits] | None) -> Sequence[RateLimits]:
        """Return the limits of each API client; one object counts for all of them together."""
        if limits is None or isinstance(limits, RateLimits):
            return [limits or RateLimits(clock=self.clock)] * len(self.auth)
        if len(limits) != len(self.auth):
            raise ConfigurationError(f"{len(limits)} rate limits for {len(self.auth)} API clients.")
        return limits

    def add(self, auth: Auth, limits: RateLimits | None) -> None:
        """Take in one more API client, with the first one's limits if none are given.

        Raises:
            ConfigurationError: Its credentials cannot be used.
        """
        self.auth = (*self.auth, *_several(auth))
        self.limits = (*self.limits, limits or self.limits[0])


def one_auth(
    auth: Auth | Sequence[Auth] | None, client_id: str | None, client_secret: str | None
) -> Auth | Sequence[Auth]:
    """Return the credentials that a client is given, in whichever way.

    Raises:
        ConfigurationError: There are none, or they are given twice, or by half.
    """
    by_name = client_id is not None, client_secret is not None
    if auth is not None and not any(by_name):
        return auth
    if auth is None and client_id is not None and client_secret is not None:
        return ClientCredentials(client_id, client_secret)
    if auth is not None:
        raise ConfigurationError("The credentials are given twice.", hint=_ONE_WAY)
    missing = "client_secret" if by_name[0] else "client_id" if by_name[1] else "credentials"
    raise ConfigurationError(f"There is no {missing}.", hint=_ONE_WAY)


def auth_from(environ: Mapping[str, str] = os.environ) -> ClientCredentials | AccessToken:
    """Return the credentials in the environment; a secret wins over a token, which ends.

    Raises:
        ConfigurationError: Some are missing; every one of them is named.
    """
    client_id = environ.get(CLIENT_ID, "").strip()
    secret = environ.get(CLIENT_SECRET, "").strip()
    token = environ.get(ACCESS_TOKEN, "").strip()
    missing = [] if client_id else [CLIENT_ID]
    if not secret and not token:
        missing.append(f"{CLIENT_SECRET} (or {ACCESS_TOKEN})")
    if missing:
        raise ConfigurationError(
            f"Missing in the environment: {', '.join(missing)}.",
            hint="Set them to the credentials of your project in Adobe's developer console.",
        )
    if secret:
        token_url = environ.get(TOKEN_URL, "").strip() or IMS_TOKEN_URL
        return ClientCredentials(client_id, secret, token_url=token_url)
    return AccessToken(token, client_id=client_id)


def base_url_from(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the API's address in `AUDIO_ENHANCE_BASE_URL`, `None` for the default."""
    return environ.get(BASE_URL, "").strip() or None


def api_version_from(environ: Mapping[str, str] = os.environ) -> ApiVersion:
    """Return the API's version: `AUDIO_ENHANCE_API_VERSION` or the default.

    Raises:
        ConfigurationError: There is no such version.
    """
    named = environ.get(API_VERSION, "").strip()
    return check_version(named) if named else DEFAULT_API_VERSION
