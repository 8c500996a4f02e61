import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from audio_enhance import (
    AccessToken,
    AudioEnhanceError,
    AuthenticationError,
    ClientCredentials,
    ConfigurationError,
    ConnectionFailedError,
    ProtocolError,
    RateLimitError,
    ServerError,
    TokenProvider,
)
from audio_enhance._core.located import located
from audio_enhance._session.retry import OnRetry
from audio_enhance._session.tokens import IMS_TOKEN_URL, Grant, RenewingTokens
from tests.support.clock import ManualClock

CREDENTIALS = ClientCredentials("the-id", "the-secret")
DAY = 86399


def test_credentials_have_adobes_defaults() -> None:
    assert CREDENTIALS.token_url == IMS_TOKEN_URL == "https://ims-na1.adobelogin.com/ims/token/v3"
    assert ",".join(CREDENTIALS.scopes) == (
        "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis"
    )
    assert ClientCredentials("i", "s", scopes=["a", "b"]).scopes == ("a", "b")
    assert ClientCredentials("i", "s", scopes="openid, AdobeID").scopes == ("openid", "AdobeID")


@pytest.mark.parametrize("value", ["", "  ", "a\nb", "a\r", "a\x00b", None, 3])
def test_blank_and_unprintable_values_are_refused(value: Any) -> None:
    for make in (
        lambda: ClientCredentials(value, "s"),
        lambda: ClientCredentials("i", value),
        lambda: AccessToken(value, client_id="i"),
        lambda: AccessToken("t", client_id=value),
    ):
        with pytest.raises(ConfigurationError):
            make()


def test_reprs_show_no_secrets() -> None:
    assert "the-secret" not in repr(CREDENTIALS)
    assert "the-id" in repr(CREDENTIALS)
    assert "the-token" not in repr(AccessToken("the-token", client_id="the-id"))
    assert "the-token" not in repr(Grant("the-token", 1.0))


async def test_an_access_token_stays_what_it_is() -> None:
    token = AccessToken("the-token", client_id="the-id")
    token.reject("the-token")
    assert await token.token() == "the-token"
    assert isinstance(token, TokenProvider)


@pytest.mark.parametrize("lifetime", [DAY, 86399.5])
def test_the_answer_of_the_token_endpoint(lifetime: float) -> None:
    grant = Grant.from_json(
        {"access_token": "eyJ", "token_type": "bearer", "expires_in": lifetime, "more": 1}
    )
    assert grant == Grant("eyJ", lifetime)


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ({}, 3600),
        ({"expires_in": None}, 3600),
        ({"expires_in": "86399"}, 86399),
        ({"expires_in": "soon"}, 3600),
        ({"expires_in": 0}, 3600),
        ({"expires_in": -5}, 3600),
        ({"expires_in": True}, 3600),
        ({"expires_in": 10**400}, 3600),
        ({"expires_in": float("nan")}, 3600),
        ({"expires_in": [1]}, 3600),
        ({"expires_in": 86399993}, 86399.993),
    ],
)
def test_how_long_a_token_lives(told: dict[str, Any], seconds: float) -> None:
    assert Grant.from_json({"access_token": "eyJ", **told}) == Grant("eyJ", seconds)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "eyJ",
        {},
        {"expires_in": 1},
        {"access_token": "", "expires_in": 1},
        {"access_token": "a\r\nb", "expires_in": 1},
        {"access_token": 3, "expires_in": 1},
    ],
)
def test_answers_without_a_token(answer: object) -> None:
    with pytest.raises(ProtocolError, match="no access token"):
        Grant.from_json(answer)


class Endpoint:
    """A token endpoint in memory."""

    def __init__(self, lifetime: float = DAY) -> None:
        self.lifetime = lifetime
        self.requests = 0
        self.failures: list[Exception] = []
        self.hold: asyncio.Event | None = None
        self.delay: RateLimitError | None = None

    async def __call__(self, credentials: ClientCredentials, on_retry: OnRetry | None) -> Grant:
        assert credentials is CREDENTIALS
        self.requests += 1
        number = self.requests
        if self.delay is not None and on_retry is not None:
            on_retry(self.delay, self.delay.retry_after or 0.0)
        if self.hold is not None:
            await self.hold.wait()
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return Grant(f"token-{number}", self.lifetime)


