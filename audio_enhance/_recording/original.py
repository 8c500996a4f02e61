"""What a source is made of: its content, read and hashed once for all the jobs that need it."""

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Event, Lock

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

    async def fingerprint(
        self, label: str, then: Callable[[Fingerprint], None] | None = None
    ) -> Fingerprint:
        """Return their fingerprint; `Source.fingerprint` says more.

        Args:
            label: What errors call them.
            then: Short work that may block, once it is known: in the thread that hashes, if one
                does. Another costs more than hashing a short recording. Its end is waited for
                even when the caller is cancelled, and that of hashing is not.
        """
        if self._hashing is None:
            self._hashing = PerLoop(asyncio.Lock)
        with locating(source=label):
            async with self._hashing.here:
                if self.known is None and not self.content.quick:
                    return await self._hashed_aside(then)
                known = self.known = self.known or self.content.fingerprint(Event())
            if then is not None:
                await to_its_end(partial(then, known))
            return known  # which another job may have found to be out of date meanwhile

    async def _hashed_aside(self, then: Callable[[Fingerprint], None] | None) -> Fingerprint:
        following = Lock()  # held while it does what follows
        try:
            return await in_thread(partial(self._hashed, then, following))
        except asyncio.CancelledError:
            if following.locked():
                await to_its_end(following.acquire)
            raise

    def _hashed(
        self, then: Callable[[Fingerprint], None] | None, following: Lock, cancelled: Event
    ) -> Fingerprint:
        known = self.content.fingerprint(cancelled)
        if not self._holders and self.content.quick:
            self.content.release()  # no job needs it, or none does any more
        with following:
            if not cancelled.is_set():  # or it need not be whole
                self.known = known
                if then is not None:
                    then(known)
        return known

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
