"""Which recordings made the process that worked on them end, so that none does it twice."""

import hashlib
from collections import OrderedDict
from pathlib import Path

from audio_enhance.local.serving.threads import in_thread

from .errors import WorkerDiedError

_REMEMBERED = 1000


class Deaths:
    """Remembers contents, since the same recording comes again under another name."""

    def __init__(self) -> None:
        self._causes: OrderedDict[bytes, WorkerDiedError] = OrderedDict()

    async def check(self, source: Path) -> None:
        """Let a recording pass unless a process has ended over it.

        Raises:
            WorkerDiedError: One has.
        """
        # Mostly nothing is known of any, and then nothing is read.
        if not self._causes:
            return
        digest = await in_thread(_digest, source)
        cause = None if digest is None else self._causes.get(digest)
        if cause is not None:
            raise WorkerDiedError(f"{cause.message} It is not tried again.", hint=cause.hint)

    async def note(self, source: Path, cause: WorkerDiedError) -> None:
        """Remember one, and how the process ended."""
        digest = await in_thread(_digest, source)
        if digest is None:
            return
        self._causes[digest] = cause
        while len(self._causes) > _REMEMBERED:
            self._causes.popitem(last=False)


def _digest(source: Path) -> bytes | None:
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # whoever works on it will say so
        return None
