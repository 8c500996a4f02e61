"""Speech enhancement in an aiohttp application: `python examples/aiohttp_app.py`.

`curl -F recording=@talk.mp3 localhost:8080/enhancements` answers with a job's id; its `events`
tell how far it is, and its `result` redirects to the finished recording. What was accepted is kept
in the folder `enhance-jobs`, and resumed after a restart.
"""

import os
from collections.abc import Callable

from aiohttp import BodyPartReader, web

from audio_enhance import EnhanceClient
from audio_enhance.integrations.aiohttp import JOBS, event_stream, part_chunks, setup

MOST_BYTES = 500_000_000
FOLDER = os.environ.get("ENHANCE_JOBS", "enhance-jobs")


async def create(request: web.Request) -> web.Response:
    part = await (await request.multipart()).next()
    if not isinstance(part, BodyPartReader) or part.filename is None:
        raise web.HTTPBadRequest(text="Send one file.")
    # Where there is no room, nothing of it is read. When this returns, it is kept.
    key = await request.app[JOBS].accept(
        part_chunks(part), part.filename, strength=93, priority=10, max_bytes=MOST_BYTES
    )
    return web.json_response({"id": key}, status=202)


async def status(request: web.Request) -> web.Response:
    found = await request.app[JOBS].find(request.match_info["key"])
    return web.json_response(found.as_dict())


async def events(request: web.Request) -> web.StreamResponse:
    last_event_id = request.headers.get("Last-Event-ID")
    told = await request.app[JOBS].events(request.match_info["key"], last_event_id)
    return await event_stream(request, told)


async def result(request: web.Request) -> web.Response:
    jobs = request.app[JOBS]
    enhancement = await jobs.result(request.match_info["key"])
    if enhancement is None:
        return web.Response(status=202, headers={"Retry-After": "5"})
    url = await jobs.client.presigned_download_url(enhancement)
    # Set as it is: HTTPSeeOther would spell the URL anew, and its signature is for this spelling.
    return web.Response(status=303, headers={"Location": url})


async def cancel(request: web.Request) -> web.Response:
    cost_nothing = await request.app[JOBS].cancel(request.match_info["key"])
    return web.json_response({"cost_nothing": cost_nothing})


def connect() -> EnhanceClient:
    return EnhanceClient.from_env(max_waiting=100)


def create_app(
    make_client: Callable[[], EnhanceClient] = connect,
    folder: str = FOLDER,
) -> web.Application:
    app = web.Application(client_max_size=MOST_BYTES)
    setup(app, make_client, keep_in=folder)
    app.router.add_post("/enhancements", create)
    app.router.add_get("/enhancements/{key}", status)
    app.router.add_get("/enhancements/{key}/events", events)
    app.router.add_get("/enhancements/{key}/result", result)
    app.router.add_delete("/enhancements/{key}", cancel)
    return app


if __name__ == "__main__":
    web.run_app(create_app(), host="127.0.0.1", port=8080)
