"""`audio-enhance serve`: the local service, for any client."""

# botocore has no types.
# pyright: reportUnknownVariableType=false

import asyncio
import json
import shlex
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from audio_enhance import ConfigurationError

from .interrupt import run
from .log import logged
from .options import PATH, engine_option
from .screen import error_console
from .service import extra_local, open_service
from .text import shown

if TYPE_CHECKING:
    from audio_enhance.local import Faults, LocalService

_KEPT_GB = 20.0

_EPILOG = """
\b
Examples:
  audio-enhance serve --port 8080
  audio-enhance serve --fault server_error=0.1 --fault cut_upload=0.1 --seed 7
  audio-enhance serve --s3-endpoint https://s3.example.com --s3-bucket audio

\b
Kinds of fault, each with a probability from 0 to 1:
  reset_before, reset_after  the connection is reset, before or after the
                             server acted
  server_error               a 5xx answer
  too_many_requests          429, although the limit is not reached
  slow_answer                the answer comes late
  garbled_answer             an answer of success whose body is not what was
                             asked for
  expired_url                a presigned URL is refused as expired
  expired_token              the same, because its session has ended
  truncated_download         a download ends half-way
  slow_download              a download is slow
  cut_upload                 an upload is cut half-way
  invalid_upload             an upload is found unacceptable
  failed_enhancement         an enhancement ends as failed
  ready_lag                  seconds, not a probability: how long an upload
                             takes to become ready
"""


@click.command(epilog=_EPILOG, short_help="Run the local service, for any client.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Default: any free one.")
@click.option(
    "--s3-port",
    type=click.IntRange(0, 65535),
    default=0,
    help="The object store's port. Default: any free one.",
)
@click.option(
    "--directory",
    type=PATH,
    metavar="DIR",
    help="Keep recordings and results in this folder. Default: a temporary one.",
)
@click.option(
    "--keep",
    "gigabytes",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help="Keep at most this much of recordings and results; the oldest are removed first. "
    "Default: 20, or no limit with --directory.",
)
@click.option("--s3-endpoint", metavar="URL", help="Use this S3 as the object store.")
@click.option("--s3-bucket", metavar="NAME", help="The bucket there. It must exist.")
@engine_option
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND=P",
    help="Let this go wrong with probability P. Repeat it for several kinds.",
)
@click.option("--seed", type=int, default=0, help="The seed of the random faults, to repeat them.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the environment as JSON on standard output."
)
def serve(
    host: str,
    port: int,
    s3_port: int,
    directory: Path | None,
    gigabytes: float | None,
    s3_endpoint: str | None,
    s3_bucket: str | None,
    engine: str | None,
    faults: tuple[str, ...],
    seed: int,
    as_json: bool,
) -> int:
    """Run a service that speaks the Enhance Speech API, until Ctrl-C.

    The service hands out tokens and presigned URLs, works on one enhancement at a time, limits
    rates, and really removes noise. It prints environment variables. Paste them into a shell,
    and programs there use it instead of the real API. --s3-endpoint takes its credentials from
    the usual AWS variables.
    """
    if (s3_endpoint is None) != (s3_bucket is None):
        raise click.UsageError("--s3-endpoint and --s3-bucket need each other.")

    arguments: dict[str, Any] = {
        "directory": directory,
        "gigabytes": gigabytes or (_KEPT_GB if directory is None else None),
        "host": host,
        "port": port,
        "s3_port": s3_port,
        "engine": engine,
        "faults": faults,
        "seed": seed,
        "s3": None if s3_endpoint is None else (s3_endpoint, s3_bucket),
    }

    async def served() -> int:
        console = error_console()
        async with _started(**arguments) as service:
            _announce(service, console, as_json=as_json)
            with (
                logged(console.print, verbose=False),
                suppress(asyncio.CancelledError),  # the way to end it
            ):
                await asyncio.Event().wait()
        return 0

    return run(served())


@asynccontextmanager
async def _started(
    *,
    faults: Sequence[str],
    seed: int,
    s3: tuple[str, str] | None,
    gigabytes: float | None,
    **arguments: Any,
) -> "AsyncGenerator[LocalService]":
    with extra_local():
        from botocore.exceptions import BotoCoreError, ClientError

        from audio_enhance.local import Behaviour, S3Store
    most = None if gigabytes is None else max(1, int(gigabytes * 1e9))
    arguments["behaviour"] = Behaviour(most_stored_bytes=most)
    try:
        if s3 is not None:
            arguments["object_store"] = S3Store(*s3)
        async with open_service(faults=_faults(faults, seed), **arguments) as service:
            yield service
    except (OSError, ValueError, BotoCoreError, ClientError) as error:
        raise ConfigurationError(f"The service cannot be started: {error}") from error


def _faults(given: Sequence[str], seed: int) -> "Faults":
    from audio_enhance.local import Fault, Faults

    kinds = {fault.value for fault in Fault}
    chosen: dict[str, Any] = {}
    for fault in given:
        kind, _, probability = fault.partition("=")
        try:
            if kind not in kinds:
                raise ValueError
            chosen[kind] = float(probability)
            Faults(**chosen)
        except ValueError:
            raise click.UsageError(
                f"--fault {shown(fault)}: give a kind and a probability from 0 to 1, such as "
                f"server_error=0.1. Kinds: {', '.join(sorted(kinds))}."
            ) from None
    return Faults(seed=seed, **chosen)


def _announce(service: "LocalService", console: Console, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(service.environment))
    console.print(Text(f"The local service listens at {service.base_url}", "bold"))
    console.print(f"Its object store is at {service.s3_url}\n", soft_wrap=True)
    if not as_json:
        console.print("To use it, paste these lines into another shell:\n")
        for name, value in service.environment.items():
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True)
        console.print()
    console.print("It speaks both versions of the API:\n")
    console.print(f"v1  {service.base_url}/audio_services/v1", soft_wrap=True)
    console.print(f"v2  {service.base_url}/api/v2\n", soft_wrap=True)
    console.print("Programs use v1, and v2 after this line:\n")
    console.print("export AUDIO_ENHANCE_API_VERSION=v2\n")
    console.print("Press Ctrl-C to stop it.")
