"""Speech enhancement in an aiohttp application: `python examples/aiohttp_app.py`.

`curl -F recording=@talk.mp3 localhost:8080/enhancements` answers with a job's address; its
`events` tell how far it is, and its `result` redirects to the finished recording.
"""

import math

from aiohttp import BodyPartReader, web

from audio_enhance import AudioEnhanceError, EnhanceClient, Job, Source, TooManyWaitingError
from audio_enhance.integrations.aiohttp import CLIENT, cleanup_ctx, part_chunks
from audio_enhance.integrations.sse import HEADERS, server_sent_events

JOBS = web.AppKey("jobs", dict[str, Job])
MOST_BYTES = 500_000_000


async def create(request: web.Request) -> web.Response:
    part = await (await request.multipart()).next()
    if not isinstance(part, BodyPartReader) or part.filename is None:
        raise web.HTTPBadRequest(text="Send one file.")
    # Not begun yet: where there is no room, nothing is read.
    upload = Source.spool(part_chunks(part), part.filename, max_bytes=MOST_BYTES)
    try:
        job = await request.app[CLIENT].submit(upload, strength=93, priority=10)
    except TooManyWaitingError as error:
        raise web.HTTPServiceUnavailable(
            headers={"Retry-After": str(math.ceil(error.retry_after or 1))}
        ) from None
    except AudioEnhanceError as error:
        raise web.HTTPBadRequest(text=str(error)) from None
    request.app[JOBS][job.id] = job
    return web.json_response({"id": job.id}, status=202)


def find(request: web.Request) -> Job:
    try:
        return request.app[JOBS][request.match_info["id"]]
    except KeyError:
        raise web.HTTPNotFound from None


async def events(request: web.Request) -> web.StreamResponse:
    job = find(request)
    response = web.StreamResponse(headers=HEADERS)
    await response.prepare(request)
    async for piece in server_sent_events(job, request.headers.get("Last-Event-ID")):
        await response.write(piece)
    return response


async def result(request: web.Request) -> web.Response:
    job = find(request)
    finished = await job
    url = await request.app[CLIENT].presigned_download_url(finished.enhancement)
    # Set as it is: HTTPSeeOther would spell the URL anew, and its signature is for this spelling.
    return web.Response(status=303, headers={"Location": url})


async def cancel(request: web.Request) -> web.Response:
    return web.json_response({"cost_nothing": find(request).cancel()})


def create_app() -> web.Application:
    app = web.Application(client_max_size=MOST_BYTES)
    app[JOBS] = {}
    app.cleanup_ctx.append(cleanup_ctx(lambda: EnhanceClient.from_env(max_waiting=100)))
    app.router.add_post("/enhancements", create)
    app.router.add_get("/enhancements/{id}/events", events)
    app.router.add_get("/enhancements/{id}/result", result)
    app.router.add_delete("/enhancements/{id}", cancel)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=8080)
