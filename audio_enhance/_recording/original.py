"""What a source is made of: its content, read and hashed once for all the jobs that need it."""

import asyncio
from functools import partial
from threading import Event

from audio_enhance._core.cancellation import in_thread, to_its_end
from audio_enhance._core.located import locating
from audio_enhance._core.per_loop import PerLoop

from .content import Content
from .fingerprint import Fingerprint
from .seen import Seen


class Original:
    """The bytes of a source, as the package uses them.

    Attributes:
        content: Where they are.
        known: Their fingerprint, once they were hashed.
    """

    __slots__ = ("_hashing", "_holders", "content", "known")

    def __init__(self, content: Content) -> None:
        self.content = content
        self.known: Fingerprint | None = None
        self._hashing: PerLoop[asyncio.Lock] | None = None
        self._holders = 0

    async def fingerprint(self, label: str) -> Fingerprint:
        """Return their fingerprint; `Source.fingerprint` says more.

        Args:
            label: What errors call them.
        """
        if self._hashing is None:
            self._hashing = PerLoop(asyncio.Lock)
        async with self._hashing.here:
            if self.known is None:
                hashed = self.content.fingerprint
                quick = self.content.quick
                with locating(source=label):
                    self.known = hashed(Event()) if quick else await in_thread(hashed)
            return self.known

    def forget(self) -> None:
        """Read them once more at their next use: they are not what they were."""
        self.known = None
        self.content.release()

    def hold(self) -> None:
        """Take note of a job that needs them."""
        self._holders += 1

    def let_go(self) -> None:
        """Take note of the end of such a job; what can be made again is given up with the last."""
        self._holders -= 1
        if not self._holders:
            self.content.release()

    async def look(self) -> Seen | None:
        """Return their length and version where they lie now, `None` if nothing is there.

        For those that lie somewhere: with a path or a URL.

        Raises:
            InvalidSourceError: They cannot be looked at.
            ConnectionFailedError: The network to it is away.
        """
        return await to_its_end(self.content.look)

    async def read(self, expected: Fingerprint, start: int, stop: int) -> bytes:
        """Return some of them, read off the event loop; fewer where they end before."""
        return await to_its_end(partial(self._read, expected, start, stop))

    def _read(self, expected: Fingerprint, start: int, stop: int) -> bytes:
        with self.content.open(expected) as reader:
            reader.seek(start)
            parts: list[bytes] = []
            while (missing := stop - start) > 0 and (part := reader.read(missing)):
                parts.append(part)  # one call reads 2 GiB at the most
                start += len(part)
            return b"".join(parts)
