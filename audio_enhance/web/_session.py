"""What belongs to one browser, and how it is recognized again."""

import asyncio
import hashlib
import hmac
import re
import secrets
from collections import deque
from collections.abc import Iterator
from weakref import WeakValueDictionary

from ._recording import Recording

# Of what a page that lost its connection is told when it comes back; beyond, it is told all.
_REMEMBERED = 256
_NUMBER = re.compile(r"[0-9]{1,18}")


class Session:
    """The recordings of one browser.

    Every change gets a number, so that a page that was away can be told what it missed.

    Args:
        name: What its cookie calls it.

    Attributes:
        name: What its cookie calls it.
        recordings: By their id, in the order of their coming.
        revision: The number of the latest change.
        news: Set at the next change; another one every time.
        streams: How many pages listen.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.recordings: dict[str, Recording] = {}
        self.revision = 0
        self.news = asyncio.Event()
        self.streams = 0
        self._removed: deque[tuple[int, str]] = deque(maxlen=_REMEMBERED)
        # Numbers of another session, or of before a restart, mean nothing in this one.
        self._epoch = secrets.token_hex(4)

    def add(self, recording: Recording) -> None:
        """Take a recording in; it is told of with its next change."""
        self.recordings[recording.id] = recording

    def remove(self, recording: Recording) -> None:
        """Forget a recording."""
        del self.recordings[recording.id]
        self.revision += 1
        self._removed.append((self.revision, recording.id))
        self.wake()

    def changed(self, recording: Recording) -> None:
        """Number a change of one of its recordings."""
        self.revision += 1
        recording.revision = self.revision
        self.wake()

    def wake(self) -> None:
        """Make those who listen look."""
        news, self.news = self.news, asyncio.Event()
        news.set()

    def cursor(self, revision: int) -> str:
        """Return the name of a change, as an event stream's id."""
        return f"{self._epoch}-{revision}"

    def position(self, cursor: str | None) -> int | None:
        """Return the change that a page saw last, `None` where it has to be told everything."""
        epoch, _, number = (cursor or "").partition("-")
        if epoch != self._epoch or not _NUMBER.fullmatch(number):
            return None
        revision = int(number)
        forgotten = len(self._removed) == _REMEMBERED and revision < self._removed[0][0]
        return None if forgotten or revision > self.revision else revision

    def since(self, revision: int) -> Iterator[tuple[int, Recording | str]]:
        """Yield what changed after a revision: recordings, and the ids of those that are gone."""
        changes: list[tuple[int, Recording | str]] = [
            (recording.revision, recording)
            for recording in self.recordings.values()
            if recording.revision > revision
        ]
        changes += [(number, gone) for number, gone in self._removed if number > revision]
        yield from sorted(changes, key=lambda change: change[0])


class Sessions:
    """Finds the session of a cookie.

    A cookie is a random name and its signature, so that nothing need be remembered of those
    who only look. A session lives as long as a page listens or a recording is kept.

    Attributes:
        secret: What cookies are signed with.
    """

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(32)
        self._sessions: WeakValueDictionary[str, Session] = WeakValueDictionary()

    def new_cookie(self) -> str:
        """Return the cookie of a new session."""
        name = secrets.token_urlsafe(24)
        return f"{name}.{self._signature(name)}"

    def find(self, cookie: str | None) -> Session | None:
        """Return the session of a cookie, `None` if the cookie is not one of ours."""
        name, _, signature = (cookie or "").partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(name).encode()):
            return None
        return self.named(name)

    def named(self, name: str) -> Session:
        """Return the session of a name, which is one that `find` or an earlier start found."""
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(name)
        return session

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    def _signature(self, name: str) -> str:
        return hmac.new(self.secret, name.encode(), hashlib.sha256).hexdigest()
