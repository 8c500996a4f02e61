"""The application on a port of this machine."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from pathlib import Path

import uvicorn
from starlette.applications import Starlette

from audio_enhance import ApiVersion

from ._application import create_app
from ._protocol import PatientProtocol

_HOST = "127.0.0.1"
# For uploads and players that are in the middle of something, in seconds.
_GRACE_SECONDS = 3.0


class _Server(uvicorn.Server):
    """Uvicorn, which leaves signals to its caller and tells when it begins to end."""

    def __init__(self, config: uvicorn.Config, hang_up: Callable[[], None]) -> None:
        super().__init__(config)
        self._hang_up = hang_up

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        """Leave them alone: what Ctrl-C means is for the program to say."""
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, without waiting for event streams, and not for ever for anything else."""
        self._hang_up()
        # Uvicorn would cancel what is left, and log each as an exception of the application.
        cut = asyncio.get_running_loop().call_later(_GRACE_SECONDS, self._cut)
        try:
            await super().shutdown(sockets)
        finally:
            cut.cancel()

    def _cut(self) -> None:
        for connection in list(self.server_state.connections):
            connection.transport.abort()


@contextlib.asynccontextmanager
async def listening(
    app: Starlette, listener: socket.socket
) -> AsyncGenerator["asyncio.Future[None]"]:
    """Run an application of `create_app` on a socket for the length of a block.

    Args:
        app: The application; its lifespan is run here, so that what goes wrong in it is raised.
        listener: A listening socket, closed at the end.
    """
    async with app.router.lifespan_context(app):
        config = uvicorn.Config(
            app,
            http=PatientProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
        server = _Server(config, app.state.studio.hang_up)
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        try:
            yield serving
        finally:
            server.should_exit = True
            await asyncio.wait([serving])


async def serve(
    *,
    port: int = 0,
    api_version: ApiVersion | None = None,
    engine: str | None = None,
    cluster: str | None = None,
    folder: Path | None = None,
    on_ready: Callable[[str, str | None], None] | None = None,
) -> None:
    """Serve the application to this machine until cancelled.

    It listens on 127.0.0.1 alone: there are no accounts, and whoever can reach it may use it.

    Args:
        port: Where to listen; any free port if 0.
        api_version: The generation of the API; the environment's if not given.
        engine: What a local service enhances with; the best that works here if None.
        cluster: The address of the Dask scheduler whose workers do a local service's work.
        folder: Where recordings and results are kept over restarts. If None, a folder of the
            user's for this port; for any free port, nothing outlives the application.
        on_ready: Told the page's address, and what does the enhancing: a host, or `"local"`.

    Raises:
        AudioEnhanceError: The engine does not work here.
        ConfigurationError: The credentials in the environment cannot be used.
        OSError: The port cannot be had.
    """
    with socket.create_server((_HOST, port), backlog=1024) as listener:
        if folder is None and port:  # who has the port has the folder
            folder = _state_folder() / f"web-{port}"
        app = create_app(api_version=api_version, engine=engine, cluster=cluster, folder=folder)
        async with listening(app, listener) as serving:
            if on_ready is not None:
                host, actual = listener.getsockname()[:2]
                on_ready(f"http://{host}:{actual}/", app.state.studio.service)
            await asyncio.shield(serving)


def _state_folder() -> Path:
    """Return where programs of this user keep what is no setting (XDG base directories)."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
    else:
        base = os.environ.get("XDG_STATE_HOME")
    return (Path(base) if base else Path.home() / ".local" / "state") / "audio-enhance"
