"""The client to work with: of the real API, or of a local service started for it."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from copy import copy
from typing import TYPE_CHECKING, Any

import attrs
import click

from audio_enhance import (
    AudioEnhanceError,
    ConfigurationError,
    EnhanceClient,
    EnhancementFailedError,
    MissingExtraError,
    Outcome,
)
from audio_enhance.cli.display.screen import error_console, say
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.input.server import Server

from .credentials import Auth, credentials_in

if TYPE_CHECKING:
    from audio_enhance.local import LocalService


@attrs.frozen
class Connection:
    """What does the work.

    Attributes:
        client: The client to give it to.
        service: The local service behind it, where that is our own.
        client_ids: The API clients that it works for; `None` where that is the local service's
            own affair.
    """

    client: EnhanceClient
    service: "LocalService | None" = None
    client_ids: frozenset[str] | None = None

    def share_done(self, enhancement_id: str) -> float | None:
        """Return which share of a recording is enhanced, 0 to 1; None where that is not known."""
        return None if self.service is None else self.service.share_done(enhancement_id)

    def explained(self, outcome: Outcome) -> Outcome:
        """Return an outcome with why it failed, which the API does not tell, but our service."""
        if outcome.error is None:
            return outcome
        return attrs.evolve(outcome, error=self.reason_of(outcome.error))

    def reason_of(self, error: AudioEnhanceError) -> AudioEnhanceError:
        """Return an error with why it failed, where our service knows more than the API tells."""
        if self.service is None or not isinstance(error, EnhancementFailedError):
            return error
        reason = self.service.why_failed(error.enhancement_id or "")
        if reason is None:
            return error
        told = copy(reason)
        told.phase, told.source = error.phase, error.source
        told.asset_id, told.enhancement_id = error.asset_id, error.enhancement_id
        return told


@asynccontextmanager
async def connection(server: Server, *, quiet: bool = False) -> AsyncGenerator[Connection]:
    """Open a client from the environment or from files, or one of a local service.

    Args:
        server: Which of them.
        quiet: Whether it is not told what a local service enhances with.

    Raises:
        ConfigurationError: There are no credentials, or they cannot be used.
        UsageError: The options are about the local service, and it is not that.
        MissingExtraError: The extra `local` is not installed.
    """
    server.check()
    if server.local:
        with extra_local():
            from audio_enhance.local import Behaviour
        async with (
            open_service(
                workers=server.workers,
                engine=server.engine,
                cluster=server.cluster,
                quietly=True,
                silently=quiet,
                behaviour=Behaviour.unlimited(),
            ) as service,
            service.connect(None, api_version=server.api_version) as client,
        ):
            yield Connection(client, service)
        return
    async with await asyncio.to_thread(_api, server) as client:
        yield Connection(client, client_ids=frozenset(client.client_ids))


def _api(server: Server) -> EnhanceClient:
    try:
        return api_client(server, credentials_in(server.credentials))
    except ConfigurationError as error:
        if not server.credentials:
            error.hint = f"{error.hint} Or try it without credentials: add --local."
        raise


def api_client(server: Server, found: Sequence[Auth], **settings: Any) -> EnhanceClient:
    """Return a client of the API.

    Args:
        server: Which version of it.
        found: The credentials; those of the environment if there are none.
        settings: As for `EnhanceClient`.

    Raises:
        ConfigurationError: There are no credentials, or they cannot be used.
    """
    settings |= {"trust_env": True, "api_version": server.api_version}
    if not found:
        return EnhanceClient.from_env(**settings)
    base_url = os.environ.get("AUDIO_ENHANCE_BASE_URL", "").strip() or None
    return EnhanceClient(found, base_url=base_url, **settings)


@asynccontextmanager
async def open_service(
    *,
    workers: int | None = None,
    engine: str | None = None,
    cluster: str | None = None,
    quietly: bool = False,
    silently: bool = False,
    **arguments: Any,
) -> "AsyncGenerator[LocalService]":
    """Start a local service, and tell on standard error what it enhances with.

    Args:
        workers: How many recordings it works on at once; as many as there are cores if None.
        engine: What it enhances with; the best that works here if None.
        cluster: The Dask scheduler whose workers do its work; this machine if None.
        quietly: Tell only where that is not the best.
        silently: Tell nothing.
        arguments: As for `LocalService`.

    Raises:
        EngineError: The engine does not work here.
        ClusterError: The cluster cannot be reached, or none of its workers can do the work.
        UsageError: Workers are asked for as well as a cluster.
        MissingExtraError: The extra `local` or `dask` is not installed.
    """
    if cluster is not None:
        if workers is not None:
            raise click.UsageError("--workers is for this machine: a cluster has its own.")
        async with _service_of(cluster, engine, arguments, silently=silently) as service:
            yield service
        return
    with extra_local():
        from audio_enhance.local import LocalService
        from audio_enhance.local.enhancer import SpeechEnhancer

        enhancer = SpeechEnhancer(workers=workers, engine=engine)
    async with LocalService(enhancer=enhancer, **arguments) as service:
        chosen = await enhancer.engine()
        if not silently and (chosen.passed_over or not quietly):
            sentence = f"The local service enhances with {chosen.title}."
            say(error_console(), shown(" ".join([sentence, *chosen.passed_over])))
        yield service


@asynccontextmanager
async def _service_of(
    cluster: str, engine: str | None, arguments: dict[str, Any], *, silently: bool
) -> "AsyncGenerator[LocalService]":
    with extra_local():
        from audio_enhance.local import LocalService

    from audio_enhance.dask import DaskEnhancer, store_for

    enhancer = DaskEnhancer(cluster, engine=engine)
    if arguments.get("object_store") is None:
        arguments["object_store"] = store_for(
            enhancer.hostname,
            host=arguments.get("host", "127.0.0.1"),
            port=arguments.get("s3_port", 0),
        )
    async with LocalService(enhancer=enhancer, **arguments) as service:
        if not silently:
            say(error_console(), shown(await enhancer.description()))
        yield service


def is_lost(error: AudioEnhanceError | None) -> bool:
    """Whether the cluster that does the work is gone, for all other recordings, too."""
    dask = sys.modules.get("audio_enhance.dask")  # who has not imported it has none to lose
    return dask is not None and isinstance(error, dask.ClusterLostError)


@contextmanager
def extra_local() -> Generator[None]:
    """Turn an import that fails in here into the error that says how to install what it needs."""
    try:
        yield
    except MissingExtraError:
        raise
    except ImportError as error:
        # The local service says which packages it needs, from the error that says which failed.
        cause = error.__cause__ if isinstance(error.__cause__, ImportError) else error
        raise MissingExtraError("local", cause.name or "botocore") from error
