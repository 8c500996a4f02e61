"""Who listens to what happens, and who makes room where too many do."""

import attrs

from ._problems import Problem
from ._session import Session


@attrs.define(eq=False)
class Listening:
    """One page that listens.

    Attributes:
        session: Whose it is.
        over: Whether it has to make room for another one.
    """

    session: Session
    over: bool = False


class Streams:
    """Counts the pages that listen.

    Anybody gets a session for the asking, so that bounds for each session bound nobody who asks
    often. Where there are too many in all, the oldest page of a session without recordings makes
    room: browsers come again by themselves, and whoever has a recording here hears of it.

    Args:
        most: How many there may be in all.
        most_each: How many there may be of one session.
    """

    def __init__(self, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._listening: dict[Listening, None] = {}  # in the order of their coming

    def join(self, session: Session) -> Listening:
        """Count a page that begins to listen.

        Raises:
            Problem: Too many do.
        """
        if session.streams >= self._most_each:
            raise Problem(
                429,
                "pages",
                "This page is open too many times.",
                hint="Close some of them.",
                retry_after=5.0,
            )
        if len(self._listening) >= self._most:
            self._make_room()
        listening = Listening(session)
        self._listening[listening] = None
        session.streams += 1
        return listening

    def leave(self, listening: Listening) -> None:
        """Count a page that stopped listening."""
        self._listening.pop(listening, None)
        listening.session.streams -= 1

    def _make_room(self) -> None:
        idle = next((each for each in self._listening if not each.session.recordings), None)
        if idle is None:
            raise Problem(503, "busy", "Too many pages are open.", retry_after=5.0)
        del self._listening[idle]
        idle.over = True
        idle.session.wake()
