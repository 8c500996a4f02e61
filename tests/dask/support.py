"""What the workers of the tests do, which they have to be able to import."""

import asyncio
import os
import signal
from pathlib import Path

import attrs

from audio_enhance.local.enhancer import Rehearsal


class Deadly(Rehearsal):
    """Kills the whole worker over some recordings, and takes a while over others."""

    async def enhance(
        self, source: Path, destination: Path, *, content_type: str, strength: int
    ) -> None:
        data = source.read_bytes()
        if data.startswith(b"kills"):
            os.kill(os.getpid(), signal.SIGKILL)
        if data.startswith(b"waits"):
            await asyncio.sleep(float(data.split()[1]))
        await super().enhance(source, destination, content_type=content_type, strength=strength)


@attrs.frozen
class Rehearse:
    """Makes the enhancer of a worker that touches no audio."""

    seconds: float = 0.0

    def __call__(self, threads: int) -> Deadly:
        return Deadly(seconds=self.seconds)
