"""A program that enhances a folder with a journal, to be killed at any moment and run again."""

import asyncio
import os
import sys
from pathlib import Path

from audio_enhance import EnhanceClient, PollPolicy, RateLimits, RetryPolicy


async def main(sources: Path, out: Path, journal: Path) -> int:
    """Enhance whatever is in the folder; the status says whether everything is there."""
    async with EnhanceClient.from_env(
        limits=RateLimits(creations_per_minute=10**6, others_per_minute=10**6),
        polling=PollPolicy(shortest=0.01, longest=0.05),
        retry=RetryPolicy(longest_wait=0.01),
    ) as client:
        report = await client.enhance_batch(
            sorted(sources.rglob("*.mp3")),
            strength=[int(strength) for strength in os.environ["STRENGTHS"].split()],
            output_dir=out,
            journal=journal,
            delete_assets="DELETE" in os.environ,
        )
    for outcome in report.failed:
        sys.stderr.write(f"{outcome.error}\n")
    return 0 if report.ok else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main(*map(Path, sys.argv[1:4]))))
