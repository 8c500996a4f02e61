"""The names of the endpoints, as `RequestRecord.route` and `Faults.script` use them.

Both generations of the API have the same names; `RequestRecord.api_version` tells them apart.
"""

from typing import Final

INDEX: Final = "GET /"
HEALTH: Final = "GET /health"
OPENAPI: Final = "GET /openapi.json"
TOKEN: Final = "POST /ims/token/v3"  # noqa: S105 - a route
CREATE_ASSET: Final = "POST /assets"
GET_ASSET: Final = "GET /assets/:id"
DELETE_ASSET: Final = "DELETE /assets/:id"
CREATE_ENHANCEMENT: Final = "POST /speech_enhancements"
GET_ENHANCEMENT: Final = "GET /speech_enhancements/:id"
DOWNLOAD: Final = "GET /speech_enhancements/:id/download"

PUT_OBJECT: Final = "PUT /object"
GET_OBJECT: Final = "GET /object"
HEAD_OBJECT: Final = "HEAD /object"

# The published limits: these two together, everything else together.
CREATIONS: Final = frozenset({CREATE_ASSET, CREATE_ENHANCEMENT})
