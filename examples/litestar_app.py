"""Speech enhancement in a Litestar application: `uvicorn examples.litestar_app:app`.

`curl --data-binary @talk.mp3 'localhost:8000/enhancements?filename=talk.mp3'` answers with a
job's id; its `events` tell how far it is, and its `result` redirects to the finished recording.
What was accepted is kept in the folder `enhance-jobs`, and resumed after a restart.
"""

import os
from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request, Response, delete, get, post
from litestar.response import Stream

from audio_enhance import AudioEnhanceError, EnhanceClient
from audio_enhance.integrations.asgi import body_chunks, lifespan
from audio_enhance.integrations.kept import KeptJobs
from audio_enhance.integrations.problems import problem
from audio_enhance.integrations.sse import HEADERS

MOST_BYTES = 500_000_000
FOLDER = os.environ.get("ENHANCE_JOBS", "enhance-jobs")

AnyRequest = Request[Any, Any, Any]


# Parameters are read from the request: how a handler declares them has changed within Litestar 2.
def kept(request: AnyRequest) -> tuple[KeptJobs, str]:
    return request.app.state.enhance_jobs, request.path_params.get("key", "")


@post("/enhancements", status_code=202)
async def create(request: AnyRequest) -> dict[str, str]:
    jobs, _ = kept(request)
    filename = request.query_params.get("filename", "")
    # Where there is no room, nothing of it is read. When this returns, it is kept.
    # `request.stream()` would end at the 10 MB that Litestar takes by default.
    body = body_chunks(request.receive)
    key = await jobs.accept(body, filename, strength=93, priority=10, max_bytes=MOST_BYTES)
    return {"id": key}


@get("/enhancements/{key:str}")
async def status(request: AnyRequest) -> dict[str, object]:
    jobs, key = kept(request)
    return (await jobs.find(key)).as_dict()


@get("/enhancements/{key:str}/events")
async def events(request: AnyRequest) -> Stream:
    jobs, key = kept(request)
    last_event_id = request.headers.get("Last-Event-ID")
    return Stream(await jobs.events(key, last_event_id), headers=HEADERS)


@get("/enhancements/{key:str}/result")
async def result(request: AnyRequest) -> Response[None]:
    jobs, key = kept(request)
    enhancement = await jobs.result(key)
    if enhancement is None:
        return Response(None, status_code=202, headers={"Retry-After": "5"})
    url = await jobs.client.presigned_download_url(enhancement)
    # Set as it is: a signature holds for the URL in exactly this spelling.
    return Response(None, status_code=303, headers={"Location": url})


@delete("/enhancements/{key:str}", status_code=200)
async def cancel(request: AnyRequest) -> dict[str, bool | None]:
    jobs, key = kept(request)
    return {"cost_nothing": await jobs.cancel(key)}


def answer(_: AnyRequest, error: AudioEnhanceError) -> Response[bytes]:
    found = problem(error)
    return Response(found.body, status_code=found.status, headers=dict(found.headers))


def connect() -> EnhanceClient:
    return EnhanceClient.from_env(max_waiting=100)


def create_app(
    make_client: Callable[[], EnhanceClient] = connect,
    folder: str = FOLDER,
) -> Litestar:
    return Litestar(
        [create, status, events, result, cancel],
        lifespan=[lifespan(make_client, keep_in=folder)],
        exception_handlers={AudioEnhanceError: answer},
        openapi_config=None,  # its schema is drawn from declared parameters, and these are not
    )


app = create_app()

if __name__ == "__main__":
    raise SystemExit(__doc__)
