"""The endpoints of the API's second generation, as its OpenAPI description has them."""

from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web

from audio_enhance.local.conditions import routes
from audio_enhance.local.conditions.conditions import Conditions

from .backend import Backend
from .gateway import current_client, current_record
from .http import Endpoint, hostname, json_body
from .state import Asset, SpeechEnhancement
from .validation import new_asset_v2, new_enhancement

# The server of the description ends in /api; an earlier text has /audio_services instead.
_ROOT: Final = "/{root:api|audio_services}/v2"


class SecondGeneration:
    """Reads requests and writes answers as v2 does."""

    def __init__(self, conditions: Conditions, backend: Backend) -> None:
        self._conditions = conditions
        self._backend = backend

    def endpoints(self) -> Iterator[Endpoint]:
        """Yield each endpoint: its name, its path and what answers."""
        asset = _ROOT + "/assets/{asset_id}"
        enhancements = _ROOT + "/speech-enhancements"
        yield routes.CREATE_ASSET, _ROOT + "/assets", self._create_asset
        yield routes.GET_ASSET, asset, self._get_asset
        yield routes.DELETE_ASSET, asset, self._delete_asset
        yield routes.CREATE_ENHANCEMENT, enhancements, self._create_enhancement
        yield routes.GET_ENHANCEMENT, enhancements + "/{enhancement_id}", self._get_enhancement

    async def _create_asset(self, request: web.Request) -> web.Response:
        facts = new_asset_v2(await json_body(request))
        asset = await self._backend.create_asset(current_client.get().id, facts)
        current_record.get().asset_id = asset.id
        return web.json_response(self._asset_json(asset, request), status=201)

    async def _get_asset(self, request: web.Request) -> web.Response:
        asset = self._asset(request.match_info["asset_id"])
        await self._backend.look_at(asset)
        return web.json_response(self._asset_json(asset, request))

    async def _delete_asset(self, request: web.Request) -> web.Response:
        await self._backend.delete(self._asset(request.match_info["asset_id"]))
        return web.Response(status=204)

    async def _create_enhancement(self, request: web.Request) -> web.Response:
        new = new_enhancement(await json_body(request))
        asset = self._asset(new.asset_id)
        enhancement = await self._backend.create_enhancement(asset, new.strength, version="v2")
        current_record.get().enhancement_id = enhancement.id
        # Written before it is queued: the answer to a creation says `queued`.
        answer = self._enhancement_json(enhancement, request)
        self._backend.process(enhancement)
        return web.json_response(answer, status=202)

    async def _get_enhancement(self, request: web.Request) -> web.Response:
        enhancement = self._backend.enhancement(
            current_client.get().id, request.match_info["enhancement_id"]
        )
        record = current_record.get()
        record.asset_id, record.enhancement_id = enhancement.asset.id, enhancement.id
        return web.json_response(self._enhancement_json(enhancement, request))

    def _asset(self, asset_id: str) -> Asset:
        asset = self._backend.asset(current_client.get().id, asset_id)
        current_record.get().asset_id = asset.id
        return asset

    def _asset_json(self, asset: Asset, request: web.Request) -> dict[str, Any]:
        timestamp = self._conditions.clock.timestamp
        status = self._backend.asset_status(asset)
        return {
            "id": asset.id,
            "fileName": asset.facts.filename,
            "uploadUrl": self._backend.upload_url(asset, hostname(request)),
            "status": status,
            "createdAt": timestamp(asset.created_at),
            "updatedAt": timestamp(self._backend.updated_at(asset)),
            "byteSize": asset.facts.byte_size,
            "mediaType": asset.facts.content_type,
            "checksum": None if status == "waiting_for_upload" else asset.landed_checksum,
        }

    def _enhancement_json(
        self, enhancement: SpeechEnhancement, request: web.Request
    ) -> dict[str, Any]:
        timestamp = self._conditions.clock.timestamp
        output = None
        if enhancement.status == "succeeded":
            there = self._backend.has_result(enhancement)
            url = self._backend.result_url(enhancement, hostname(request)) if there else None
            output = {"url": url}
        return {
            "id": enhancement.id,
            "strength": enhancement.strength,
            "modelId": self._backend.model_id,
            "assetId": enhancement.asset.id,
            "requestedProcessingAt": timestamp(enhancement.requested_at),
            "finishedProcessingAt": timestamp(enhancement.finished_at),
            "status": enhancement.status,
            "output": output,
            **enhancement.extra,
        }
