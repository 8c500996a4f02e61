"""Speech enhancement in a FastAPI application: `uvicorn examples.fastapi_app:app`.

`curl --data-binary @talk.mp3 'localhost:8000/enhancements?filename=talk.mp3'` answers with a
job's id; its `events` tell how far it is, and its `result` redirects to the finished recording.
"""

import math
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.responses import Response, StreamingResponse

from audio_enhance import AudioEnhanceError, EnhanceClient, Job, Source, TooManyWaitingError
from audio_enhance.integrations.asgi import body_chunks, lifespan
from audio_enhance.integrations.sse import HEADERS, server_sent_events

MOST_BYTES = 500_000_000

app = FastAPI(lifespan=lifespan(lambda: EnhanceClient.from_env(max_waiting=100)))
jobs: dict[str, Job] = {}


def find(job_id: str) -> Job:
    try:
        return jobs[job_id]
    except KeyError:
        raise HTTPException(404) from None


@app.post("/enhancements", status_code=202)
async def create(request: Request, filename: str) -> dict[str, str]:
    client: EnhanceClient = request.app.state.enhance
    # Not begun yet: where there is no room, nothing is read.
    upload = Source.spool(body_chunks(request.receive), filename, max_bytes=MOST_BYTES)
    try:
        job = await client.submit(upload, strength=93, priority=10)
    except TooManyWaitingError as error:
        retry_after = str(math.ceil(error.retry_after or 1))
        raise HTTPException(503, headers={"Retry-After": retry_after}) from None
    except AudioEnhanceError as error:
        raise HTTPException(400, str(error)) from None
    jobs[job.id] = job
    return {"id": job.id}


@app.get("/enhancements/{job_id}/events")
async def events(
    job_id: str, last_event_id: Annotated[str | None, Header()] = None
) -> StreamingResponse:
    return StreamingResponse(server_sent_events(find(job_id), last_event_id), headers=HEADERS)


@app.get("/enhancements/{job_id}/result")
async def result(request: Request, job_id: str) -> Response:
    client: EnhanceClient = request.app.state.enhance
    finished = await find(job_id)
    url = await client.presigned_download_url(finished.enhancement)
    # Set as it is: a signature holds for the URL in exactly this spelling.
    return Response(status_code=303, headers={"Location": url})


@app.delete("/enhancements/{job_id}")
async def cancel(job_id: str) -> dict[str, bool]:
    return {"cost_nothing": find(job_id).cancel()}


if __name__ == "__main__":
    raise SystemExit(__doc__)
