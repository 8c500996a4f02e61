"""Which recordings made the process that worked on them end, so that none does for ever."""

import hashlib
from collections import OrderedDict
from pathlib import Path

from audio_enhance.local.serving.threads import in_thread

from .errors import WorkerDiedError

# The first time it may have been the machine's fault: its memory was used up by others.
_TRIES = 2
_REMEMBERED = 1000


class Deaths:
    """Counts by content, since the same recording comes again under another name."""

    def __init__(self) -> None:
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    async def check(self, source: Path) -> None:
        """Let a recording pass unless enough processes have ended over it.

        Raises:
            WorkerDiedError: They have.
        """
        # Mostly nothing is known of any, and then nothing is read.
        if not self._counts:
            return
        digest = await in_thread(_digest, source)
        if digest is not None and self._counts.get(digest, 0) >= _TRIES:
            raise WorkerDiedError(
                f"The process that enhances ended in the middle of it {_TRIES} times; it is not"
                " tried again.",
                hint="Convert it to WAV with another program, or cut it into shorter ones.",
            )

    async def note(self, source: Path) -> None:
        """Count one more."""
        digest = await in_thread(_digest, source)
        if digest is None:
            return
        self._counts[digest] = self._counts.pop(digest, 0) + 1
        while len(self._counts) > _REMEMBERED:
            self._counts.popitem(last=False)


def _digest(source: Path) -> bytes | None:
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # whoever works on it will say so
        return None
