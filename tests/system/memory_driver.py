"""A program that streams a long batch and says now and then how much memory its objects take."""

import asyncio
import gc
import json
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from audio_enhance import EnhanceClient, PollPolicy, RateLimits, Source
from audio_enhance._jobs import opened
from audio_enhance._session import endpoints as api
from tests.jobs.support import FastClock

# What is remembered of earlier uploads is bounded, but by more than this batch would reach.
opened._REMEMBERED = api._REMEMBERED = 64


async def recordings(pauses: dict[int, asyncio.Event]) -> AsyncIterator[Source]:
    """Make recordings as they are asked for, and pause after so many of them."""
    for n in range(max(pauses)):
        yield Source.from_bytes(f"ID3 number {n}".encode(), f"talk-{n}.mp3")
        if (pause := pauses.get(n + 1)) is not None:
            await pause.wait()


async def main(out: Path, marks: list[int]) -> dict[int, int]:
    """Return the bytes in use after so many jobs, while none is under way."""
    pauses = {mark: asyncio.Event() for mark in marks}
    used: dict[int, int] = {}
    clock = FastClock(60.0)  # a limit without bounds remembers all calls of a minute
    async with (
        EnhanceClient.from_env(
            limits=RateLimits(creations_per_minute=10**6, others_per_minute=10**6, clock=clock),
            polling=PollPolicy(shortest=0.05, longest=0.5),
            clock=clock,
        ) as client,
        aclosing(
            client.enhance_as_completed(recordings(pauses), strength=93, output_dir=out)
        ) as outcomes,
    ):
        done = 0
        async for outcome in outcomes:
            assert outcome.ok, outcome.error
            done += 1
            if done in pauses:
                gc.collect()
                used[done] = tracemalloc.get_traced_memory()[0]
                pauses[done].set()
    return used


if __name__ == "__main__":
    tracemalloc.start()
    sys.stdout.write(json.dumps(asyncio.run(main(Path(sys.argv[1]), json.loads(sys.argv[2])))))
