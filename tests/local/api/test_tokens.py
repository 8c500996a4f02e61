"""``POST /ims/token/v3``."""

from typing import Any
from urllib.parse import urlencode

import pytest

from audio_enhance.local import Behaviour
from tests.local.conftest import Serve
from tests.local.support import Caller, FakeClock


def form(caller: Caller, **changes: str | None) -> dict[str, str]:
    """A good request, changed."""
    values: dict[str, str | None] = {
        "grant_type": "client_credentials",
        "client_id": caller.service.client_id,
        "client_secret": caller.service.client_secret,
        "scope": "openid,AdobeID,session,additional_info,read_organizations,firefly_api,ff_apis",
    }
    return {name: value for name, value in (values | changes).items() if value is not None}


async def ask(caller: Caller, **arguments: Any) -> tuple[int, Any, dict[str, str]]:
    return await caller.call("POST", caller.service.token_url, headers={}, **arguments)


async def test_credentials_are_exchanged_for_a_token(caller: Caller) -> None:
    status, answer, headers = await ask(caller, data=form(caller))
    assert status == 200
    assert list(answer) == ["access_token", "token_type", "expires_in"]
    assert answer["access_token"].startswith("eyJ")
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 86399)
    assert headers["cache-control"] == "no-store"
    caller.token = answer["access_token"]
    await caller.create()


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": None}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"client_id": None}, 400, "invalid_request"),
        ({"client_secret": None}, 400, "invalid_request"),
        ({"client_id": "nobody"}, 400, "invalid_client"),
        ({"client_secret": "guess"}, 401, "invalid_client"),
        ({"client_secret": "g\u00fcss"}, 401, "invalid_client"),
        ({"scope": None}, 400, "invalid_scope"),
        ({"scope": "openid AdobeID"}, 400, "invalid_scope"),
        ({"scope": "openid,"}, 400, "invalid_scope"),
        ({"scope": "openid,ff_apis\n"}, 400, "invalid_scope"),
    ],
)
async def test_a_wrong_request_is_refused(
    caller: Caller, changes: dict[str, str | None], status: int, error: str
) -> None:
    got, answer, _ = await ask(caller, data=form(caller, **changes))
    assert (got, answer["error"]) == (status, error)
    assert list(answer) == ["error", "error_description"]


async def test_the_form_is_no_json(caller: Caller) -> None:
    assert (await ask(caller, json=form(caller)))[1]["error"] == "invalid_request"


@pytest.mark.parametrize("scope", ["openid,AdobeID,ff_apis", "openid, AdobeID, ff_apis"])
@pytest.mark.parametrize(
    "in_query",
    [
        pytest.param((), id="the form"),
        pytest.param(("client_id",), id="the client in the query"),
        pytest.param(
            ("grant_type", "client_id", "client_secret", "scope"), id="everything in the query"
        ),
    ],
)
async def test_the_published_shapes_of_a_request(
    caller: Caller, in_query: tuple[str, ...], scope: str
) -> None:
    fields = form(caller, scope=scope)
    query = {name: fields.pop(name) for name in in_query}
    status, answer, _ = await ask(caller, params=query, **({"data": fields} if fields else {}))
    assert status == 200
    caller.token = answer["access_token"]
    await caller.create()
    assert caller.service.client_secret not in repr(caller.service.record)


@pytest.mark.parametrize(("charset", "extra"), [("bogus", b""), ("utf-8", b"\xff")])
async def test_a_form_that_cannot_be_read_is_refused(
    caller: Caller, charset: str, extra: bytes
) -> None:
    headers = {"Content-Type": f"application/x-www-form-urlencoded; charset={charset}"}
    body = urlencode(form(caller)).encode() + extra
    status, answer, _ = await caller.call(
        "POST", caller.service.token_url, headers=headers, data=body
    )
    assert (status, answer["error"]) == (400, "invalid_request")


async def test_the_token_endpoint_needs_no_credentials_and_is_not_limited(serve: Serve) -> None:
    caller = await serve(behaviour=Behaviour(others_per_minute=1, creations_per_minute=1))
    for _ in range(4):
        assert (await ask(caller, data=form(caller)))[0] == 200
    assert caller.service.count("POST /ims/token/v3", 200) == 4


async def test_a_token_expires(serve: Serve, clock: FakeClock) -> None:
    caller = await serve(clock=clock, behaviour=Behaviour(token_seconds=10))
    assert (await ask(caller, data=form(caller)))[1]["expires_in"] == 10
    clock.now += 9.9
    await caller.create()
    clock.now += 0.1
    status, answer, _ = await caller.call("GET", "/audio_services/v1/assets/x")
    assert status == 401
    assert answer == {"error_code": "401013", "message": "Oauth token is not valid"}


async def test_tokens_can_be_revoked_and_issued(caller: Caller) -> None:
    await caller.create()
    caller.service.revoke_tokens()
    assert (await caller.call("GET", "/audio_services/v1/assets/x"))[0] == 401
    caller.token = caller.service.issue_token(caller.client_id)
    await caller.create()
    with pytest.raises(KeyError):
        caller.service.issue_token("nobody")
