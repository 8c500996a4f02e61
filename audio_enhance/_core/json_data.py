"""JSON from outside: whatever was expected, it may be anything."""

import json
from typing import Any, TypeGuard


def parsed(body: bytes) -> Any:
    """Return what a body of JSON holds; raises `ValueError` or `RecursionError` if it is none."""
    # In UTF-8 (RFC 8259 §8.1): `json` would look for others first.
    return json.loads(body.removeprefix(b"\xef\xbb\xbf").decode())


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a value out of JSON is an object."""
    return isinstance(value, dict)
