"""Recordings for players: the original from its temporary file, the result passed through."""

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from audio_enhance import (
    CONTENT_TYPES,
    AudioEnhanceError,
    EnhanceClient,
    Source,
    SpeechEnhancement,
)

from ._connection import while_connected
from ._kept import Kept
from ._problems import Problem

_CHUNK_BYTES = 1 << 18
# One span (RFC 9110 §14.1.2); several at once are answered with the whole, as §14.2 allows.
_SPAN = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?")
# What the object store says may come from anywhere; a browser is only ever told of audio.
_OTHER = "application/octet-stream"


def _playable(content_type: str | None) -> str:
    kind = (content_type or "").partition(";")[0].strip().lower()
    return kind if kind in CONTENT_TYPES else _OTHER


class KeptAnswer(Response):
    """A recording as it was sent, or its result, or a part of it; of a video its sound.

    Args:
        kept: The recording.
        content_type: What it is.
        size: How many bytes there are.
        range_header: Which of them are asked for.
        save_as: The name of the file that it is saved as, if it is.
        source: What to send in its place.
    """

    def __init__(
        self,
        kept: Kept,
        content_type: str,
        size: int,
        range_header: str | None,
        save_as: str | None = None,
        source: Source | None = None,
    ) -> None:
        super().__init__(media_type=_playable(content_type))
        self._kept = kept
        self._source = source
        self._start, self._stop = 0, size
        self.headers["Accept-Ranges"] = "bytes"
        self.headers["Cache-Control"] = "no-store"
        if save_as is not None:
            self.headers["Content-Disposition"] = _disposition(save_as)
        self._select(range_header, size)
        self.headers["Content-Length"] = str(self._stop - self._start)

    def _select(self, header: str | None, size: int) -> None:
        span = _SPAN.fullmatch(header or "")
        if span is None or span.group(1, 2) == (None, None):
            return
        first, last = span.groups()
        if first is None:
            start, stop = max(0, size - int(last)), size
        else:
            start, stop = int(first), min(size, int(last) + 1 if last is not None else size)
        if start >= stop:
            self.status_code = 416
            self.headers["Content-Range"] = f"bytes */{size}"
            self._start = self._stop = 0
            return
        self.status_code = 206
        self.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        self._start, self._stop = start, stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._kept.hold()  # it may be removed while it is read
        try:
            await while_connected(receive, self._answer(scope, send))
        finally:
            self._kept.release()

    async def _answer(self, scope: Scope, send: Send) -> None:
        source = self._source or self._kept.source
        assert source is not None
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        start = self._stop if scope["method"] == "HEAD" else self._start
        await _send_all(source, start, self._stop, send)


class VideoAnswer(Response):
    """A video with its enhanced sound, to be saved.

    Args:
        kept: The video.
        sound: Gives the enhanced sound.
        name: What it is saved as.
        turns: For putting videos together.
    """

    def __init__(
        self,
        kept: Kept,
        sound: Callable[[], Awaitable[Source]],
        name: str,
        turns: asyncio.Semaphore,
    ) -> None:
        super().__init__()
        self._kept = kept
        self._sound = sound
        self._name = name
        self._turns = turns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        self._kept.hold()  # it may be removed while it is read
        try:
            await while_connected(receive, self._answer(scope, receive, send))
        finally:
            self._kept.release()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with self._turns:
                video = await _with_sound(self._kept, self._sound)
        except AudioEnhanceError as error:
            await Problem.of(error).response()(scope, receive, send)
            return
        except Problem as problem:
            await problem.response()(scope, receive, send)
            return
        async with video:
            size = (await video.fingerprint()).byte_size
            headers = {
                "Content-Type": video.content_type,
                "Content-Length": str(size),
                "Content-Disposition": _disposition(self._name),
                "Cache-Control": "no-store",
            }
            head = Response(headers=headers)
            await send({"type": "http.response.start", "status": 200, "headers": head.raw_headers})
            await _send_all(video, size if scope["method"] == "HEAD" else 0, size, send)


async def _with_sound(kept: Kept, sound: Callable[[], Awaitable[Source]]) -> Source:
    assert kept.source is not None
    async with await sound() as enhanced:
        return await kept.source.with_sound(enhanced)


@asynccontextmanager
async def together(kept: Kept, sound: Callable[[], Awaitable[Source]]) -> AsyncGenerator[Source]:
    """Put a video and its enhanced sound together, for the length of a block."""
    kept.hold()  # it may be removed while it is read
    try:
        async with await _with_sound(kept, sound) as video:
            yield video
    finally:
        kept.release()


async def whole(source: Source) -> AsyncGenerator[bytes]:
    """Yield all of a source."""
    size = (await source.fingerprint()).byte_size
    for start in range(0, size, _CHUNK_BYTES):
        yield await source.read(start, _CHUNK_BYTES)


def _disposition(name: str) -> str:
    return f"attachment; filename*=UTF-8''{quote(name)}"


async def _send_all(source: Source, start: int, stop: int, send: Send) -> None:
    while start < stop:
        chunk = await source.read(start, min(_CHUNK_BYTES, stop - start))
        start += len(chunk)
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


class ResultAnswer(Response):
    """The result, or a part of it, passed through from the object store."""

    def __init__(
        self, client: EnhanceClient, enhancement: SpeechEnhancement, range_header: str | None
    ) -> None:
        super().__init__()
        self._client = client
        self._enhancement = enhancement
        self._range = range_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await while_connected(receive, self._answer(scope, receive, send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False
        try:
            async with self._client.stream(self._enhancement, range=self._range) as result:
                headers = {**result.headers, "Cache-Control": "no-store"}
                headers["Content-Type"] = _playable(headers.get("Content-Type"))
                head = Response(status_code=result.status, headers=headers)
                begun = True
                await send(
                    {
                        "type": "http.response.start",
                        "status": head.status_code,
                        "headers": head.raw_headers,
                    }
                )
                if scope["method"] != "HEAD":
                    async for chunk in result:
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        except AudioEnhanceError as error:
            if begun:
                raise  # too late to say it: the server cuts the connection, and that shows
            await Problem.of(error).response()(scope, receive, send)
