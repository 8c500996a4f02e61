"""What the environment says: Adobe's own names for the credentials, and two of ours."""

import os
from collections.abc import Mapping

from ._core.errors import ConfigurationError
from ._session.tokens import IMS_TOKEN_URL, AccessToken, ClientCredentials

CLIENT_ID = "FIREFLY_SERVICES_CLIENT_ID"
CLIENT_SECRET = "FIREFLY_SERVICES_CLIENT_SECRET"  # noqa: S105
ACCESS_TOKEN = "FIREFLY_SERVICES_ACCESS_TOKEN"  # noqa: S105
BASE_URL = "AUDIO_ENHANCE_BASE_URL"
TOKEN_URL = "AUDIO_ENHANCE_TOKEN_URL"  # noqa: S105

# The host of the API's later public revision.
DEFAULT_BASE_URL = "https://firefly-beta.adobe.io"


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


def base_url_from(environ: Mapping[str, str] = os.environ) -> str:
    """Return the API's address: `AUDIO_ENHANCE_BASE_URL` or the default."""
    return environ.get(BASE_URL, "").strip() or DEFAULT_BASE_URL
