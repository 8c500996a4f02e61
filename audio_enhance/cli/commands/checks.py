"""What `audio-enhance doctor` looks at, and what it makes of it: nothing here prints."""

import asyncio
import importlib.util
import os
import platform
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum, auto
from pathlib import Path
from uuid import UUID

import aiohttp
import attrs

from audio_enhance import (
    ApiError,
    AudioEnhanceError,
    AuthenticationError,
    ConfigurationError,
    EnhanceClient,
    MissingExtraError,
    NotFoundError,
    RetryPolicy,
    ServerError,
    Timeouts,
    ValidationError,
    __version__,
)
from audio_enhance.cli.execution.credentials import credentials_in
from audio_enhance.cli.execution.service import api_client, extra_local
from audio_enhance.cli.input.server import Server

# A presigned URL is refused where the clocks differ by more than a quarter of an hour (Amazon S3,
# RequestTimeTooSkewed), and a token's end is reckoned by ours.
_CLOCK_SECONDS = 300.0
_LEAST_FREE = 1 << 30
_NO_ASSET = str(UUID(int=0))
# A package of each extra, and what the extra is for.
_EXTRAS = {
    "local": ("numpy", "the local service"),
    "web": ("starlette", "the page in the browser"),
    "video": ("av", "videos"),
    "dask": ("distributed", "a cluster"),
    "remote": ("fsspec", "recordings in buckets"),
    "redis": ("redis", "limits that several programs share"),
    "otel": ("opentelemetry", "traces and metrics"),
}


class Health(StrEnum):
    """How something is."""

    GOOD = auto()
    NOTE = auto()
    """It may be meant so."""
    BAD = auto()
    """It has to be mended."""


@attrs.frozen
class Finding:
    """What was found.

    Attributes:
        subject: What was looked at.
        health: How it is.
        said: What was seen, in a sentence or less.
        hint: What to do; empty where there is nothing to do.
    """

    subject: str
    health: Health
    said: str
    hint: str = ""


def versions() -> Finding:
    """Say what runs here."""
    python = platform.python_version()
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    said = f"audio-enhance {__version__}, Python {python}, aiohttp {aiohttp.__version__}, {system}"
    return Finding("versions", Health.GOOD, said)


def extras() -> Iterator[Finding]:
    """Say which extras are not installed."""
    for extra, (package, purpose) in _EXTRAS.items():
        if importlib.util.find_spec(package) is None:
            command = MissingExtraError(extra, package).command
            said = f"{extra} is not installed: no {purpose.removeprefix('the ')}"
            yield Finding("extra", Health.NOTE, said, f"If you need it: {command}")


def engine(server: Server) -> Finding:
    """Say what removes noise on this machine; blocks."""
    try:
        from audio_enhance.local.enhancer import choose_engine

        chosen = choose_engine(server.engine)
    except AudioEnhanceError as error:
        health = Health.BAD if server.local else Health.NOTE
        return Finding("engine", health, error.message, error.hint or "")
    health = Health.NOTE if chosen.passed_over else Health.GOOD
    return Finding("engine", health, chosen.title, " ".join(chosen.passed_over))


def disk(folder: Path, free: int | None) -> Finding:
    """Say whether there is room for results.

    Args:
        folder: Where results go.
        free: The free bytes there; `None` where they cannot be told.
    """
    if free is None:
        return Finding("disk", Health.NOTE, f"{folder} cannot be looked at")
    said = f"{free / 1e9:.1f} GB are free for results in {folder}"
    if free < _LEAST_FREE:
        return Finding("disk", Health.BAD, said, "Make room, or choose another --output-dir.")
    return Finding("disk", Health.GOOD, said)


def clock(ours: datetime, theirs: datetime | None) -> Finding | None:
    """Compare the clocks.

    Args:
        ours: The time here (UTC).
        theirs: The API's, if it tells.
    """
    if theirs is None:
        return None
    ahead = (ours - theirs).total_seconds()
    if abs(ahead) <= _CLOCK_SECONDS:
        return Finding("clock", Health.GOOD, "agrees with the API's")
    side = "ahead of" if ahead > 0 else "behind"
    said = f"{abs(ahead) / 60:.0f} minutes {side} the API's"
    hint = "Set the clock, by NTP for example: URLs and tokens end at a time."
    return Finding("clock", Health.BAD, said, hint)


async def cluster(server: Server) -> Finding:
    """Say whether the cluster can do the local service's work; nothing is asked of its workers."""
    assert server.cluster is not None
    try:
        with extra_local():
            from audio_enhance.dask import DaskEnhancer

        enhancer = DaskEnhancer(server.cluster, engine=server.engine)
        try:
            await enhancer.model_id()  # which connects
            return Finding("cluster", Health.GOOD, await enhancer.description())
        finally:
            await enhancer.close()
    except AudioEnhanceError as error:
        return Finding("cluster", Health.BAD, error.message, error.hint or "")


async def api(server: Server) -> list[Finding]:
    """Look at the credentials, and whether the API takes them; nothing is created or paid for."""
    retry, timeouts = RetryPolicy(attempts=2), Timeouts(request=15.0)
    try:
        found = await asyncio.to_thread(credentials_in, server.credentials)
        clients = [
            api_client(server, each, retry=retry, timeouts=timeouts)
            for each in ([[auth] for auth in found] or [[]])
        ]
    except ConfigurationError as error:
        given = server.credentials or any(
            name.startswith("FIREFLY_SERVICES_") for name in os.environ
        )
        health = Health.BAD if given else Health.NOTE
        hint = "Without credentials, use --local, web or demo." if not given else error.hint or ""
        return [Finding("credentials", health, error.message, hint)]
    told = list[Finding]()
    for client in clients:
        try:
            async with client:
                if not told:  # the same for all
                    told = [Finding("proxy", Health.GOOD, client.proxy or "none")]
                    told += await _reached(client)
                    if any(finding.health is Health.BAD for finding in told):
                        break
                told.append(await _token(client, named=bool(server.credentials)))
        except ConfigurationError as error:  # a proxy that cannot be used
            return [Finding("proxy", Health.BAD, error.message, error.hint or "")]
    return told


async def _reached(client: EnhanceClient) -> list[Finding]:
    try:
        theirs = await client.server_time()
    except AudioEnhanceError as error:
        hint = "Check the network, the proxy and AUDIO_ENHANCE_BASE_URL."
        said = f"{client.base_url} cannot be reached: {error.message}"
        return [Finding("API", Health.BAD, said, hint)]
    found = [Finding("API", Health.GOOD, f"{client.base_url} answers")]
    compared = clock(datetime.now(UTC), theirs)
    return found if compared is None else [*found, compared]


async def _token(client: EnhanceClient, *, named: bool) -> Finding:
    """Ask for an asset that cannot exist: that needs a token, and costs nothing."""
    (client_id,) = client.client_ids
    subject = "credentials"
    try:
        await client.get_asset(_NO_ASSET)
    except (NotFoundError, ValidationError):
        pass
    except AudioEnhanceError as error:
        if isinstance(error, ApiError) and not isinstance(error, AuthenticationError):
            subject = "API"
        hint = "Try again later." if isinstance(error, ServerError) else error.hint or ""
        said = f"{client_id}: {error.message}" if named else error.message
        return Finding(subject, Health.BAD, said, hint)
    them = f"those of {client_id}" if named else "them"
    return Finding(subject, Health.GOOD, f"the API takes {them} (version {client.api_version})")
