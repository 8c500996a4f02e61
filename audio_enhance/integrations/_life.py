"""The client of an application, and its kept jobs where it has some, for as long as it runs."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from audio_enhance import EnhanceClient

from .kept import KeptJobs

_DRAIN = 30.0


@asynccontextmanager
async def client_and_jobs(
    make_client: Callable[[], EnhanceClient], drain: float | None, keep_in: str | Path | None
) -> AsyncGenerator[tuple[EnhanceClient, KeptJobs | None]]:
    """Open a client, with kept jobs if there is a folder for them."""
    if keep_in is not None:
        async with KeptJobs(make_client, keep_in, drain=drain or 0.0) as jobs:
            yield jobs.client, jobs
        return
    async with make_client() as client:
        yield client, None
        await client.drain(_DRAIN if drain is None else drain)
