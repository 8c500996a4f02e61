"""Speech enhancement in a Django application: `uvicorn examples.django_app:application`.

`curl --data-binary @talk.mp3 'localhost:8000/enhancements?filename=talk.mp3'` answers with a
job's id; its `events` tell how far it is, and its `result` redirects to the finished recording.
What was accepted is kept in the folder `enhance-jobs`, and resumed after a restart.
"""

import asyncio
import os
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable

from asgiref.sync import markcoroutinefunction
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

from audio_enhance import AudioEnhanceError, EnhanceClient
from audio_enhance.integrations.asgi import App, with_lifespan
from audio_enhance.integrations.kept import KeptJobs
from audio_enhance.integrations.problems import problem
from audio_enhance.integrations.sse import HEADERS

MOST_BYTES = 500_000_000
FOLDER = os.environ.get("ENHANCE_JOBS", "enhance-jobs")

# A project of your own has these in its settings.
if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["examples.django_app.ProblemAnswers"],
        ROOT_URLCONF="examples.django_app",
        SECRET_KEY=secrets.token_urlsafe(),
    )


class ProblemAnswers:
    """Middleware that answers with a problem (RFC 9457) where a view raises one of our errors."""

    async_capable, sync_capable = True, False

    def __init__(self, get_response: Callable[[ASGIRequest], Awaitable[HttpResponseBase]]) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)

    async def __call__(self, request: ASGIRequest) -> HttpResponseBase:
        return await self.get_response(request)

    def process_exception(self, _: ASGIRequest, error: Exception) -> HttpResponseBase | None:
        if not isinstance(error, AudioEnhanceError):
            return None
        found = problem(error)
        return HttpResponse(found.body, status=found.status, headers=dict(found.headers))


def kept(request: ASGIRequest) -> KeptJobs:
    jobs: KeptJobs = request.scope["state"]["enhance_jobs"]
    return jobs


async def body(request: ASGIRequest) -> AsyncGenerator[bytes]:
    # Django has put it into a temporary file before the view began.
    while chunk := await asyncio.to_thread(request.read, 1 << 20):
        yield chunk


async def create(request: ASGIRequest) -> HttpResponseBase:
    if request.method != "POST":
        return HttpResponse(status=405, headers={"Allow": "POST"})
    filename = request.GET.get("filename", "")
    # When this returns, it is kept.
    key = await kept(request).accept(
        body(request), filename, strength=93, priority=10, max_bytes=MOST_BYTES
    )
    return JsonResponse({"id": key}, status=202)


async def job(request: ASGIRequest, key: str) -> HttpResponseBase:
    if request.method == "DELETE":
        return JsonResponse({"cost_nothing": await kept(request).cancel(key)})
    return JsonResponse((await kept(request).find(key)).as_dict())


async def events(request: ASGIRequest, key: str) -> HttpResponseBase:
    told = await kept(request).events(key, request.headers.get("Last-Event-ID"))
    return StreamingHttpResponse(told, headers=HEADERS)


async def result(request: ASGIRequest, key: str) -> HttpResponseBase:
    enhancement = await kept(request).result(key)
    if enhancement is None:
        return HttpResponse(status=202, headers={"Retry-After": "5"})
    url = await kept(request).client.presigned_download_url(enhancement)
    # Set as it is: HttpResponseRedirect would spell the URL anew, and its signature is for this
    # spelling.
    return HttpResponse(status=303, headers={"Location": url})


urlpatterns = [
    path("enhancements", create),
    path("enhancements/<key>", job),
    path("enhancements/<key>/events", events),
    path("enhancements/<key>/result", result),
]


def connect() -> EnhanceClient:
    return EnhanceClient.from_env(max_waiting=100)


def create_app(
    make_client: Callable[[], EnhanceClient] = connect,
    folder: str = FOLDER,
) -> App:
    return with_lifespan(get_asgi_application(), make_client, keep_in=folder)


application = create_app()

if __name__ == "__main__":
    raise SystemExit(__doc__)
