"""The endpoints of the service: both generations of the API, and those that go with them."""

from collections.abc import Awaitable, Callable, Iterator
from urllib.parse import parse_qsl

from aiohttp import hdrs, web

from audio_enhance.local.conditions import routes
from audio_enhance.local.conditions.conditions import Conditions

from .backend import Backend
from .description import description
from .gateway import Gateway, current_record
from .http import Endpoint
from .problems import ProblemError
from .tokens import TokenError, Tokens
from .v1 import FirstGeneration
from .v2 import SecondGeneration


class Api:
    """Answers what the gateway lets through."""

    def __init__(
        self,
        conditions: Conditions,
        tokens: Tokens,
        backend: Backend,
    ) -> None:
        self._conditions = conditions
        self._tokens = tokens
        self._backend = backend
        self._first = FirstGeneration(conditions, backend)
        self._second = SecondGeneration(conditions, backend)

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
        for name, path, handler in self._endpoints():
            names[app.router.add_route(name.partition(" ")[0], path, handler)] = name
        return app

    def _endpoints(self) -> Iterator[Endpoint]:
        yield routes.INDEX, "/", self._index
        yield routes.HEALTH, "/health", self._health
        yield routes.OPENAPI, "/openapi.json", self._openapi
        yield routes.TOKEN, "/ims/token/v3", self._token
        yield from self._first.endpoints()
        yield from self._second.endpoints()

    async def _health(self, _: web.Request) -> web.Response:
        # The gateway lets nothing out that cannot be written down: then this is a 500.
        return web.json_response(self._backend.health())

    async def _index(self, _: web.Request) -> web.Response:
        return web.Response(text="The Enhance Speech API, locally: see /openapi.json.\n")

    async def _openapi(self, _: web.Request) -> web.Response:
        return web.json_response(description(self._conditions.behaviour.revision))

    async def _token(self, request: web.Request) -> web.Response:
        try:
            # Adobe documents three ways: all in the form, the client_id in the query and the rest
            # in the form, and all in the query with no body.
            fields = dict(parse_qsl(request.rel_url.raw_query_string)) | await _form(request)
            client = self._tokens.client(fields.get("client_id"))
            current_record.get().client_id = client.id if client else None
            answer = self._tokens.exchange(fields)
        except TokenError as error:
            raise ProblemError(error.status, error.body) from None
        return web.json_response(answer, headers={hdrs.CACHE_CONTROL: "no-store"})


async def _form(request: web.Request) -> dict[str, str]:
    if not await request.read():
        return {}
    if request.content_type != "application/x-www-form-urlencoded":
        raise TokenError(400, "invalid_request", "the body must be a form")
    try:
        return {name: str(value) for name, value in (await request.post()).items()}
    except (LookupError, UnicodeError):
        # A charset that is none, or bytes that are not in it.
        raise TokenError(400, "invalid_request", "the form cannot be read") from None
