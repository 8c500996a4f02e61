"""The API's five requests and the token endpoint's one, each limited and tried again."""

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import quote

from audio_enhance._core.clock import Clock
from audio_enhance._core.errors import (
    ApiError,
    AudioEnhanceError,
    AuthenticationError,
    Phase,
    ProtocolError,
    RateLimitError,
)
from audio_enhance._core.models import Asset, SpeechEnhancement

from .addresses import next_hop, origin
from .answers import REDIRECTS, Answer, api_error
from .rate_limits import RateLimits, Window
from .retry import OnRetry, Retrier
from .sessions import Transport
from .tokens import ClientCredentials, Grant, RenewingTokens, TokenProvider

# Awaited when there is nothing left to wait for and the request goes out, for every try.
OnSend = Callable[[], Awaitable[None]]
# Assets of which is known that this API client made them, where there are several.
_REMEMBERED = 4096
_MOST_REDIRECTS = 5
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
            return Grant.from_json(answer.json())
        if answer.status in REDIRECTS:
            raise ProtocolError("The token endpoint redirects; secrets do not follow.")
        # It knows patterns of secrets; this one need not look like any.
        error = api_error(answer.without(credentials.client_secret), clock.time())
        if answer.status in (400, 401, 403):  # IMS says invalid_client with either
            error = AuthenticationError(
                error.message, status=error.status, code=error.code, request_id=error.request_id
            )
        raise error

    try:
        return await retrier(attempt, on_retry)
    except AudioEnhanceError as error:
        error.outcome_unknown = False  # what the token was wanted for was never asked for
        error.within(phase=Phase.AUTHENTICATE)
        raise


