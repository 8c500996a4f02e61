"""API clients and their access tokens: ``POST /ims/token/v3``."""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from audio_enhance.local.conditions.clock import Clock
from audio_enhance.local.conditions.ledger import Ledger

from .validation import matches

# Adobe's scopes are separated by commas (developer.adobe.com, OAuth Server-to-Server credential
# API reference), not by the spaces of RFC 6749; many guides write a space after each comma.
SCOPES: Final = r"^[A-Za-z0-9_.:-]+(, *[A-Za-z0-9_.:-]+)*$"


@frozen
class ApiClient:
    """A registered API client. Rate limits belong to its organization, the queue to itself."""

    id: str
    secret: str = field(repr=False)
    organization: str


class TokenError(Exception):
    """A refused token request: an HTTP status and the two fields of RFC 6749 §5.2."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": error, "error_description": description}


@frozen
class _Grant:
    client_id: str
    expires_at: float


class Tokens:
    """Issues access tokens and knows whose they are, by their digests."""

    def __init__(self, clock: Clock, seconds: float, ledger: Ledger) -> None:
        self._clock = clock
        self._seconds = seconds
        self._ledger = ledger
        self._clients: dict[str, ApiClient] = {}
        self._grants: dict[bytes, _Grant] = {}

    async def restore(self) -> None:
        """Take over the tokens that the ledger knows."""
        now = self._clock.since_epoch()
        self._ledger.write("DELETE FROM tokens WHERE expires_at <= ?", now)
        for digest, client_id, expires_at in await self._ledger.rows(
            "SELECT digest, client_id, expires_at FROM tokens WHERE expires_at > ?", now
        ):
            self._grants[digest] = _Grant(client_id, self._clock.at(expires_at))

    def register(self, client: ApiClient) -> None:
        """Make an API client known."""
        self._clients[client.id] = client

    def client(self, client_id: str | None) -> ApiClient | None:
        """Return the API client of that id, if there is one."""
        return self._clients.get(client_id or "")

    def issue(self, client: ApiClient) -> str:
        """Return a new access token of this client."""
        now = self._clock.seconds()
        self._grants = {t: grant for t, grant in self._grants.items() if grant.expires_at > now}
        # Shaped like the JSON Web Tokens of the real one, and as long; clients must not look in.
        head = _base64url(json.dumps({"alg": "RS256", "typ": "at+jwt"}).encode())
        token = (
            f"{head}.{_base64url(secrets.token_bytes(256))}.{_base64url(secrets.token_bytes(256))}"
        )
        grant = self._grants[_digest(token)] = _Grant(client.id, now + self._seconds)
        self._ledger.write(
            "INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)",
            *(_digest(token), client.id, self._clock.since_epoch(grant.expires_at)),
        )
        return token

    def owner(self, token: str) -> ApiClient | None:
        """Return whose token this is, None if it is unknown, revoked or expired."""
        grant = self._grants.get(_digest(token))
        if grant is None or grant.expires_at <= self._clock.seconds():
            return None
        return self._clients.get(grant.client_id)

    def revoke(self) -> None:
        """Make every token that was issued invalid."""
        self._grants.clear()
        self._ledger.write("DELETE FROM tokens")

    def exchange(self, form: Mapping[str, str]) -> dict[str, object]:
        """Answer a token request (client credentials), wherever its fields were.

        Raises:
            TokenError: For every request that must not get a token.
        """
        if form.get("grant_type") != "client_credentials":
            raise TokenError(400, "unsupported_grant_type", "grant_type must be client_credentials")
        for name in ("client_id", "client_secret"):
            if not form.get(name):
                raise TokenError(400, "invalid_request", f"{name} parameter is missing")
        client = self._clients.get(form["client_id"])
        if client is None:
            raise TokenError(400, "invalid_client", "invalid client_id parameter")
        if not hmac.compare_digest(client.secret.encode(), form["client_secret"].encode()):
            raise TokenError(401, "invalid_client", "invalid client_secret parameter")
        if not matches(SCOPES, form.get("scope", "")):
            raise TokenError(400, "invalid_scope", "Invalid or missing scope(s)")
        return {
            "access_token": self.issue(client),
            "token_type": "bearer",
            "expires_in": int(self._seconds),
        }


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
