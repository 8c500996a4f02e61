"""What happens to a session's recordings, as Server-Sent Events (HTML standard, §9.2)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ._connection import while_connected
from ._recording import Recording
from ._session import Session
from ._streams import Listening
from ._studio import Studio

_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    # What nginx is told by, so that it does not collect events before it passes them on.
    "X-Accel-Buffering": "no",
}
_RECONNECT_MS = 1000
# Progress comes with every chunk; a person cannot see more than this, a phone should not have to.
_LEAST_GAP = 0.1
# More often than proxies and routers give up on connections that stand still.
_HEARTBEAT = 15.0


class Introduction(Response):
    """The stream of a browser without a session: it gets one, and comes again at once.

    It has to come again so that two pages that begin together end up with the same cookie.
    """

    def __init__(self) -> None:
        super().__init__("retry: 50\n\n", headers=_HEADERS)


class EventStream(Response):
    """A session's changes from one on, to the end of the connection.

    Args:
        studio: Where it happens.
        session: Whose recordings.
        about: What the page is told once, beside the recordings.
        cursor: The change that the page saw last.
    """

    def __init__(
        self, studio: Studio, session: Session, about: dict[str, Any], cursor: str | None
    ) -> None:
        super().__init__(headers=_HEADERS)
        del self.headers["content-length"]
        self._studio = studio
        self._session = session
        self._about = about
        self._seen = session.position(cursor)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        del scope
        listening = self._studio.joined(self._session)
        try:
            await while_connected(receive, self._answer(send, listening))
        finally:
            self._studio.left(listening)

    async def _answer(self, send: Send, listening: Listening) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        async for text in self._events(listening):
            await send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _events(self, listening: Listening) -> AsyncIterator[str]:
        session = self._session
        yield f"retry: {_RECONNECT_MS}\n\n"
        seen = self._seen
        if seen is None:
            seen = session.revision
            recordings = [self._snapshot(each) for each in session.recordings.values()]
            yield self._event("state", seen, {**self._about, "recordings": recordings})
        else:
            yield "event: here\ndata: 1\n\n"
        while not (self._studio.closing or listening.over):
            news = session.news
            for revision, change in session.since(seen):
                seen = revision
                if isinstance(change, Recording):
                    yield self._event("recording", revision, self._snapshot(change))
                else:
                    yield self._event("removed", revision, {"id": change})
            try:
                # Not wait_for: before Python 3.12 it loses a cancellation that comes with news.
                async with asyncio.timeout(_HEARTBEAT):
                    await news.wait()
            except TimeoutError:
                yield ": still here\n\n"
            else:
                await asyncio.sleep(_LEAST_GAP)

    def _snapshot(self, recording: Recording) -> dict[str, Any]:
        return self._studio.snapshot(recording)

    def _event(self, kind: str, revision: int, data: dict[str, Any]) -> str:
        text = json.dumps(data, separators=(",", ":"))
        return f"event: {kind}\nid: {self._session.cursor(revision)}\ndata: {text}\n\n"