class EnhanceApi:
    """The API's own endpoints (the guide, steps 1 to 5), called with credentials.

    Attributes:
        base_url: Where the API is.
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
    ) -> None:
        self.base_url = base_url
        self._root = f"{base_url}/audio_services/v1/assets"
        self._tokens = tokens
        self._transport = transport
        self.limits = limits
        self._retrier = retrier
        self._clock = clock
        self._made: dict[str, None] = {}  # in order of creation

    @property
    def client_id(self) -> str:
        """The API client that assets and enhancements belong to."""
        return self._tokens.client_id

    def is_own(self, url: str) -> bool:
        """Whether credentials may go to a URL: it has the API's own origin."""
        return origin(url) == origin(self.base_url)

    def made(self, asset_id: str) -> bool:
        """Whether this API client created an asset lately; others cannot see it."""
        return asset_id in self._made

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
        answer = await self._request(
            Phase.CREATE_ASSET,
            "POST",
            self._root,
            json={
                "filename": filename,
                "byte_size": byte_size,
                "checksum": checksum,
                "content_type": content_type,
            },
            on_retry=on_retry,
        )
        asset = _model(Asset, answer, Phase.CREATE_ASSET)
        self._made[asset.id] = None
        while len(self._made) > _REMEMBERED:
            del self._made[next(iter(self._made))]
        return asset

    async def get_asset(self, asset_id: str, *, on_retry: OnRetry | None = None) -> Asset:
        """Step 2: the asset's state, and a new upload URL while it waits for its bytes."""
        answer = await self._request(
            Phase.CONFIRM, "GET", self._asset(asset_id), asset_id=asset_id, on_retry=on_retry
        )
        return _model(Asset, answer, Phase.CONFIRM, asset_id)

    async def create_speech_enhancement(
        self,
        asset_id: str,
        strength: int,
        *,
        on_send: OnSend | None = None,
        on_retry: OnRetry | None = None,
    ) -> SpeechEnhancement:
        """Step 3. A second one, after an answer that was lost, costs processing time."""
        answer = await self._request(
            Phase.CREATE_ENHANCEMENT,
            "POST",
            f"{self._asset(asset_id)}/speech_enhancements",
            json={"strength": strength},
            asset_id=asset_id,
            on_send=on_send,
            on_retry=on_retry,
        )
        return _model(SpeechEnhancement, answer, Phase.CREATE_ENHANCEMENT, asset_id)

    async def get_speech_enhancement(
        self, asset_id: str, enhancement_id: str, *, on_retry: OnRetry | None = None
    ) -> SpeechEnhancement:
        """Step 4: how far it is."""
        answer = await self._request(
            Phase.PROCESS,
            "GET",
            f"{self._asset(asset_id)}/speech_enhancements/{quote(enhancement_id, safe='')}",
            asset_id=asset_id,
            enhancement_id=enhancement_id,
            on_retry=on_retry,
        )
        return _model(SpeechEnhancement, answer, Phase.PROCESS, asset_id, enhancement_id)

    async def redirect_of(
        self, url: str, enhancement: SpeechEnhancement, *, on_retry: OnRetry | None = None
    ) -> str:
        """Step 5: where a download URL of the API's own redirects to, which is not followed."""
        plain_http = self.base_url.startswith("http:")
        for _ in range(_MOST_REDIRECTS):
            answer = await self._request(
                Phase.DOWNLOAD,
                "GET",
                url,
                asset_id=enhancement.asset_id,
                enhancement_id=enhancement.id,
                on_retry=on_retry,
                redirects=True,
            )
            with _known(Phase.DOWNLOAD, enhancement.asset_id, enhancement.id):
                url = next_hop(url, answer.headers.get("Location"), plain_http=plain_http)
            if not self.is_own(url):
                return url
        raise ProtocolError(
            "The download URL redirects within the API again and again.",
            phase=Phase.DOWNLOAD,
            asset_id=enhancement.asset_id,
            enhancement_id=enhancement.id,
        )

    def _asset(self, asset_id: str) -> str:
        return f"{self._root}/{quote(asset_id, safe='')}"

    async def _request(
        self,
        phase: Phase,
        method: str,
        url: str,
        *,
        json: dict[str, Any] | None = None,
        asset_id: str | None = None,
        enhancement_id: str | None = None,
        on_send: OnSend | None = None,
        on_retry: OnRetry | None = None,
        redirects: bool = False,
    ) -> Answer:
        if phase is Phase.CREATE_ASSET:
            window: Window = self.limits.assets
        else:
            window = self.limits.creations if method == "POST" else self.limits.others

        async def attempt() -> Answer:
            with _known(phase, asset_id, enhancement_id):
                return await self._attempt(method, url, json, window, on_send, on_retry, redirects)

        return await self._retrier(attempt, on_retry)

    async def _attempt(
        self,
        method: str,
        url: str,
        json: dict[str, Any] | None,
        window: Window,
        on_send: OnSend | None,
        on_retry: OnRetry | None,
        redirects: bool,
    ) -> Answer:
        token = await self._token(on_retry)
        answer = await self._call(method, url, json, window, on_send, token)
        if answer.status == 401:
            # A token can end early; one that is new and refused as well is a wrong one.
            self._tokens.reject(token)
            if (another := await self._token(on_retry)) != token:
                answer = await self._call(method, url, json, window, on_send, another)
        if answer.ok and not redirects:
            return answer
        if answer.status in REDIRECTS:
            if redirects:
                return answer
            raise ProtocolError(
                f"The API redirects ({answer.status}); credentials do not follow.",
                hint="Check the base URL.",
                request_id=answer.request_id,
            )
        if answer.ok:
            raise ProtocolError(
                "The API did not redirect to the result.", request_id=answer.request_id
            )
        raise self._refusal(answer, window)

    async def _token(self, on_retry: OnRetry | None) -> str:
        if isinstance(self._tokens, RenewingTokens):
            return await self._tokens.token(on_retry)
        return await self._tokens.token()

    async def _call(
        self,
        method: str,
        url: str,
        json: dict[str, Any] | None,
        window: Window,
        on_send: OnSend | None,
        token: str,
    ) -> Answer:
        headers = {"x-api-key": self._tokens.client_id}
        async with window:
            if on_send is not None:
                await on_send()
            answer = await self._transport.call(
                method, url, headers=headers, json=json, authorization=f"Bearer {token}"
            )
        return answer if answer.ok else answer.without(token)

    def _refusal(self, answer: Answer, window: Window) -> ApiError:
        error = api_error(answer, self._clock.time())
        if isinstance(error, RateLimitError):
            # Whoever else calls would be told the same: the pause is for all of them.
            window.pause(error.retry_after if error.retry_after is not None else window.period / 10)
        return error


@contextmanager
def _known(phase: Phase, asset_id: str | None, enhancement_id: str | None) -> Generator[None]:
    """Write on every error what it was about."""
    try:
        yield
    except AudioEnhanceError as error:
        error.within(phase=phase, asset_id=asset_id, enhancement_id=enhancement_id)
        raise


def _model(
    kind: type[_Model],
    answer: Answer,
    phase: Phase,
    asset_id: str | None = None,
    enhancement_id: str | None = None,
) -> _Model:
    with _known(phase, asset_id, enhancement_id):
        try:
            return kind.from_json(answer.json())
        except ProtocolError as error:
            error.request_id = answer.request_id
            raise
