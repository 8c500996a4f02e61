"""The two names that S3 gives every request, for its support."""

import base64
import secrets


def new_ids() -> dict[str, str]:
    """Return them as an answer's headers: the request's id, and the id of the host."""
    host_id = base64.b64encode(secrets.token_bytes(56)).decode()
    return {"x-amz-request-id": secrets.token_hex(8).upper(), "x-amz-id-2": host_id}