@pytest.fixture
def endpoint() -> Endpoint:
    return Endpoint()


@pytest.fixture
def tokens(endpoint: Endpoint, clock: ManualClock) -> RenewingTokens:
    return RenewingTokens(CREDENTIALS, endpoint, clock)


def refused() -> AuthenticationError:
    return AuthenticationError("invalid_client", status=401, code="invalid_client")


async def gathered(count: int, make: Callable[[], Awaitable[str]]) -> list[Any]:
    return await asyncio.gather(*(make() for _ in range(count)), return_exceptions=True)


async def test_one_request_however_many_wait(tokens: RenewingTokens, endpoint: Endpoint) -> None:
    assert await gathered(200, tokens.token) == ["token-1"] * 200
    assert endpoint.requests == 1


async def test_a_token_is_kept_until_shortly_before_its_end(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    assert await tokens.token() == "token-1"
    clock.pass_by(DAY - 301)
    assert await tokens.token() == "token-1"
    clock.pass_by(2)
    # One renews it; nobody else waits for that, since the one in use still lasts.
    assert await gathered(50, tokens.token) == ["token-2"] + ["token-1"] * 49
    assert await gathered(50, tokens.token) == ["token-2"] * 50
    assert endpoint.requests == 2


async def test_short_lives_are_used_for_nine_tenths(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    endpoint.lifetime = 100
    await tokens.token()
    clock.pass_by(89)
    assert await tokens.token() == "token-1"
    clock.pass_by(2)
    assert await tokens.token() == "token-2"


async def test_a_token_that_lives_no_time_is_asked_for_each_time(
    tokens: RenewingTokens, endpoint: Endpoint
) -> None:
    endpoint.lifetime = 0
    assert [await tokens.token() for _ in range(3)] == ["token-1", "token-2", "token-3"]


async def test_a_rejected_token_is_replaced_once(
    tokens: RenewingTokens, endpoint: Endpoint
) -> None:
    old = await tokens.token()
    for _ in range(20):  # everybody who was refused says so, some of them late
        tokens.reject(old)
    new = await tokens.token()
    tokens.reject(old)
    assert await tokens.token() == new != old
    assert endpoint.requests == 2


async def test_a_failed_renewal_leaves_the_token_that_still_lasts(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    await tokens.token()
    clock.pass_by(DAY - 200)
    endpoint.failures = [ConnectionFailedError("No.", connected=False)]
    assert await gathered(50, tokens.token) == ["token-1"] * 50
    # Not every call waits for an endpoint that is down.
    assert await tokens.token() == "token-1"
    assert endpoint.requests == 2
    clock.pass_by(31)
    assert await tokens.token() == "token-3"


async def test_a_token_that_has_ended_is_not_used_whatever_happens(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    await tokens.token()
    clock.pass_by(DAY + 1)
    endpoint.failures = [ConnectionFailedError("No.", connected=False)]
    with pytest.raises(ConnectionFailedError):
        await tokens.token()
    assert await tokens.token() == "token-3"


async def test_a_failed_renewal_near_the_end_does_not_outlive_the_token(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    await tokens.token()
    clock.pass_by(DAY - 10)
    endpoint.failures = [refused(), refused()]
    assert await tokens.token() == "token-1"
    clock.pass_by(10)
    with pytest.raises(AuthenticationError):
        await tokens.token()


async def test_whoever_waits_while_it_fails_is_told_so(
    tokens: RenewingTokens, endpoint: Endpoint
) -> None:
    endpoint.failures = [refused()]
    errors = await gathered(200, tokens.token)
    assert endpoint.requests == 1
    assert all(isinstance(error, AuthenticationError) for error in errors)
    # Each has an error of its own: what one job writes on it says nothing of another.
    assert len({id(error) for error in errors}) == 200
    # Whoever comes later tries again.
    assert await tokens.token() == "token-2"


async def test_a_failure_from_before_is_not_told_again(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    endpoint.failures = [refused()]
    with pytest.raises(AuthenticationError):
        await tokens.token()
    assert await gathered(20, tokens.token) == ["token-2"] * 20
    clock.pass_by(DAY + 1)
    assert await gathered(20, tokens.token) == ["token-3"] * 20


async def test_a_cancelled_request_is_made_by_the_next(
    tokens: RenewingTokens, endpoint: Endpoint
) -> None:
    endpoint.hold = asyncio.Event()
    first = asyncio.create_task(tokens.token())
    others = [asyncio.create_task(tokens.token()) for _ in range(10)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    first.cancel()
    endpoint.hold.set()
    assert await asyncio.gather(*others) == ["token-2"] * 10
    assert first.cancelled()
    assert endpoint.requests == 2


async def test_a_cancelled_waiter_is_in_nobodys_way(
    tokens: RenewingTokens, endpoint: Endpoint
) -> None:
    endpoint.hold = asyncio.Event()
    tasks = [asyncio.create_task(tokens.token()) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks[1::2]:
        task.cancel()
    await asyncio.sleep(0)
    endpoint.hold.set()
    assert await asyncio.gather(*tasks[::2]) == ["token-1"] * 5
    assert endpoint.requests == 1


def busy(seconds: float) -> RateLimitError:
    return RateLimitError("Busy.", status=429, retry_after=seconds)


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (busy(600), 600),
        (busy(7200), 3600),  # whatever is asked for, an hour
        (ServerError("Down.", status=503, retry_after=600), 600),
    ],
)
async def test_a_pause_that_it_asks_for_is_kept_by_everybody(
    tokens: RenewingTokens,
    endpoint: Endpoint,
    clock: ManualClock,
    error: AudioEnhanceError,
    kept: float,
) -> None:
    endpoint.failures = [located(error, attempts=8)]
    with pytest.raises(type(error)):
        await tokens.token()
    clock.pass_by(kept - 1)
    for _ in range(2):
        with pytest.raises(type(error)) as caught:
            await tokens.token()
        assert caught.value.held_back
        assert not caught.value.outcome_unknown
        assert not caught.value.attempts
        assert caught.value.retry_after == (error.retry_after or 0) - kept + 1
    assert endpoint.requests == 1
    clock.pass_by(1)
    assert await tokens.token() == "token-2"


async def test_a_pause_is_kept_when_who_waits_for_its_end_is_cancelled(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    endpoint.hold, endpoint.delay = asyncio.Event(), busy(600)
    first = asyncio.create_task(tokens.token())
    other = asyncio.create_task(tokens.token())
    for _ in range(3):
        await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(RateLimitError, match="Busy") as caught:
        await other
    assert caught.value.retry_after == 600
    assert caught.value.hint
    assert "in 600 s" in caught.value.hint
    assert endpoint.requests == 1
    clock.pass_by(600)
    endpoint.hold.set()
    assert await tokens.token() == "token-2"


async def test_a_token_that_lasts_is_used_through_a_pause(
    tokens: RenewingTokens, endpoint: Endpoint, clock: ManualClock
) -> None:
    await tokens.token()
    clock.pass_by(DAY - 200)
    endpoint.failures = [busy(100)]
    for _ in range(3):
        assert await tokens.token() == "token-1"
        clock.pass_by(31)
    assert endpoint.requests == 2
    clock.pass_by(31)
    assert await tokens.token() == "token-3"


def test_its_repr_shows_the_client_and_no_secret(tokens: RenewingTokens) -> None:
    assert "the-id" in repr(tokens)
    assert "the-secret" not in repr(tokens)
    assert tokens.client_id == "the-id"
    assert isinstance(tokens, TokenProvider)
