"""Answers that no service of ours gives: put in the place of the local service's own."""

import json
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from aiohttp import web

from audio_enhance.local.api.gateway import Gateway
from audio_enhance.local.conditions.records import RequestRecord
from audio_enhance.local.object_store.server import ObjectServer

Instead = Callable[[web.BaseRequest], web.StreamResponse]
Change = Callable[[web.Response], web.StreamResponse]


@attrs.define
class _Rule:
    route: str
    times: int
    instead: Instead | None = None
    change: Change | None = None
    skip: int = 0


class Interposed:
    """Stands between the service's endpoints and the wire.

    Attributes:
        given: How many answers were put in the place of others.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given = 0
        self._rules: list[_Rule] = []
        for kind in (Gateway, ObjectServer):
            monkeypatch.setattr(kind, "_answer", self._around(kind._answer))

    def instead(self, route: str, answer: Instead, *, times: int = 1, skip: int = 0) -> None:
        """Answer the next requests to a route in the place of the service, which does not act."""
        self._rules.append(_Rule(route, times, instead=answer, skip=skip))

    def change(self, route: str, change: Change, *, times: int = 1, skip: int = 0) -> None:
        """Let the service act, and change its next answers of success to a route."""
        self._rules.append(_Rule(route, times, change=change, skip=skip))

    def forget(self) -> None:
        """Answer as the service does again."""
        self._rules.clear()

    def _next(self, route: str) -> _Rule | None:
        for rule in self._rules:
            if rule.route == route and rule.times > 0:
                if rule.skip > 0:
                    rule.skip -= 1
                    return None
                rule.times -= 1
                self.given += 1
                return rule
        return None

    def _around(self, endpoint: Callable[..., Any]) -> Callable[..., Any]:
        async def answer(
            service: Any, request: web.BaseRequest, *arguments: Any
        ) -> web.StreamResponse:
            [record] = [each for each in arguments if isinstance(each, RequestRecord)]
            rule = self._next(record.route)
            if rule is not None and rule.instead is not None:
                await request.read()
                given = rule.instead(request)
                record.status = given.status
                return given
            response: web.StreamResponse = await endpoint(service, request, *arguments)
            if rule is not None and rule.change is not None:
                assert isinstance(response, web.Response)
                return rule.change(response)
            return response

        return answer


def fields(**changes: Any) -> Callable[[web.Response], web.Response]:
    """Return what changes fields of a JSON object: new values, or functions of the old ones.

    What is `...` is left out; a field that is not there stays away, so that a change can name
    those of both generations of the API.
    """

    def change(response: web.Response) -> web.Response:
        assert isinstance(response.body, bytes)
        document = json.loads(response.body)
        for name, value in changes.items():
            if name not in document:
                continue
            document[name] = value(document[name]) if callable(value) else value
        document = {name: value for name, value in document.items() if value is not ...}
        return web.json_response(document, status=response.status, headers=_kept(response))

    return change


def header(
    name: str, value: str, status: int | None = None
) -> Callable[[web.Response], web.Response]:
    """Return what adds a header, and gives another status where one is named."""

    def change(response: web.Response) -> web.Response:
        response.headers[name] = value
        if status is not None:
            response.set_status(status)
        return response

    return change


def replaced(document: Any, status: int) -> Change:
    """Return what puts another JSON document in the place of an answer."""
    return lambda _: web.json_response(document, status=status)


def both(first: Callable[[web.Response], web.Response], then: Change) -> Change:
    """Return what makes two changes."""
    return lambda response: then(first(response))


def refusal(status: int, code: str | None = None, message: str = "", **headers: str) -> Instead:
    """Return what refuses in the API's form."""
    body = {"error_code": code, "message": message}
    return lambda _: web.json_response(body, status=status, headers=headers)


def s3_refusal(status: int, code: str) -> Instead:
    """Return what refuses in S3's form."""
    text = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>No.</Message></Error>"
    return lambda _: web.Response(status=status, text=text, content_type="application/xml")


def _kept(response: web.Response) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name == "Location"}
