"""The object store as an HTTP server: what is no request gets an answer of S3's, too."""

from aiohttp import web

from audio_enhance.local.object_store import errors as s3

from .ids import new_ids


class _Connection(web.RequestHandler):
    """A connection whose refusals of what cannot be read are XML."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        plain = super().handle_error(request, status, exc, message)
        ids = new_ids()
        response = web.Response(
            status=plain.status,
            body=s3.no_http(plain.status).document(*ids.values()),
            content_type="application/xml",
            headers=ids,
        )
        response.force_close()
        return response


class ObjectHttp(web.Server):
    """Makes a connection of its own kind for each that comes in."""

    def __call__(self) -> web.RequestHandler:
        """Return what is to speak on a new connection."""
        return _Connection(self, loop=self._loop, **self._kwargs)
