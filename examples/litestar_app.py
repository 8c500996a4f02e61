"""Speech enhancement in a Litestar application: `uvicorn examples.litestar_app:app`.

`curl --data-binary @talk.mp3 'localhost:8000/enhancements?filename=talk.mp3'` answers with a
job's id; its `events` tell how far it is, and its `result` redirects to the finished recording.
"""

import math
from typing import Any

from litestar import Litestar, Request, Response, delete, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.response import Stream

from audio_enhance import AudioEnhanceError, EnhanceClient, Job, Source, TooManyWaitingError
from audio_enhance.integrations.asgi import body_chunks, lifespan
from audio_enhance.integrations.sse import HEADERS, server_sent_events

MOST_BYTES = 500_000_000

AnyRequest = Request[Any, Any, Any]


# Parameters are read from the request: how a handler declares them has changed within Litestar 2.
def find(request: AnyRequest) -> Job:
    job: Job | None = request.app.state.jobs.get(request.path_params["job_id"])
    if job is None:
        raise HTTPException(status_code=404)
    return job


@post("/enhancements", status_code=202)
async def create(request: AnyRequest) -> dict[str, str]:
    client: EnhanceClient = request.app.state.enhance
    filename = request.query_params.get("filename", "")
    # Not begun yet: where there is no room, nothing is read. `request.stream()` would end at the
    # 10 MB that Litestar takes by default.
    upload = Source.spool(body_chunks(request.receive), filename, max_bytes=MOST_BYTES)
    try:
        job = await client.submit(upload, strength=93, priority=10)
    except TooManyWaitingError as error:
        retry_after = str(math.ceil(error.retry_after or 1))
        raise HTTPException(status_code=503, headers={"Retry-After": retry_after}) from None
    except AudioEnhanceError as error:
        raise HTTPException(status_code=400, detail=str(error)) from None
    request.app.state.jobs[job.id] = job
    return {"id": job.id}


@get("/enhancements/{job_id:str}/events")
async def events(request: AnyRequest) -> Stream:
    last_event_id = request.headers.get("Last-Event-ID")
    return Stream(server_sent_events(find(request), last_event_id), headers=HEADERS)


@get("/enhancements/{job_id:str}/result")
async def result(request: AnyRequest) -> Response[None]:
    client: EnhanceClient = request.app.state.enhance
    finished = await find(request)
    url = await client.presigned_download_url(finished.enhancement)
    # Set as it is: a signature holds for the URL in exactly this spelling.
    return Response(None, status_code=303, headers={"Location": url})


@delete("/enhancements/{job_id:str}", status_code=200)
async def cancel(request: AnyRequest) -> dict[str, bool]:
    return {"cost_nothing": find(request).cancel()}


app = Litestar(
    [create, events, result, cancel],
    lifespan=[lifespan(lambda: EnhanceClient.from_env(max_waiting=100))],
    openapi_config=None,  # its schema is drawn from declared parameters, and these are not
    state=State({"jobs": {}}),
)


if __name__ == "__main__":
    raise SystemExit(__doc__)
