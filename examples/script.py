"""Enhance one recording: `python examples/script.py talk.mp3`."""

import asyncio
import sys

from audio_enhance import AudioEnhanceError, EnhanceClient


async def main(path: str) -> int:
    async with EnhanceClient.from_env() as client:
        try:
            result = await client.enhance(path, strength=93, output_dir="enhanced")
        except AudioEnhanceError as error:
            print(error, file=sys.stderr)
            return 1
    print(result.path)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(asyncio.run(main(sys.argv[1])))
