"""Every call of the API, made to a raw server."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from audio_enhance import Asset, Phase, RateLimits, RetryPolicy, Timeouts
from audio_enhance._session.endpoints import EnhanceApi
from audio_enhance._session.retry import Retrier
from audio_enhance._session.sessions import Transport
from audio_enhance._session.wire import ApiVersion

from .answers import ASSET_ID, ENHANCEMENT_ID, asset_json, enhancement_json
from .clock import ManualClock
from .raw_server import RawServer

ROOT = "/audio_services/v1/assets"


class Tokens:
    """A provider whose next token is another one whenever one was rejected."""

    client_id = "the-id"

    def __init__(self) -> None:
        self.current = 1
        self.rejected: list[str] = []

    async def token(self) -> str:
        return f"token-{self.current}"

    def reject(self, token: str) -> None:
        self.rejected.append(token)
        self.current += 1


class Setting:
    """An API client of a raw server's."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.tokens: Any = Tokens()
        self.limits = RateLimits(clock=clock)
        self.transport = Transport(None, Timeouts(request=5))
        self.retrier = Retrier(RetryPolicy(attempts=3), clock)

    def __call__(
        self, server: RawServer, path: str = "", *, version: ApiVersion = "v1"
    ) -> EnhanceApi:
        return EnhanceApi(
            server.url + path,
            self.tokens,
            self.transport,
            self.limits,
            self.retrier,
            self.clock,
            version,
        )


@pytest.fixture
async def api(clock: ManualClock) -> AsyncIterator[Setting]:
    setting = Setting(clock)
    yield setting
    await setting.transport.aclose()


async def create_asset(api: EnhanceApi) -> Asset:
    return await api.create_asset(
        filename="earhart-aviation.mp3",
        byte_size=59400,
        checksum="AWzJTRSXGy5JsL+Phh/cFA==",
        content_type="audio/mpeg",
    )


Call = Callable[[EnhanceApi], Any]
CALLS: list[tuple[Call, str, str, Phase]] = [
    (create_asset, "POST", ROOT, Phase.CREATE_ASSET),
    (lambda api: api.get_asset(ASSET_ID), "GET", f"{ROOT}/{ASSET_ID}", Phase.CONFIRM),
    (
        lambda api: api.create_speech_enhancement(ASSET_ID, 93),
        "POST",
        f"{ROOT}/{ASSET_ID}/speech_enhancements",
        Phase.CREATE_ENHANCEMENT,
    ),
    (
        lambda api: api.get_speech_enhancement(ASSET_ID, ENHANCEMENT_ID),
        "GET",
        f"{ROOT}/{ASSET_ID}/speech_enhancements/{ENHANCEMENT_ID}",
        Phase.PROCESS,
    ),
]
every_call = pytest.mark.parametrize(("call", "method", "target", "phase"), CALLS)
BODIES = [asset_json(), asset_json(), enhancement_json(), enhancement_json()]
