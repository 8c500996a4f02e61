"""What each address of the application does."""

import asyncio
import json
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from audio_enhance import EnhancementStatus, SpeechEnhancement, recording_suffixes

from ._listening import EventStream, Introduction
from ._playing import OriginalAnswer, ResultAnswer, VideoAnswer
from ._problems import Problem, not_found
from ._recording import Recording, Stage
from ._session import Session
from ._studio import Studio

_LONGEST_JSON = 4096
_JSON_SECONDS = 10.0
_VIDEOS_AT_ONCE = 2  # put together: disk and processor are busy with each
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
            "max_bytes": self._studio.limits.max_bytes,
            "keep_seconds": self._studio.limits.keep_seconds,
            "suffixes": sorted(recording_suffixes()),
        }

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
        return JSONResponse(
            recording.snapshot(self._studio.ahead(recording)), headers={"Cache-Control": "no-store"}
        )

    # What is listened to

    async def original(self, request: Request) -> Response:
        """Answer with a recording as it was sent."""
        recording = self._recording(request)
        original = recording.original
        if original is None or original.source is None:
            raise not_found()
        # Of a video it is the sound, which is there when it has been taken out.
        size = (await original.source.fingerprint()).byte_size
        kind = original.source.sent_as[1]
        return OriginalAnswer(original, kind, size, request.headers.get("range"))

    async def result(self, request: Request) -> Response:
        """Pass the result through, for the player."""
        enhancement = self._enhancement(request)
        return ResultAnswer(self._studio.client, enhancement, request.headers.get("range"))

    async def download(self, request: Request) -> Response:
        """Send the browser to the object store, which has the result and its name.

        A video is put together here, with the enhanced sound.
        """
        enhancement, recording = self._enhancement(request), self._recording(request)
        original = recording.original
        if original is not None and original.source is not None and original.source.has_picture:
            return VideoAnswer(self._studio.client, enhancement, original, self._videos)
        url = await self._studio.client.presigned_download_url(enhancement)
        # Starlette's own redirect would quote the URL anew, and break its signature (S3).
        return Response(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})

    def _enhancement(self, request: Request) -> SpeechEnhancement:
        recording = self._recording(request)
        job = recording.job
        if recording.stage is not Stage.SUCCEEDED or job is None or job.enhancement is None:
            raise Problem(409, "unfinished", "There is no result yet.")
        assert job.enhancement.status is EnhancementStatus.SUCCEEDED
        return job.enhancement


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
