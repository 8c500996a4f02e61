"""The application as one ASGI callable, to be mounted anywhere."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from audio_enhance import ApiVersion, AudioEnhanceError, EnhanceClient

from ._backend import open_backend
from ._guard import LOOPBACK, Guard, on_unforeseen
from ._handlers import Handlers
from ._limits import Limits
from ._measuring import Measuring
from ._page import Page
from ._problems import Problem, on_error
from ._shelf import Shelf
from ._studio import Studio
from ._unread import Unread


def create_app(
    client: EnhanceClient | None = None,
    *,
    limits: Limits | None = None,
    allowed_hosts: Sequence[str] | None = LOOPBACK,
    api_version: ApiVersion | None = None,
    engine: str | None = None,
    cluster: str | None = None,
    drain_seconds: float = 5.0,
    folder: Path | None = None,
    measure: bool = True,
) -> Starlette:
    """Make the application: one page to enhance recordings with, and what it talks to.

    It runs in one process: what it knows of a recording is in its memory, and in a folder for its
    next start. Its addresses are
    relative, so that it may be mounted under any path. A mounted application's lifespan is not
    run by its host; `app.router.lifespan_context(app)` is the context to enter.

    Args:
        client: The client that does the work; it stays its owner's to close. Without one, the
            lifespan opens one for the credentials in the environment, or, where there are none,
            for a local service of its own.
        limits: How much it takes.
        allowed_hosts: The host names it may be reached by, without ports. `None` allows all,
            for those who check them elsewhere.
        api_version: The generation of the API that the lifespan's client speaks; the
            environment's if not given.
        engine: What the lifespan's local service enhances with: ``"dfn3"``, ``"rnnoise"`` or
            ``"afftdn"``; the best that works here if None.
        cluster: The address of the Dask scheduler whose workers do its work; this machine if
            None.
        drain_seconds: The seconds that its end waits for what is under way.
        folder: Where recordings and results are kept, for this application alone. What is in the
            list is there after a restart. Without one, nothing outlives the application.
        measure: Whether recordings are measured, for the pictures, the figures and the matched
            loudness of the player. It needs the extra `local`, also with a client of yours.
    """
    studio = Studio(limits or Limits(), Shelf(folder), Measuring(wanted=measure))
    handlers = Handlers(studio)
    page = Page()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncGenerator[None]:
        del app
        async with AsyncExitStack() as stack:
            if client is None:
                backend = await stack.enter_async_context(
                    open_backend(studio.limits, api_version, engine, cluster)
                )
                studio.jobs.client, studio.service = backend.client, backend.service
                studio.engine = backend.engine
                studio.sample, studio.space.keeper = backend.sample, backend.keeper
            stack.push_async_callback(studio.close, drain_seconds)
            await studio.open()
            yield

    if client is not None:
        studio.jobs.client = client
    app = Starlette(
        routes=[
            Route("/", page.index),
            Route("/static/{name}", page.file),
            Route("/events", handlers.events),
            Route("/sample", handlers.sample),
            Route("/archive", handlers.archive),
            Route("/health", handlers.health),
            Route("/recordings/{id}", handlers.announce, methods=["PUT"]),
            Route("/recordings/{id}", handlers.discard, methods=["DELETE"]),
            Route("/recordings/{id}/audio", handlers.receive, methods=["PUT"]),
            Route("/recordings/{id}/cancel", handlers.cancel, methods=["POST"]),
            Route("/recordings/{id}/original", handlers.original),
            Route("/recordings/{id}/result", handlers.result),
            Route("/recordings/{id}/download", handlers.download),
            Route("/recordings/{id}/{side}/sound", handlers.sound),
            Route("/recordings/{id}/{side}/{picture}/{level}/{tile}", handlers.picture),
        ],
        middleware=[Middleware(Unread), Middleware(Guard, allowed_hosts=allowed_hosts)],
        exception_handlers={
            Problem: on_error,
            AudioEnhanceError: on_error,
            HTTPException: on_error,
            ClientDisconnect: _gone,
            Exception: on_unforeseen,
        },
        lifespan=lifespan,
    )
    app.state.studio = studio
    return app


async def _gone(request: Request, error: Exception) -> Response:
    """Answer nobody: whoever sent the request has hung up."""
    del request, error
    return Response(status_code=499)
