"""Answers in the shape of the guide's."""

import json
from typing import Any

from .raw_server import Reply, reply

ASSET_ID = "3445d7a0-2513-4606-b37b-bff0034c0214"
ENHANCEMENT_ID = "b877bc56-9c17-4efb-8eec-b5839cd7f555"


def asset_json(**changes: Any) -> dict[str, Any]:
    return {
        "id": ASSET_ID,
        "filename": "earhart-aviation.mp3",
        "upload_url": None,
        "status": "ready_for_processing",
        "created_at": "2024-04-09T21:38:36.872Z",
        "updated_at": "2024-04-09T22:37:03.129Z",
        "byte_size": 59400,
        "content_type": "audio/mpeg",
        "checksum": "AWzJTRSXGy5JsL+Phh/cFA==",
    } | changes


def enhancement_json(**changes: Any) -> dict[str, Any]:
    return {
        "strength": 93,
        "id": ENHANCEMENT_ID,
        "download_url": None,
        "asset_id": ASSET_ID,
        "requested_processing_at": "2024-04-09T22:56:50.174Z",
        "finished_processing_at": None,
        "status": "queued",
        "model_id": "v1",
    } | changes


def answer(status: int, document: Any, **headers: Any) -> Reply:
    """An answer of the API's."""
    return reply(status, json.dumps(document).encode(), content_type="application/json", **headers)
