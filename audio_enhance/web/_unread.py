"""What is still on its way of a request when its answer is there."""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Unread:
    """ASGI middleware that reads what nobody wants of a body, and only then ends the answer.

    A server that closes a connection while its client is still sending resets it, and the client
    may never see why it was refused (RFC 9112 §9.6). The answer itself is sent at once.

    Args:
        app: The application.
    """

    LINGER_SECONDS = 30.0

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        ended = False

        async def watched() -> Message:
            nonlocal ended
            message = await receive()
            ended = not message.get("more_body", False)
            return message

        async def lingering(message: Message) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                await send({**message, "more_body": True})
                try:
                    async with asyncio.timeout(self.LINGER_SECONDS):
                        while not ended:
                            await watched()
                except TimeoutError:
                    pass
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self._app(scope, watched, lingering)


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"
