"""The endpoints of the API's first generation, as the Enhance Speech guide describes them."""

from collections.abc import Iterator
from typing import Any, Final

from aiohttp import hdrs, web

from audio_enhance.local.conditions import routes
from audio_enhance.local.conditions.conditions import Conditions

from .backend import Backend
from .gateway import current_client, current_record
from .http import Endpoint, hostname, json_body
from .problems import not_found
from .state import Asset, SpeechEnhancement
from .validation import new_asset, strength

# The guide writes both: /v1/ in its commands, /api/ in the download_url of its answers.
_READ: Final = "/audio_services/{version:v1|api}/assets"
_CREATE: Final = "/audio_services/v1/assets"


class FirstGeneration:
    """Reads requests and writes answers as v1 does."""

    def __init__(self, conditions: Conditions, backend: Backend) -> None:
        self._conditions = conditions
        self._backend = backend

    def endpoints(self) -> Iterator[Endpoint]:
        """Yield each endpoint: its name, its path and what answers."""
        asset = _READ + "/{asset_id}"
        enhancement = asset + "/speech_enhancements/{enhancement_id}"
        creation = _CREATE + "/{asset_id}/speech_enhancements"
        yield routes.CREATE_ASSET, _CREATE, self._create_asset
        yield routes.GET_ASSET, asset, self._get_asset
        yield routes.CREATE_ENHANCEMENT, creation, self._create_enhancement
        yield routes.GET_ENHANCEMENT, enhancement, self._get_enhancement
        yield routes.DOWNLOAD, enhancement + "/download", self._download

    @property
    def _later(self) -> bool:
        return self._conditions.behaviour.revision == "later"

    async def _create_asset(self, request: web.Request) -> web.Response:
        # The later revision neither asks for a checksum nor looks at one.
        facts = new_asset(await json_body(request), checksum=not self._later)
        asset = await self._backend.create_asset(current_client.get().id, facts)
        current_record.get().asset_id = asset.id
        return web.json_response(self._asset_json(asset, request), status=201)

    async def _get_asset(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        await self._backend.look_at(asset)
        return web.json_response(self._asset_json(asset, request))

    async def _create_enhancement(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        value = strength(await json_body(request))
        enhancement = await self._backend.create_enhancement(asset, value, version="v1")
        current_record.get().enhancement_id = enhancement.id
        # Written before it is queued: the answer to a creation says `queued`.
        answer = self._enhancement_json(enhancement, request)
        self._backend.process(enhancement)
        return web.json_response(answer, status=202)

    async def _get_enhancement(self, request: web.Request) -> web.Response:
        return web.json_response(self._enhancement_json(self._enhancement(request), request))

    async def _download(self, request: web.Request) -> web.Response:
        enhancement = self._enhancement(request)
        if not self._backend.has_result(enhancement):
            raise not_found()
        # Not HTTPFound, which would quote the signed URL once more.
        location = self._backend.result_url(enhancement, hostname(request))
        return web.Response(status=302, headers={hdrs.LOCATION: location})

    def _asset(self, request: web.Request) -> Asset:
        asset = self._backend.asset(current_client.get().id, request.match_info["asset_id"])
        current_record.get().asset_id = asset.id
        return asset

    def _enhancement(self, request: web.Request) -> SpeechEnhancement:
        asset = self._asset(request)
        enhancement = self._backend.enhancement(
            asset.client_id, request.match_info["enhancement_id"]
        )
        if enhancement.asset is not asset:
            raise not_found()
        current_record.get().enhancement_id = enhancement.id
        return enhancement

    def _asset_json(self, asset: Asset, request: web.Request) -> dict[str, Any]:
        timestamp = self._conditions.clock.timestamp
        return {
            "id": asset.id,
            "filename": asset.facts.filename,
            "upload_url": self._backend.upload_url(asset, hostname(request)),
            "status": self._backend.asset_status(asset),
            "created_at": timestamp(asset.created_at),
            "updated_at": timestamp(self._backend.updated_at(asset)),
            "byte_size": asset.facts.byte_size,
            "content_type": asset.facts.content_type,
            # In the later revision null until the upload has landed, then what the store has seen.
            "checksum": asset.checksum or asset.landed_checksum,
        }

    def _enhancement_json(
        self, enhancement: SpeechEnhancement, request: web.Request
    ) -> dict[str, Any]:
        timestamp = self._conditions.clock.timestamp
        return {
            "strength": enhancement.strength,
            "id": enhancement.id,
            "download_url": self._download_url(enhancement, request),
            "asset_id": enhancement.asset.id,
            "requested_processing_at": timestamp(enhancement.requested_at),
            "finished_processing_at": timestamp(enhancement.finished_at),
            "status": enhancement.status,
            "model_id": self._backend.model_id,
            **enhancement.extra,
        }

    def _download_url(self, enhancement: SpeechEnhancement, request: web.Request) -> str | None:
        if not self._backend.has_result(enhancement):
            return None
        if self._later:
            return self._backend.result_url(enhancement, hostname(request))
        return (
            f"{request.scheme}://{request.host}/audio_services/api/assets/{enhancement.asset.id}"
            f"/speech_enhancements/{enhancement.id}/download"
        )
