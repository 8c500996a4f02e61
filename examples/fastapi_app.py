"""Speech enhancement in a FastAPI application: `uvicorn examples.fastapi_app:app`.

`curl --data-binary @talk.mp3 'localhost:8000/enhancements?filename=talk.mp3'` answers with a
job's id; its `events` tell how far it is, and its `result` redirects to the finished recording.
What was accepted is kept in the folder `enhance-jobs`, and resumed after a restart.
"""

import os
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Header, Request
from fastapi.responses import Response, StreamingResponse

from audio_enhance import AudioEnhanceError, EnhanceClient
from audio_enhance.integrations.asgi import body_chunks, lifespan
from audio_enhance.integrations.kept import KeptJobs
from audio_enhance.integrations.problems import problem
from audio_enhance.integrations.sse import HEADERS

MOST_BYTES = 500_000_000
FOLDER = os.environ.get("ENHANCE_JOBS", "enhance-jobs")

router = APIRouter(prefix="/enhancements")


def kept(request: Request) -> KeptJobs:
    jobs: KeptJobs = request.app.state.enhance_jobs
    return jobs


Kept = Annotated[KeptJobs, Depends(kept)]


@router.post("", status_code=202)
async def create(request: Request, jobs: Kept, filename: str) -> dict[str, str]:
    # Where there is no room, nothing of it is read. When this returns, it is kept.
    body = body_chunks(request.receive)
    key = await jobs.accept(body, filename, strength=93, priority=10, max_bytes=MOST_BYTES)
    return {"id": key}


@router.get("/{key}")
async def status(jobs: Kept, key: str) -> dict[str, object]:
    return (await jobs.find(key)).as_dict()


@router.get("/{key}/events")
async def events(
    jobs: Kept, key: str, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    return StreamingResponse(await jobs.events(key, last_event_id), headers=HEADERS)


@router.get("/{key}/result")
async def result(jobs: Kept, key: str) -> Response:
    enhancement = await jobs.result(key)
    if enhancement is None:
        return Response(status_code=202, headers={"Retry-After": "5"})
    url = await jobs.client.presigned_download_url(enhancement)
    # Set as it is: a signature holds for the URL in exactly this spelling.
    return Response(status_code=303, headers={"Location": url})


@router.delete("/{key}")
async def cancel(jobs: Kept, key: str) -> dict[str, bool | None]:
    return {"cost_nothing": await jobs.cancel(key)}


async def answer(_: Request, error: Exception) -> Response:
    assert isinstance(error, AudioEnhanceError)
    found = problem(error)
    return Response(found.body, found.status, found.headers)


def connect() -> EnhanceClient:
    return EnhanceClient.from_env(max_waiting=100)


def create_app(
    make_client: Callable[[], EnhanceClient] = connect,
    folder: str = FOLDER,
) -> FastAPI:
    app = FastAPI(lifespan=lifespan(make_client, keep_in=folder))
    app.add_exception_handler(AudioEnhanceError, answer)
    app.include_router(router)
    return app


app = create_app()

if __name__ == "__main__":
    raise SystemExit(__doc__)
