"""How far a batch is: events and outcomes in, what is to be shown of them out."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import attrs

from audio_enhance import (
    Clock,
    Downloading,
    Event,
    Finished,
    Hashing,
    Outcome,
    Processing,
    Queued,
    Retrying,
    Submitted,
    Uploading,
)
from audio_enhance.cli.pacing.pace import Pace
from audio_enhance.cli.pacing.rates import Rates

_Key = tuple[str, int]


@attrs.frozen
class Transfer:
    """Bytes under way.

    Attributes:
        verb: What is done with them.
        name: The recording's name.
        moved: How many bytes were sent or received.
        total: How many there are, where that is known.
        rate: Bytes per second since its beginning.
    """

    verb: Literal["upload", "download"]
    name: str
    moved: int
    total: int | None
    rate: float


@attrs.frozen
class Retry:
    """A request that failed and will be made again.

    Attributes:
        name: The recording's name.
        reason: Why it failed.
        seconds: Until it is made again.
    """

    name: str
    reason: str
    seconds: float


@attrs.frozen
class Server:
    """What the server is expected to be at.

    Attributes:
        name: The recording's name; empty when the server has nothing of ours to do.
        seconds: Until it is probably finished, where that is known.
        share: How much of the recording is enhanced, 0 to 1, where that is known.
    """

    name: str = ""
    seconds: float | None = None
    share: float | None = None


@attrs.frozen(kw_only=True)
class Snapshot:
    """A batch at one moment.

    Attributes:
        done: Results that are there, those of earlier runs included.
        skipped: How many of them were there before.
        failed: Those that came to nothing.
        left: Those without an outcome.
        seconds_left: Until all of them have one, from the pace so far; `None` before the first.
        server: What the server is doing.
        reading: The name of a recording whose checksum is computed, empty if there is none.
        transfers: Uploads and downloads under way.
        retries: Requests that wait to be made again, the next one first.
        audio_done: How many seconds the recordings with an outcome last, about.
        audio_total: How many seconds all of them last, about.
        audio_known: Whether these two are told by recordings, and are no mere guess.
    """

    done: int
    skipped: int
    failed: int
    left: int
    seconds_left: float | None
    server: Server
    reading: str
    transfers: list[Transfer]
    retries: list[Retry]
    audio_done: float = 0.0
    audio_total: float = 0.0
    audio_known: bool = False


@attrs.define
class _Moving:
    verb: Literal["upload", "download"]
    moved: int
    total: int | None
    since: float


class Progress:
    """Collects what happens; the event loop writes it, another thread may read it.

    Args:
        jobs: Every source and strength of the batch.
        sizes: The sources' lengths in bytes.
        clock: What tells the time.

    Attributes:
        share_done: Returns which share of an enhancement is done, by its id; a local service's.
    """

    def __init__(self, jobs: Iterable[_Key], sizes: Mapping[str, int], clock: Clock) -> None:
        self._sizes = dict(sizes)
        self._clock = clock
        self._lock = threading.Lock()
        self.share_done: Callable[[str], float | None] | None = None
        self._rates = Rates()
        # By ending, since what a byte is worth is learned as results come.
        self._left, self._bytes_left, self._bytes = 0, Counter[str](), Counter[str]()
        for source, _ in jobs:
            self._count(source, 1)
        self._bytes.update(self._bytes_left)
        self._done = self._skipped = self._failed = 0
        self._moving: dict[_Key, _Moving] = {}
        self._reading: dict[_Key, None] = {}  # in the order in which they were begun
        self._head: tuple[_Key, float | None, str | None] | None = None
        self._retries: dict[_Key, tuple[str, float]] = {}
        self._pace = Pace()

    def expect(self, source: str, size: int, results: int) -> None:
        """Take in that there is one more source than was known.

        Args:
            source: Its name.
            size: Its length in bytes.
            results: How many results it will have.
        """
        with self._lock:
            self._sizes[source] = size
            self._count(source, results)
            self._bytes[Path(source).suffix] += results * self._size(source)

    def withdraw(self, source: str, results: int) -> None:
        """Take in that a source will not have so many results, for now."""
        with self._lock:
            self._count(source, -results)
            self._bytes[Path(source).suffix] -= results * self._size(source)

    def on_event(self, event: Event) -> None:
        """Take in what happens to a job."""
        with self._lock:
            self._take(event, (event.source, event.strength), self._clock.monotonic())

    def ended(self, outcome: Outcome) -> None:
        """Take in what became of a source at a strength."""
        with self._lock:
            self._done += outcome.ok
            self._skipped += outcome.status == "skipped"
            self._failed += not outcome.ok
            self._count(outcome.name, -1)
            if not self._left:  # which is no slowness of what comes later, if anything does
                self._pace.stop(self._clock.monotonic())

    def lasts(self, name: str, seconds: float) -> None:
        """Take in how long a recording lasts, which tells of others like it."""
        with self._lock:
            self._rates.learn(name, self._size(name), seconds)

    def snapshot(self) -> Snapshot:
        """Return how far everything is now."""
        with self._lock:
            now = self._clock.monotonic()
            retries = [
                Retry(Path(source).name, reason, until - now)
                for (source, _), (reason, until) in self._retries.items()
                if until > now
            ]
            return Snapshot(
                done=self._done,
                skipped=self._skipped,
                failed=self._failed,
                left=self._left,
                seconds_left=self._seconds_left(now),
                server=self._server(now),
                reading=next((Path(source).name for source, _ in self._reading), ""),
                transfers=self._transfers(now),
                retries=sorted(retries, key=lambda retry: retry.seconds),
                audio_done=self._audio(self._bytes - self._bytes_left),
                audio_total=self._audio(self._bytes),
                audio_known=all(
                    self._rates.knows(f"_{ending}") for ending, size in self._bytes.items() if size
                ),
            )

    def _seconds_left(self, now: float) -> float | None:
        audio = self._audio(self._bytes_left)
        until = None if self._head is None else self._head[1]
        head = None if until is None else until - now
        return self._pace.seconds_left(now, self._left, audio, head)

    def _audio(self, sizes: Counter[str]) -> float:
        """Return how many seconds of audio so many bytes of each ending are, about."""
        return sum(
            self._rates.seconds(f"_{ending}", size) for ending, size in sizes.items() if size > 0
        )

    def _take(self, event: Event, key: _Key, now: float) -> None:
        if not isinstance(event, Retrying):
            self._retries.pop(key, None)
            self._reading.pop(key, None)
        if not isinstance(event, Retrying | Hashing | Queued):
            self._pace.go_on(now)
        match event:
            case Hashing():
                self._reading[key] = None
            case Uploading() if event.sent < event.total:
                self._move(key, "upload", event.sent, event.total, now)
            case Uploading():
                self._moving.pop(key, None)
            case Submitted():
                self._moving.pop(key, None)
                self._pace.begin(now)
            case Processing():
                until = None
                if event.expected_end is not None:
                    wait = event.expected_end - datetime.fromtimestamp(self._clock.time(), UTC)
                    until = now + wait.total_seconds()
                self._head = key, until, event.enhancement_id
            case Downloading():
                moving = self._moving.get(key)
                if moving is None or moving.verb == "upload":
                    length = self._rates.seconds(event.source, self._size(event.source))
                    self._pace.result(now, length)
                self._leave_head(key)
                self._move(key, "download", event.received, event.total, now)
            case Retrying():
                self._pace.stop(now)
                self._retries[key] = event.error.message, now + event.wait
            case Finished():
                self._moving.pop(key, None)
                self._leave_head(key)
            case _:
                pass

    def _move(
        self,
        key: _Key,
        verb: Literal["upload", "download"],
        moved: int,
        total: int | None,
        now: float,
    ) -> None:
        moving = self._moving.get(key)
        if moving is None or moving.verb != verb or moved < moving.moved:  # begun, or begun anew
            self._moving[key] = _Moving(verb, moved, total, now)
        else:
            moving.moved, moving.total = moved, total

    def _count(self, source: str, results: int) -> None:
        self._left += results
        self._bytes_left[Path(source).suffix] += results * self._size(source)

    def _leave_head(self, key: _Key) -> None:
        if self._head is not None and self._head[0] == key:
            self._head = None

    def _size(self, source: str) -> int:
        return max(1, self._sizes.get(source, 1))

    def _transfers(self, now: float) -> list[Transfer]:
        # Several strengths of one recording share its upload: one line for it.
        shown: dict[object, Transfer] = {}
        for key, moving in self._moving.items():
            rate = moving.moved / max(now - moving.since, 0.1)
            transfer = Transfer(moving.verb, Path(key[0]).name, moving.moved, moving.total, rate)
            shown[key[0] if moving.verb == "upload" else key] = transfer
        return sorted(shown.values(), key=lambda transfer: transfer.verb)

    def _server(self, now: float) -> Server:
        if self._head is None:
            return Server()
        (source, _), until, enhancement_id = self._head
        share = self.share_done(enhancement_id) if self.share_done and enhancement_id else None
        seconds = None if until is None else max(0.0, until - now)
        return Server(Path(source).name, seconds, share)
