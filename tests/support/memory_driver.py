"""Run as a program: enhances one file, and prints the memory before and at the most."""

import asyncio
import json
import re
import sys
from pathlib import Path

from audio_enhance import EnhanceClient


def memory(what: str) -> int:
    """Return a figure of proc(5), `status`, in bytes: `VmRSS` is now, `VmHWM` the most so far.

    Not getrusage(2), whose maximum a new program inherits from the one that started it.
    """
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


async def main(source: str, output_dir: str) -> None:
    async with EnhanceClient.from_env() as client:
        idle = memory("VmRSS")
        result = await client.enhance(source, strength=93, output_dir=output_dir)
        told = {"path": str(result.path), "idle": idle, "peak": memory("VmHWM")}
        sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
