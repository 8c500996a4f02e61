"""Run as a program: enhances one file, and prints how much memory that took beyond the idle client."""

import asyncio
import json
import resource
import sys
from pathlib import Path

from audio_enhance import EnhanceClient


def resident() -> int:
    """The bytes that are in memory now (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


async def main(source: str, output_dir: str) -> None:
    async with EnhanceClient.from_env() as client:
        idle = resident()
        result = await client.enhance(source, strength=93, output_dir=output_dir)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        print(json.dumps({"path": str(result.path), "idle": idle, "peak": peak}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
