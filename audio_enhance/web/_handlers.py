"""What each address of the application does."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audio_enhance import (
    EnhancementStatus,
    InvalidStrengthError,
    Source,
    SpeechEnhancement,
    __version__,
    recording_suffixes,
)

from ._kept import Kept
from ._listening import EventStream, Introduction
from ._pictures import columns
from ._playing import KeptAnswer, ResultAnswer, VideoAnswer, together, whole
from ._problems import Problem, not_found
from ._recording import Recording, Stage
from ._results import result_name
from ._session import Session
from ._studio import Studio
from ._zip import ZipAnswer, ZipEntry

_LONGEST_JSON = 4096
_JSON_SECONDS = 10.0
_VIDEOS_AT_ONCE = 2  # put together: disk and processor are busy with each
_COOKIE_SECONDS = 400 * 24 * 3600  # as long as browsers keep any
# Chosen by the page, so that asking again after a lost answer makes nothing twice.
_ID = re.compile(r"[0-9A-Za-z_-]{16,64}")


class Handlers:
    """The application's addresses, each as one method.

    Args:
        studio: Where the work is done.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._videos = asyncio.Semaphore(_VIDEOS_AT_ONCE)

    # Who is asking

    @staticmethod
    def _cookie_name(request: Request) -> str:
        # Browsers keep cookies by host alone: two applications on one machine would take
        # each other's sessions away.
        server = request.scope.get("server")
        return f"audio-enhance-{server[1] if server else 0}"

    def _known(self, request: Request) -> Session | None:
        return self._studio.sessions.find(request.cookies.get(self._cookie_name(request)))

    def _session(self, request: Request) -> Session:
        session = self._known(request)
        if session is None:
            # The event stream is what brings a cookie; then the page tries again.
            raise Problem(409, "session", "There is no session yet.", retry_after=1.0)
        return session

    def _recording(self, request: Request) -> Recording:
        session = self._known(request)
        recording = session and session.recordings.get(request.path_params["id"])
        if not recording:
            raise not_found()
        return recording

    # What is there

    async def events(self, request: Request) -> Response:
        """Answer with what happens from now on, or since what the page saw last."""
        session = self._known(request)
        if session is None:
            response = Introduction()
            response.set_cookie(
                self._cookie_name(request),
                self._studio.sessions.new_cookie(),
                path=f"{request.scope.get('root_path', '')}/",
                max_age=_COOKIE_SECONDS if self._studio.shelf.lasting else None,
                secure=request.url.scheme == "https",
                httponly=True,
                samesite="strict",
            )
            return response
        # The header is what a browser sends by itself when it reconnects; a stream that was
        # refused for a while has to be opened anew by the page.
        cursor = request.headers.get("last-event-id") or request.query_params.get("after")
        return EventStream(self._studio, session, self._about(), cursor)

    def _about(self) -> dict[str, Any]:
        return {
            "service": self._studio.service,
            "engine": self._studio.engine,
            "sample": self._studio.sample is not None,
            "recordings_at_most": self._studio.limits.recordings,
            "max_bytes": self._studio.limits.max_bytes,
            "keep_seconds": self._studio.limits.keep_seconds,
            "least_strength": self._least_strength(),
            "measures": self._studio.measuring.available,
            "suffixes": sorted(recording_suffixes()),
        }

    def _least_strength(self) -> int:
        try:
            return self._studio.client.check_strength(0)
        except InvalidStrengthError:
            return 1

    async def sample(self, request: Request) -> Response:
        """Answer with a recording to try the application with."""
        del request
        if self._studio.sample is None:
            raise Problem(404, "gone", "There is no sample.")
        return Response(self._studio.sample, media_type="audio/mpeg")

    # What is done to recordings

    async def announce(self, request: Request) -> Response:
        """Make room for a recording, or enhance one that is here already once more."""
        session = self._session(request)
        identifier = request.path_params["id"]
        if not _ID.fullmatch(identifier):
            raise Problem(422, "invalid", "This is no name for a recording.")
        match await _json(request):
            case {"again": str(earlier), "strength": int(strength)} if _are_numbers(strength):
                if earlier not in session.recordings:
                    raise not_found()
                recording = await self._studio.again(
                    session, identifier, session.recordings[earlier], strength
                )
            case {"name": str(name), "size": int(size), "strength": int(strength)} if _are_numbers(
                size, strength
            ):
                recording = self._studio.announce(session, identifier, name, size, strength)
            case _:
                raise Problem(400, "invalid", "The request does not say what is to come.")
        return self._snapshot(recording)

    async def receive(self, request: Request) -> Response:
        """Take a recording's bytes."""
        recording = self._recording(request)
        await self._studio.receive(recording, request.stream())
        return self._snapshot(recording)

    async def cancel(self, request: Request) -> Response:
        """Stop what is being done with a recording; it stays in the list."""
        recording = self._recording(request)
        self._studio.cancel(recording)
        return self._snapshot(recording)

    async def discard(self, request: Request) -> Response:
        """Stop what is being done with a recording, and forget it."""
        self._studio.discard(self._recording(request))
        return Response(status_code=204)

    def _snapshot(self, recording: Recording) -> Response:
        return JSONResponse(self._studio.snapshot(recording), headers={"Cache-Control": "no-store"})

    # What is listened to

    async def original(self, request: Request) -> Response:
        """Answer with a recording as it was sent."""
        recording = self._recording(request)
        original = recording.original
        if original is None or original.source is None:
            raise not_found()
        return await _answer(original, request)

    async def sound(self, request: Request) -> Response:
        """Answer with one side for the player: such that a browser jumps exactly in it."""
        recording, side = self._recording(request), request.path_params["side"]
        kept = {"before": recording.original, "after": recording.result}.get(side)
        if kept is None or kept.source is None:
            raise not_found()
        kept.hold()
        try:
            copy = await self._studio.measuring.copies.of(kept)
            if copy is None:
                return await _answer(kept, request)
            span = request.headers.get("range")
            source = Source.from_path(copy)
            return KeptAnswer(kept, source.content_type, kept.copy_bytes, span, source=source)
        finally:
            kept.release()

    async def result(self, request: Request) -> Response:
        """Answer with the result, for the player: from here, or passed through."""
        recording = self._recording(request)
        if recording.result is not None:
            return await _answer(recording.result, request)
        enhancement = self._enhancement(request)
        return ResultAnswer(self._studio.client, enhancement, request.headers.get("range"))

    async def download(self, request: Request) -> Response:
        """Send the result, from here or from the object store.

        A video is put together here, with the enhanced sound.
        """
        recording = self._recording(request)
        original, result = recording.original, recording.result
        name = result_name(recording)
        if original is not None and await _has_picture(original):
            sound = partial(self._sound, recording)
            return VideoAnswer(original, sound, name, self._videos)
        if result is not None:
            kind = result.content_type or ""
            return KeptAnswer(
                result, kind, result.byte_size, request.headers.get("range"), save_as=name
            )
        url = await self._studio.client.presigned_download_url(self._enhancement(request))
        # Starlette's own redirect would quote the URL anew, and break its signature (S3).
        return Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})

    async def archive(self, request: Request) -> Response:
        """Send every result of the session as one file."""
        session = self._session(request)
        done = [each for each in session.recordings.values() if each.stage is Stage.SUCCEEDED]
        if not done:
            raise Problem(409, "unfinished", "There is no result yet.")
        return ZipAnswer([ZipEntry(result_name(each), partial(self._saved, each)) for each in done])

    @asynccontextmanager
    async def _saved(self, recording: Recording) -> AsyncGenerator[AsyncIterator[bytes]]:
        """Give the bytes that are saved of a recording: of a video all of it."""
        original, result = recording.original, recording.result
        if original is not None and await _has_picture(original):
            async with self._videos, together(original, partial(self._sound, recording)) as video:
                yield whole(video)
        elif result is not None and result.source is not None:
            result.hold()  # it may be removed while it is read
            try:
                yield whole(result.source)
            finally:
                result.release()
        elif recording.job is not None and recording.job.enhancement is not None:
            async with self._studio.client.stream(recording.job.enhancement) as stream:
                yield aiter(stream)
        else:
            raise not_found()

    async def health(self, request: Request) -> Response:
        """Say that it works, to whoever watches over it; it needs no session."""
        del request
        studio = self._studio
        return JSONResponse(
            {"status": "stopping" if studio.closing else "ok", "version": __version__},
            status_code=503 if studio.closing else 200,
            headers={"Cache-Control": "no-store"},
        )

    async def picture(self, request: Request) -> Response:
        """Answer with some columns of a waveform or a spectrogram."""
        recording, asked = self._recording(request), request.path_params
        kept = {"before": recording.original, "after": recording.result}.get(asked["side"])
        data = kept and await columns(kept, asked["picture"], asked["level"], asked["tile"])
        if data is None:
            raise not_found()
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"Cache-Control": "private, max-age=86400, immutable"},
        )

    async def _sound(self, recording: Recording) -> Source:
        """Return the enhanced sound of a video; to be closed."""
        result, job = recording.result, recording.job
        assert recording.original is not None
        source = recording.original.source
        assert source is not None
        if result is not None and result.path is not None:
            name, kind = source.sent_as
            return Source.from_path(result.path, filename=name, content_type=kind)
        if job is None or job.enhancement is None:
            raise Problem(409, "unfinished", "There is no result yet.")
        async with self._studio.client.stream(job.enhancement) as stream:
            return await Source.spool(stream, source.sent_as[0])

    def _enhancement(self, request: Request) -> SpeechEnhancement:
        recording = self._recording(request)
        job = recording.job
        if recording.stage is not Stage.SUCCEEDED or job is None or job.enhancement is None:
            raise Problem(409, "unfinished", "There is no result yet.")
        assert job.enhancement.status is EnhancementStatus.SUCCEEDED
        return job.enhancement


async def _answer(kept: Kept, request: Request) -> KeptAnswer:
    """Answer with what is kept; of a video it is the sound, once that has been taken out."""
    source = kept.source
    assert source is not None
    size, kind = kept.byte_size, source.content_type
    if source.is_video:
        size, kind = (await source.fingerprint()).byte_size, source.sent_as[1]
    return KeptAnswer(kept, kind, size, request.headers.get("range"))


async def _has_picture(original: Kept) -> bool:
    source = original.source
    if source is None or not source.is_video:
        return False
    await source.fingerprint()  # which looks into the video; after a restart nobody has
    return source.has_picture


async def _json(request: Request) -> Any:
    body = b""
    try:
        async with asyncio.timeout(_JSON_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > _LONGEST_JSON:
                    raise Problem(413, "invalid", "The request is too long.")
    except TimeoutError:
        raise Problem(408, "slow", "The request did not arrive.", retry_after=1.0) from None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # thousands of brackets
        raise Problem(400, "invalid", "The request is no JSON.") from None


def _are_numbers(*values: int) -> bool:
    """Whether none is `True` or `False`, which are numbers only to Python."""
    return not any(isinstance(value, bool) for value in values)
