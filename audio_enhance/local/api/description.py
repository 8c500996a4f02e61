"""`openapi.json`: what the service says of itself."""

import json
from functools import cache
from importlib import resources
from typing import Any

from audio_enhance.local.conditions.behaviour import Revision


@cache
def description(revision: Revision) -> dict[str, Any]:
    """Return the OpenAPI document of a service whose first generation is of this revision."""
    document: dict[str, Any] = json.loads(
        resources.files("audio_enhance.local.api").joinpath("openapi.json").read_bytes()
    )
    if revision == "later":
        # It neither asks for a checksum nor looks at one.
        new_asset = document["components"]["schemas"]["NewAsset"]
        new_asset["required"].remove("checksum")
        new_asset["properties"]["checksum"] = {}
    return document
