"""`audio-enhance serve`: the local service, for any client."""

# botocore has no types.
# pyright: reportUnknownVariableType=false

import asyncio
import json
import logging
import os
import shlex
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.text import Text

from audio_enhance import ConfigurationError
from audio_enhance.cli.display.log import log_to, logged
from audio_enhance.cli.display.screen import error_console
from audio_enhance.cli.display.text import shown
from audio_enhance.cli.execution.service import extra_local, open_service
from audio_enhance.cli.input.options import PATH, cluster_option, engine_option
from audio_enhance.cli.interrupt import run

from .command import run_command

if TYPE_CHECKING:
    from audio_enhance.local import Faults, LocalService

_KEPT_GB = 20.0
_ID, _SECRET = "FIREFLY_SERVICES_CLIENT_ID", "FIREFLY_SERVICES_CLIENT_SECRET"
_TOKEN = "FIREFLY_SERVICES_ACCESS_TOKEN"  # noqa: S105  the name of a variable

_EPILOG = """
\b
Examples:
  audio-enhance serve --port 8080
  audio-enhance serve --directory service --keep 24
  audio-enhance serve --fault server_error=0.1 --fault cut_upload=0.1 --seed 7
  audio-enhance serve --s3-endpoint https://s3.example.com --s3-bucket audio
  audio-enhance serve -- python my_program.py

\b
Kinds of fault, each with a probability from 0 to 1:
  reset_before, reset_after  the connection is reset, before or after the
                             server acted
  server_error               a 5xx answer
  too_many_requests          429, although the limit is not reached
  slow_answer                the answer comes late
  garbled_answer             a successful answer whose body is not what was
                             asked for
  expired_url                a presigned URL is refused as expired
  expired_token              the same, because its session has ended
  truncated_download         a download ends half-way
  slow_download              a download is slow
  cut_upload                 an upload is cut half-way
  invalid_upload             the service does not accept an upload
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
    help="Keep everything in this folder; the next start with it goes on where this one ended. "
    "Default: a temporary folder.",
)
@click.option(
    "--keep",
    "hours",
    type=click.FloatRange(0, min_open=True),
    metavar="HOURS",
    help="Remove recordings and results that nobody has used for this long. Default: no limit.",
)
@click.option(
    "--max-gb",
    "gigabytes",
    type=click.FloatRange(0, min_open=True),
    metavar="GB",
    help="Keep at most this much of recordings and results; the oldest are removed first. "
    "Default: 20, or no limit with --directory.",
)
@click.option("--s3-endpoint", metavar="URL", help="Use this S3 as the object store.")
@click.option("--s3-bucket", metavar="NAME", help="The bucket there. It must exist.")
@engine_option
@cluster_option
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND=P",
    help="Let this go wrong with probability P. Repeat it for several kinds.",
)
@click.option("--seed", type=int, default=0, help="The seed of the random faults, to repeat them.")
@click.option(
    "--client-id",
    metavar="ID",
    help=f"The API client's id. Default: {_ID} in the environment, or a new one.",
)
@click.option(
    "--client-secret",
    metavar="SECRET",
    help=f"Its secret. Better put it into the environment as {_SECRET}: other users of this "
    "computer can see arguments.",
)
@click.option("--log-requests", is_flag=True, help="Print a line for each request.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the environment as JSON on standard output."
)
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def serve(
    host: str,
    port: int,
    s3_port: int,
    directory: Path | None,
    hours: float | None,
    gigabytes: float | None,
    s3_endpoint: str | None,
    s3_bucket: str | None,
    engine: str | None,
    cluster: str | None,
    faults: tuple[str, ...],
    seed: int,
    client_id: str | None,
    client_secret: str | None,
    log_requests: bool,
    as_json: bool,
    command: tuple[str, ...],
) -> int:
    """Run a service that speaks the Enhance Speech API, until Ctrl-C.

    The service hands out tokens and presigned URLs, works on one enhancement at a time, limits
    rates, and really removes noise. It prints environment variables. Paste them into a shell,
    and programs there use it instead of the real API. --s3-endpoint takes its credentials from
    the usual AWS variables.

    With a COMMAND after --, it starts that command with these variables in its environment, and
    ends when the command does, with the same exit status.
    """
    if (s3_endpoint is None) != (s3_bucket is None):
        raise click.UsageError("Use --s3-endpoint and --s3-bucket together.")
    if command and as_json:
        raise click.UsageError("--json is not for a COMMAND, which has standard output to itself.")

    arguments: dict[str, Any] = {
        "directory": directory,
        "hours": hours,
        "gigabytes": gigabytes or (_KEPT_GB if directory is None else None),
        "host": host,
        "port": port,
        "s3_port": s3_port,
        "engine": engine,
        "cluster": cluster,
        "faults": faults,
        "seed": seed,
        "s3": None if s3_endpoint is None else (s3_endpoint, s3_bucket),
        "quietly": bool(command),
    }
    given = _credentials(client_id, client_secret)
    arguments |= given

    async def served() -> int:
        console = error_console()
        with logged(log_to(console), verbose=False), _requests_logged(when=log_requests):
            async with _started(**arguments) as service:
                if command:
                    return await run_command(command, _environment(service))
                _announce(service, console, as_json=as_json, secret=not given)
                with suppress(asyncio.CancelledError):  # the way to end it
                    await asyncio.Event().wait()
        return 0

    return run(served())


def _credentials(client_id: str | None, secret: str | None) -> dict[str, str]:
    """Return the credentials that the service is to have, if somebody has chosen them."""
    if (client_id is None) != (secret is None) and not (client_id and os.environ.get(_SECRET)):
        raise click.UsageError(
            f"Give --client-id together with --client-secret (or {_SECRET} in the environment)."
        )
    client_id = client_id or os.environ.get(_ID, "").strip()
    secret = secret or os.environ.get(_SECRET, "").strip()
    # An id alone belongs to an access token of the real API.
    return {"client_id": client_id, "client_secret": secret} if client_id and secret else {}


def _environment(service: "LocalService") -> dict[str, str]:
    """Return the environment of a command that is to use the service, and nothing else."""
    ours = {name: value for name, value in os.environ.items() if name != _TOKEN}
    return ours | service.environment


@contextmanager
def _requests_logged(*, when: bool) -> Generator[None]:
    """Print a line for each request, as it is: a person may well pipe them to another program."""
    if not when:
        yield
        return
    with extra_local():
        from audio_enhance.local.conditions.request_log import NAME
    log, handler = logging.getLogger(NAME), logging.StreamHandler()
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


@asynccontextmanager
async def _started(
    *,
    faults: Sequence[str],
    seed: int,
    s3: tuple[str, str] | None,
    hours: float | None,
    gigabytes: float | None,
    **arguments: Any,
) -> "AsyncGenerator[LocalService]":
    with extra_local():
        from botocore.exceptions import BotoCoreError, ClientError

        from audio_enhance.local import Behaviour, S3Store
    most = None if gigabytes is None else max(1, int(gigabytes * 1e9))
    kept = None if hours is None else hours * 3600.0
    arguments["behaviour"] = Behaviour(most_stored_bytes=most, kept_seconds=kept)
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


def _announce(service: "LocalService", console: Console, *, as_json: bool, secret: bool) -> None:
    # A secret that somebody has given is theirs, and may be the real API's.
    environment = {
        name: value for name, value in service.environment.items() if secret or name != _SECRET
    }
    if as_json:
        click.echo(json.dumps(environment))
    console.print(Text(f"The local service listens at {service.base_url}", "bold"))
    console.print(f"Its object store is at {service.s3_url}\n", soft_wrap=True)
    if not as_json:
        console.print("To use it, paste these lines into another shell:\n")
        for name, value in environment.items():
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True)
        console.print()
    console.print("It speaks both versions of the API:\n")
    console.print(f"v1  {service.base_url}/audio_services/v1", soft_wrap=True)
    console.print(f"v2  {service.base_url}/api/v2\n", soft_wrap=True)
    console.print("Programs use v1, and v2 after this line:\n")
    console.print("export AUDIO_ENHANCE_API_VERSION=v2\n")
    console.print("Press Ctrl-C to stop it.")
