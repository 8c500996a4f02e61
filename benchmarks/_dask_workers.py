"""Many Dask workers in one process, for enhancements that only take their time."""

import asyncio
import sys
from typing import Any

import attrs
from distributed import Worker

from audio_enhance.local.enhancer import Rehearsal


@attrs.frozen
class Takes:
    """Makes an enhancer that takes so many seconds for whatever it gets."""

    seconds: float

    def __call__(self, threads: int) -> Rehearsal:  # noqa: ARG002 - it uses none
        return Rehearsal(seconds=self.seconds)


async def main(address: str, count: int) -> None:
    make: Any = Worker  # Dask's classes have no types
    workers = [make(address, nthreads=1, memory_limit=0, dashboard=False) for _ in range(count)]
    await asyncio.gather(*workers)
    await asyncio.gather(*(worker.finished() for worker in workers))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
