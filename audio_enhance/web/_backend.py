"""What does the enhancing: the API that the environment names, or a service of our own."""

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

import attrs

from audio_enhance import ApiVersion, ConfigurationError, EnhanceClient, MissingExtraError

from ._limits import Limits
from ._space import LocalKeeper

LOCAL = "local"
_ID = "FIREFLY_SERVICES_CLIENT_ID"
_SECRET = "FIREFLY_SERVICES_CLIENT_SECRET"  # noqa: S105 - a variable's name
_VERSION = "AUDIO_ENHANCE_API_VERSION"
_TOKEN = "FIREFLY_SERVICES_ACCESS_TOKEN"  # noqa: S105 - a variable's name


@attrs.frozen(kw_only=True)
class Backend:
    """A client, and what the page says about where recordings go.

    Attributes:
        client: What does the work.
        service: The API's host, or `LOCAL`.
        engine: What enhances there, and why no better one does, where it is this application's
            own.
        sample: A recording to try it with, an MP3: only where that costs nothing.
        keeper: The local service, where it is this application's own.
    """

    client: EnhanceClient
    service: str
    engine: str | None = None
    sample: bytes | None = None
    keeper: LocalKeeper | None = None


@asynccontextmanager
async def open_backend(
    limits: Limits,
    api_version: ApiVersion | None = None,
    engine: str | None = None,
    cluster: str | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
) -> AsyncGenerator[Backend]:
    """Open the API that the environment has credentials for, or else the local service.

    Args:
        limits: How much is taken.
        api_version: The generation of the API; the environment's if None.
        engine: What a local service enhances with; the best that works here if None.
        cluster: The Dask scheduler whose workers do its work; this machine if None.
        environ: The environment.

    Raises:
        AudioEnhanceError: The engine does not work here.
        ConfigurationError: There are some credentials but not all, or none and the extra
            `local` is not installed either; or a cluster was asked for as well.
    """
    # The client checks it.
    version = cast("ApiVersion", api_version or environ.get(_VERSION, "").strip() or "v1")
    if any(environ.get(name, "").strip() for name in (_ID, _SECRET, _TOKEN)):
        if cluster is not None:
            raise ConfigurationError(
                "A cluster does the local service's work, and there are credentials of the API.",
                hint=f"Take {_ID} out of the environment, or leave the cluster out.",
            )
        # How many may wait is said where they are taken in: what an earlier start has taken in is
        # gone on with, however much it is.
        async with EnhanceClient.from_env(api_version=version, trust_env=True) as client:
            host = urlsplit(client.base_url).hostname
            yield Backend(client=client, service=host or LOCAL)
        return
    try:
        # Not a part of the client: imported only where there is nothing else to talk to.
        from audio_enhance.local import Behaviour, LocalService
        from audio_enhance.local.enhancer import SpeechEnhancer, demo_recording
    except ImportError as error:
        raise ConfigurationError(
            "There are no credentials in the environment, and no local service to do without.",
            hint=f"Set {_ID} and {_SECRET}, or install the local service: "
            f"{MissingExtraError('local', error.name or 'botocore').command}",
        ) from error
    if cluster is not None:
        from audio_enhance.dask import DaskEnhancer, store_for

        workers = DaskEnhancer(cluster, engine=engine)
        enhancer: DaskEnhancer | SpeechEnhancer = workers
        store = store_for(workers.hostname)
    else:
        enhancer, store = SpeechEnhancer(max_seconds=limits.max_seconds, engine=engine), None
    unlimited = Behaviour.unlimited()
    async with (
        LocalService(enhancer=enhancer, object_store=store, behaviour=unlimited) as service,
        service.connect(None, api_version=version) as client,
    ):
        sample = await asyncio.to_thread(demo_recording().read_bytes)
        words = await enhancer.description()
        yield Backend(client=client, service=LOCAL, engine=words, sample=sample, keeper=service)
