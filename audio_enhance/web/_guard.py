"""Who may talk to the application, and what browsers may do with its answers."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ._problems import Problem

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# A header that no form and no plain link can send: other origins need a preflight for it,
# which nothing here answers (Fetch standard, "CORS-preflight request").
OWN_HEADER = "X-Audio-Enhance"
_SAFE_METHODS = ("GET", "HEAD")
# What browsers say of requests that no other page had a part in; old ones say nothing.
_OWN_SITE = (None, "same-origin", "none")

HEADERS = {
    # Nothing from elsewhere, nothing inline, and no text that becomes code. `blob:` is for
    # recordings that are played from the person's own disk.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; media-src 'self' blob:; worker-src 'self';"
        " base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types audio-enhance"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), payment=(), usb=()",
    # A download redirects to the object store, which need not know where it was asked for.
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware that refuses foreign hosts and foreign pages.

    Args:
        app: The application.
        allowed_hosts: The names it may be reached by, without ports; `None` allows all.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str] | None) -> None:
        self._app = app
        self._hosts = None if allowed_hosts is None else frozenset(map(str.lower, allowed_hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        problem = self._refusal(scope)
        await (self._app if problem is None else problem.response())(scope, receive, guarded)

    def _refusal(self, scope: Scope) -> Problem | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # A page of somebody else's whose name was made to point here (DNS rebinding) is told
        # by the name that its browser sends.
        if self._hosts is not None and _hostname(host) not in self._hosts:
            return Problem(
                421,
                "host",
                "This application is not to be reached by this name.",
                hint="Use the address that it was started with.",
            )
        site = headers.get("sec-fetch-site")
        followed = headers.get("sec-fetch-mode") == "navigate"  # a link to the page, say
        if scope["method"] in _SAFE_METHODS and (site in _OWN_SITE or followed):
            return None
        origin = headers.get("origin")
        foreign = origin is not None and _netloc(origin) != host.lower()
        if foreign or site not in _OWN_SITE or OWN_HEADER not in headers:
            return Problem(403, "origin", "Only this application's own page may do this.")
        return None


async def on_unforeseen(request: Request, error: Exception) -> Response:
    """Answer for a mistake of ours, which Starlette does outside of the guard."""
    del request, error
    response = Problem(500, "failed", "Something unexpected went wrong.").response()
    response.headers.update(HEADERS)
    return response


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:  # a bracket without its other half
        return None


def _hostname(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:  # a bracket without its other half
        return None
