"""Enhance what is new in a folder, every night: `python examples/nightly.py recordings enhanced`.

Run it from a timer. The journal lets it skip what earlier nights did, and resume a night that was
interrupted.
"""

import asyncio
import sys
from contextlib import aclosing
from pathlib import Path

from audio_enhance import EnhanceClient, JournalLockedError


async def main(recordings: Path, enhanced: Path) -> int:
    failed = 0
    async with EnhanceClient.from_env() as client:
        outcomes = client.enhance_as_completed(
            recordings.rglob("*.mp3"),
            strength=93,
            output_dir=enhanced,
            journal=enhanced / ".audio-enhance.sqlite",
            root=recordings,
        )
        async with aclosing(outcomes):
            async for outcome in outcomes:
                if not outcome.ok:
                    failed += 1
                    print(outcome.error, file=sys.stderr)
                elif outcome.status == "succeeded":
                    print(outcome.path)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        sys.exit(asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]))))
    except JournalLockedError as error:
        sys.exit(f"Last night's run is not finished: {error}")
