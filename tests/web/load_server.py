"""The application and its service in a process of their own; prints the address."""

import asyncio
import socket
import sys

from audio_enhance import EnhanceClient, RateLimits
from audio_enhance.local import Behaviour, LocalService
from audio_enhance.local.enhancer import Rehearsal
from audio_enhance.web import create_app
from audio_enhance.web._serving import listening

PLENTY = 1_000_000


async def main() -> None:
    """Serve until standard input ends."""
    behaviour = Behaviour(creations_per_minute=PLENTY, others_per_minute=PLENTY)
    async with (
        LocalService(enhancer=Rehearsal(seconds=0.01), behaviour=behaviour) as service,
        EnhanceClient(
            service.credentials,
            base_url=service.base_url,
            limits=RateLimits(creations_per_minute=PLENTY, others_per_minute=PLENTY),
        ) as client,
    ):
        with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
            async with listening(create_app(client), listener):
                print(f"http://127.0.0.1:{listener.getsockname()[1]}/", flush=True)  # noqa: T201
                await asyncio.to_thread(sys.stdin.read)


asyncio.run(main())
