"""The endpoints of the Enhance Speech API, and those that go with them."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from importlib import resources
from typing import Any, Final

from aiohttp import hdrs, web

from audio_enhance.local.conditions import routes
from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.object_store.protocol import ObjectStore, Upload

from .disposition import attachment, output_name
from .gateway import Gateway, current_client, current_record
from .problems import ProblemError, invalid, not_found
from .queue import ProcessingQueue
from .state import Asset, SpeechEnhancement, State
from .tokens import TokenError, Tokens
from .validation import new_asset, strength

# The guide writes both: /v1/ in its commands, /api/ in the download_url of its answers.
_PREFIX: Final = "/audio_services/{version:v1|api}/assets"
_CREATE_PREFIX: Final = "/audio_services/v1/assets"
_MODEL: Final = "v1"


class Api:
    """Answers what the gateway lets through."""

    def __init__(
        self,
        conditions: Conditions,
        tokens: Tokens,
        store: ObjectStore,
        queue: ProcessingQueue,
    ) -> None:
        self._conditions = conditions
        self._tokens = tokens
        self._store = store
        self._queue = queue
        self._state = State()

    def application(self) -> web.Application:
        """Return the API as an application, gateway and all."""
        names: dict[web.AbstractRoute, str] = {}
        gateway = Gateway(self._conditions, self._tokens, names)

        @web.middleware
        async def middleware(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            return await gateway.handle(request, handler)

        app = web.Application(middlewares=[middleware])
        asset = _PREFIX + "/{asset_id}"
        enhancement = asset + "/speech_enhancements/{enhancement_id}"
        for name, path, handler in (
            (routes.HEALTH, "/", self._health),
            (routes.OPENAPI, "/openapi.json", self._openapi),
            (routes.TOKEN, "/ims/token/v3", self._token),
            (routes.CREATE_ASSET, _CREATE_PREFIX, self._create_asset),
            (routes.GET_ASSET, asset, self._get_asset),
            (
                routes.CREATE_ENHANCEMENT,
                _CREATE_PREFIX + "/{asset_id}/speech_enhancements",
                self._create_enhancement,
            ),
            (routes.GET_ENHANCEMENT, enhancement, self._get_enhancement),
            (routes.DOWNLOAD, enhancement + "/download", self._download),
        ):
            names[app.router.add_route(name.partition(" ")[0], path, handler)] = name
        return app

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response(text="The Enhance Speech API, locally: see /openapi.json.\n")

    async def _openapi(self, _: web.Request) -> web.Response:
        document = resources.files("audio_enhance.local.api").joinpath("openapi.json").read_bytes()
        return web.Response(body=document, content_type="application/json")

    async def _token(self, request: web.Request) -> web.Response:
        try:
            if request.content_type != "application/x-www-form-urlencoded":
                raise TokenError(400, "invalid_request", "the body must be a form")
            form = await _form(request)
            client = self._tokens.client(form.get("client_id"))
            current_record.get().client_id = client.id if client else None
            answer = self._tokens.exchange(form)
        except TokenError as error:
            raise ProblemError(error.status, error.body) from None
        return web.json_response(answer, headers={hdrs.CACHE_CONTROL: "no-store"})

    async def _create_asset(self, request: web.Request) -> web.Response:
        facts = new_asset(await _json_body(request), self._conditions.behaviour.revision)
        asset = Asset(
            client_id=current_client.get().id,
            facts=facts,
            created_at=self._conditions.clock.seconds(),
            checksum=facts.checksum,
        )
        self._state.add_asset(asset)
        current_record.get().asset_id = asset.id
        return web.json_response(self._asset_json(asset, request), status=201)

    async def _get_asset(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        await self._notice_upload(asset)
        return web.json_response(self._asset_json(asset, request))

    async def _create_enhancement(self, request: web.Request) -> web.Response:
        asset = self._asset(request)
        value = strength(await _json_body(request))
        await self._notice_upload(asset)
        now = self._conditions.clock.seconds()
        if not asset.is_ready(now):
            raise invalid({"asset_id": "must be of an asset that is ready_for_processing"})
        enhancement = SpeechEnhancement(asset, value, now)
        self._state.add_enhancement(enhancement)
        current_record.get().enhancement_id = enhancement.id
        # Written before it is queued: the answer to a creation says `queued`.
        answer = self._enhancement_json(enhancement, request)
        self._queue.put(enhancement)
        return web.json_response(answer, status=202)

    async def _get_enhancement(self, request: web.Request) -> web.Response:
        return web.json_response(self._enhancement_json(self._enhancement(request), request))

    async def _download(self, request: web.Request) -> web.Response:
        enhancement = self._enhancement(request)
        if enhancement.status != "succeeded":
            raise not_found(f"a result of speech enhancement {enhancement.id}")
        # Not HTTPFound, which would quote the signed URL once more.
        return web.Response(
            status=302, headers={hdrs.LOCATION: self._presigned(enhancement, request)}
        )

    def _asset(self, request: web.Request) -> Asset:
        asset_id = request.match_info["asset_id"]
        asset = self._state.asset(asset_id, current_client.get().id)
        if asset is None:
            raise not_found(f"asset {asset_id}")
        current_record.get().asset_id = asset.id
        return asset

    def _enhancement(self, request: web.Request) -> SpeechEnhancement:
        asset = self._asset(request)
        enhancement_id = request.match_info["enhancement_id"]
        enhancement = self._state.enhancement(asset.id, enhancement_id, asset.client_id)
        if enhancement is None:
            raise not_found(f"speech enhancement {enhancement_id}")
        current_record.get().enhancement_id = enhancement.id
        return enhancement

    async def _notice_upload(self, asset: Asset) -> None:
        """Look whether the upload of a waiting asset has landed, and is what was announced."""
        if asset.ready_at is not None:
            return
        found = await self._store.info(asset.key)
        if found is None or found.size != asset.facts.byte_size or asset.ready_at is not None:
            return
        if asset.checksum is not None and found.md5 not in (None, asset.checksum):
            return
        lag = self._conditions.behaviour.ready_lag + self._conditions.faults.lag()
        asset.ready_at = found.landed_at + lag
        # In the later revision the checksum is null until now, then what the store has seen.
        asset.checksum = asset.checksum or found.md5

    def _asset_json(self, asset: Asset, request: web.Request) -> dict[str, Any]:
        ready = asset.is_ready(self._conditions.clock.seconds())
        updated_at = asset.ready_at if ready and asset.ready_at else asset.created_at
        facts = asset.facts
        return {
            "id": asset.id,
            "filename": facts.filename,
            "upload_url": None if ready else self._upload_url(asset, request),
            "status": "ready_for_processing" if ready else "waiting_for_upload",
            "created_at": self._timestamp(asset.created_at),
            "updated_at": self._timestamp(updated_at),
            "byte_size": facts.byte_size,
            "content_type": facts.content_type,
            "checksum": asset.checksum,
        }

    def _enhancement_json(
        self, enhancement: SpeechEnhancement, request: web.Request
    ) -> dict[str, Any]:
        return {
            "strength": enhancement.strength,
            "id": enhancement.id,
            "download_url": self._download_url(enhancement, request),
            "asset_id": enhancement.asset.id,
            "requested_processing_at": self._timestamp(enhancement.requested_at),
            "finished_processing_at": self._timestamp(enhancement.finished_at),
            "status": enhancement.status,
            "model_id": _MODEL,
        }

    def _upload_url(self, asset: Asset, request: web.Request) -> str:
        facts = asset.facts
        return self._store.upload_url(
            # The later revision does not sign Content-MD5: its checksum is not sent at all.
            Upload(asset.key, facts.byte_size, facts.content_type, facts.checksum),
            hostname=_hostname(request),
        )

    def _download_url(self, enhancement: SpeechEnhancement, request: web.Request) -> str | None:
        if enhancement.status != "succeeded":
            return None
        if self._conditions.behaviour.revision == "later":
            return self._presigned(enhancement, request)
        return (
            f"{request.scheme}://{request.host}/audio_services/api/assets/{enhancement.asset.id}"
            f"/speech_enhancements/{enhancement.id}/download"
        )

    def _presigned(self, enhancement: SpeechEnhancement, request: web.Request) -> str:
        facts = enhancement.asset.facts
        return self._store.download_url(
            enhancement.key,
            disposition=attachment(output_name(facts.filename, enhancement.strength)),
            content_type=facts.content_type,
            hostname=_hostname(request),
        )

    def _timestamp(self, at: float | None) -> str | None:
        """Write a time as the guide does: UTC, milliseconds, ``Z``."""
        if at is None:
            return None
        date: datetime = self._conditions.clock.date(at).astimezone(UTC)
        return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def _form(request: web.Request) -> dict[str, str]:
    try:
        return {name: str(value) for name, value in (await request.post()).items()}
    except (LookupError, UnicodeError):
        # A charset that is none, or bytes that are not in it.
        raise TokenError(400, "invalid_request", "the form cannot be read") from None


async def _json_body(request: web.Request) -> bytes:
    if request.content_type != "application/json":
        raise ProblemError(415, {"message": "the content type must be application/json"})
    return await request.read()


def _hostname(request: web.Request) -> str:
    return request.url.host or "127.0.0.1"
