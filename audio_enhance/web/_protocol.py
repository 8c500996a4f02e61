"""HTTP on a connection, for browsers that may never send the rest of what they began."""

import asyncio
import sys
from operator import itemgetter
from typing import ClassVar, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

if sys.platform != "win32":
    import resource


def _share_of_files() -> int:
    """Return a quarter of the files and connections that this process may have open."""
    most = 1024
    if sys.platform != "win32":
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = 4096 if soft == resource.RLIM_INFINITY else soft
    return max(16, min(most, 4096) // 4)


class PatientProtocol(H11Protocol):
    """Uvicorn's own, which by itself waits for the rest of a request for ever.

    A request's head has to be here so many seconds after its first byte, or after the
    connection; its body may pause as long as the application takes no more of it, and otherwise
    not for long. Of the connections that owe a head, the oldest go when there are too many. Many
    browsers may connect at the same moment, so a head that is here already is read first.

    Attributes:
        head_since: When it began to wait for a head, in the loop's time; `None` when it does not.
    """

    HEAD_SECONDS: ClassVar[float] = 15.0
    # Longer than `Limits.arrival_seconds`, whose answer says more.
    BODY_SECONDS: ClassVar[float] = 60.0
    MOST_HEADS: ClassVar[int] = _share_of_files()

    _timer: asyncio.TimerHandle | None = None
    head_since: float | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)  # type: ignore[arg-type]  # uvicorn says Transport
        self._wait()
        # The loop reads what has come already in the round after this one.
        self.loop.call_soon(self.loop.call_soon, self._make_room)

    def data_received(self, data: bytes) -> None:
        """Take some in, and wait for what is missing."""
        super().data_received(data)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing more."""
        self._stop()
        super().connection_lost(exc)

    def _make_room(self) -> None:
        everybody = cast("set[object]", self.connections)  # of any of uvicorn's protocols
        owing = [
            (each.head_since, each)
            for each in everybody
            if isinstance(each, PatientProtocol) and each.head_since is not None
        ]
        for _, each in sorted(owing, key=itemgetter(0))[: -self.MOST_HEADS]:
            each.transport.abort()

    def _wait(self) -> None:
        owed = self.conn.their_state
        if owed is h11.IDLE and self.head_since is not None:
            return  # since its first byte, not since the latest
        self._stop()
        if owed is h11.IDLE:
            self.head_since = self.loop.time()
            self._timer = self.loop.call_later(self.HEAD_SECONDS, self._too_late)
        elif owed is h11.SEND_BODY:
            self._timer = self.loop.call_later(self.BODY_SECONDS, self._too_late)

    def _stop(self) -> None:
        self.head_since = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        if self.conn.their_state is h11.SEND_BODY and self.flow.read_paused:
            self._wait()  # it is the application that takes its time
        else:
            self.transport.abort()
