"""What stands in front of the API: credentials, rate limits, faults and the record."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Final, Literal
from uuid import uuid4

from aiohttp import hdrs, web

from audio_enhance.local.conditions import request_log, routes
from audio_enhance.local.conditions.conditions import Conditions
from audio_enhance.local.conditions.faults import Fault
from audio_enhance.local.conditions.records import RequestRecord
from audio_enhance.local.serving.connection import reset

from .garbled import garbled
from .problems import (
    ProblemError,
    bad_key,
    bad_request,
    bad_token,
    server_error,
    too_many,
)
from .rate_limit import SlidingWindow
from .tokens import ApiClient, Tokens

_log = logging.getLogger("audio_enhance.local")

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# The API client and the record of the request that the current task is answering. (aiohttp's
# own typed keys for requests are younger than the oldest version that this package allows.)
current_client: ContextVar[ApiClient] = ContextVar("current_client")
current_record: ContextVar[RequestRecord] = ContextVar("current_record")

_PUBLIC: Final = frozenset({"/", "/health", "/openapi.json", "/ims/token/v3"})
# 502 and 504 are a gateway's way of saying that it does not know what the server has done; here
# the server has then acted (RFC 9110 §15.6.3, §15.6.5).
_AFTER_ACTING: Final = frozenset({502, 504, 520, 524})
_VERSION: Final = re.compile(r"/(?:audio_services/(?:(v1|api)|(v2))|api/(v2))(?:/|$)")


class Gateway:
    """Judges each request before any endpoint sees it, and each answer before it leaves."""

    def __init__(
        self,
        conditions: Conditions,
        tokens: Tokens,
        route_names: Mapping[web.AbstractRoute, str],
    ) -> None:
        self._conditions = conditions
        self._tokens = tokens
        self._route_names = route_names
        self._windows: dict[tuple[str, bool], SlidingWindow] = {}

    async def handle(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Answer one request, whatever it is, and write it down."""
        record = self._record(request)
        try:
            return await self._judged(request, handler, record)
        finally:
            request_log.log(record, self._conditions.clock)

    def _record(self, request: web.Request) -> RequestRecord:
        record = RequestRecord(
            time=self._conditions.clock.seconds(),
            origin="api",
            method=request.method,
            route=self._route_names.get(
                request.match_info.route, f"{request.method} {request.rel_url.raw_path}"
            ),
            request_id=uuid4().hex,
            api_version=_version(request.path),
        )
        current_record.set(record)
        self._conditions.records.append(record)
        return record

    async def _judged(
        self, request: web.Request, handler: _Handler, record: RequestRecord
    ) -> web.StreamResponse:
        try:
            try:
                response = await self._answer(request, handler, record)
            except ProblemError as problem:
                response = _problem_response(problem, record.api_version)
            response = await self._written_down(response, record)
        except (ConnectionError, web.RequestPayloadError):
            # Either side has dropped the connection: what is returned here reaches nobody.
            return web.Response()
        finally:
            record.bytes_in = request.content.total_bytes
        response.headers["x-request-id"] = record.request_id
        record.status = response.status
        record.bytes_out = response.content_length or 0
        return response

    async def _written_down(
        self, response: web.StreamResponse, record: RequestRecord
    ) -> web.StreamResponse:
        """Return the answer when the next start would answer the same, or else 500."""
        try:
            await self._conditions.ledger.settled()
        except OSError as error:
            _log.error("%s cannot be answered: %s", record.route, error)
            return _problem_response(server_error(500), record.api_version)
        return response

    async def _answer(
        self, request: web.Request, handler: _Handler, record: RequestRecord
    ) -> web.StreamResponse:
        faults = self._conditions.faults
        _check_host(request)
        if request.path not in _PUBLIC:
            client = self._authenticate(request)
            current_client.set(client)
            record.client_id = client.id
            self._limit(client, creation=record.route in routes.CREATIONS)
        strike = faults.strike(record.route)
        if strike is None:
            return await _act(request, handler, record.api_version)
        record.fault = strike.fault
        match strike.fault:
            case Fault.RESET_BEFORE:
                reset(request)
                raise ConnectionResetError
            case Fault.TOO_MANY_REQUESTS:
                raise too_many(faults.retry_after_header(self._conditions.clock.date()))
            case Fault.SERVER_ERROR if strike.status not in _AFTER_ACTING:
                raise server_error(strike.status)
            case _:
                response = await _act(request, handler, record.api_version)
        match strike.fault:
            case Fault.SERVER_ERROR:
                raise server_error(strike.status)
            case Fault.RESET_AFTER:
                reset(request)
                raise ConnectionResetError
            case Fault.GARBLED_ANSWER:
                return garbled(response, strike.garble)
            case _:
                await asyncio.sleep(faults.slow_seconds)
        return response

    def _authenticate(self, request: web.Request) -> ApiClient:
        """Return whose request this is. The key is looked at first, as at Adobe's gateway."""
        key = request.headers.get("x-api-key")
        client = self._tokens.client(key)
        if client is None:
            raise bad_key(key)
        scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        owner = self._tokens.owner(token.strip())
        if scheme.lower() != "bearer" or owner is None:
            raise bad_token()
        if owner is not client:
            raise bad_key(key)
        return client

    def _limit(self, client: ApiClient, *, creation: bool) -> None:
        behaviour = self._conditions.behaviour
        limit = behaviour.creations_per_minute if creation else behaviour.others_per_minute
        window = self._windows.setdefault((client.organization, creation), SlidingWindow(limit))
        wait = window.admit(self._conditions.clock.seconds())
        if wait is not None:
            raise too_many(str(wait))


def _check_host(request: web.Request) -> None:
    """Refuse a ``Host`` that is none (RFC 9110 §7.2): answers hold URLs that are made with it."""
    try:
        _ = request.url
    except ValueError:
        raise bad_request("the Host header is not valid") from None


def _version(path: str) -> Literal["v1", "v2"] | None:
    """Return the generation of the API that a path belongs to, if it is one of its paths."""
    match = _VERSION.match(path)
    return None if match is None else "v1" if match[1] else "v2"


async def _act(request: web.Request, handler: _Handler, version: str | None) -> web.StreamResponse:
    """Let the endpoint answer; whatever goes wrong there is an answer, too."""
    try:
        return await handler(request)
    except ProblemError as problem:
        return _problem_response(problem, version)
    except web.HTTPException as error:
        # From aiohttp: no such path or method, or too large a body.
        allow = error.headers.get(hdrs.ALLOW)
        return _problem_response(
            ProblemError(
                error.status,
                {"message": error.reason.capitalize()},
                {"Allow": allow} if allow else None,
            ),
            version,
        )
    except Exception as error:
        if isinstance(error, (ConnectionError, web.RequestPayloadError)):
            raise
        _log.exception("%s %s", request.method, request.rel_url.raw_path)
        return _problem_response(server_error(500), version)


def _problem_response(problem: ProblemError, version: str | None) -> web.Response:
    body = problem.body_of(version)
    return web.json_response(body, status=problem.status, headers=problem.headers)
