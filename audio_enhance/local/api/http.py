"""What the endpoints of both generations have in common on the HTTP side."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from .problems import ProblemError

# The name, as in `routes`, the path and what answers.
Endpoint = tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]


async def json_body(request: web.Request) -> bytes:
    """Return the body of a request that says that it is JSON."""
    if request.content_type != "application/json":
        raise ProblemError(415, {"message": "the content type must be application/json"})
    return await request.read()


def hostname(request: web.Request) -> str:
    """Return the name by which the caller reached the service."""
    return request.url.host or "127.0.0.1"
