"""Everything that is under way in the application, and who may add to it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from audio_enhance import (
    AudioEnhanceError,
    EnhanceClient,
    InvalidInputError,
    Source,
    safe_name,
)

from ._admission import Admission, recognised
from ._archive import Archive
from ._jobs import Jobs
from ._kept import Kept
from ._limits import Limits
from ._line import Line
from ._measuring import Measuring
from ._problems import Problem, left, not_found
from ._progress import Progress
from ._recording import Recording, Stage
from ._session import Session, Sessions
from ._shelf import Shelf
from ._space import Space
from ._streams import Listening, Streams
from ._turns import Turns

_MOST_STREAMS = 512
# What arrives is told what it is when all of it is here.
_OF_ANY_KIND = "application/octet-stream"


class Studio:
    """Takes recordings in, has them enhanced, and lets go of them.

    Attributes:
        limits: How much it takes.
        sessions: Who they belong to.
        shelf: Where they are kept.
        measuring: What measures them.
        jobs: What has them enhanced.
        space: What they take of the disks.
        service: The host of what does the enhancing, or `"local"` for a service of our own;
            `None` where the application was given a client and cannot tell.
        engine: What a service of our own enhances with, in words; else `None`.
        sample: A recording to try the application with, an MP3; `None` where there is none.
        closing: Whether it is about to end.
    """

    def __init__(self, limits: Limits, shelf: Shelf, measuring: Measuring) -> None:
        self.limits = limits
        self.sessions = Sessions()
        self.shelf = shelf
        self.measuring = measuring
        self.service: str | None = None
        self.engine: str | None = None
        self.sample: bytes | None = None
        self.closing = False
        self.jobs = Jobs()
        self._owners: dict[Recording, Session] = {}
        self.space = Space(limits.kept_bytes, self._owners.keys())
        self._line = Line(lambda recording: self._owners[recording].changed(recording))
        self._turns = Turns(limits.uploads)
        self._admission = Admission(limits, self.space, self._turns, self._owners.keys())
        self._progress = Progress(self._owners.keys(), self._got_on)
        self.archive = Archive(shelf, measuring, self._owners)
        self._streams = Streams(_MOST_STREAMS, limits.pages)
        self._arrivals: dict[Recording, asyncio.Task[None]] = {}
        self._timers: dict[Recording | Session, asyncio.TimerHandle] = {}

    @property
    def client(self) -> EnhanceClient:
        """The client that does the work; it is there while the application's lifespan runs."""
        return self.jobs.client

    # Coming in

    def announce(
        self, session: Session, identifier: str, name: str, byte_size: int, strength: int
    ) -> Recording:
        """Make room for a recording that is about to arrive; the same again changes nothing.

        Raises:
            Problem: It cannot be taken, or not now.
        """
        if identifier in session.recordings:
            return session.recordings[identifier]
        name = safe_name(name)
        self.client.check_strength(strength)
        self._admission.check_kind(name, byte_size)
        self._check_number(session)
        self._admission.check_space(byte_size)
        self._admission.check_room(self.client)
        return self._add(session, self._recording(identifier, name, strength, Kept(byte_size)))

    def _check_number(self, session: Session) -> None:
        if self.closing:
            raise Problem(503, "away", "The application is being stopped.", retry_after=5.0)
        self._admission.check_number(session)

    async def receive(self, recording: Recording, chunks: AsyncIterator[bytes]) -> None:
        """Take the bytes of an announced recording, and begin to enhance it.

        Raises:
            Problem: They are not what was announced, come too slowly, or it was cancelled.
        """
        if recording.stage is Stage.RECEIVING:
            raise Problem(409, "arriving", "It is being sent already.", retry_after=1.0)
        if recording.stage is not Stage.EXPECTED:
            return  # the answer to an earlier request got lost
        recording.move(Stage.RECEIVING)
        arrival = asyncio.ensure_future(self._receive(recording, chunks))
        self._arrivals[recording] = arrival
        try:
            await asyncio.wait([arrival])
        finally:
            del self._arrivals[recording]
            arrival.cancel()
            await asyncio.wait([arrival])
            recording.cut_off()
        if arrival.cancelled():
            raise Problem(409, "cancelled", "It was cancelled.")
        arrival.result()

    async def _receive(self, recording: Recording, chunks: AsyncIterator[bytes]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        seconds = self.limits.arrival_seconds

        async def counted() -> AsyncIterator[bytes]:
            async for chunk in chunks:
                patience.reschedule(loop.time() + seconds)
                recording.arrived(len(chunk))
                yield chunk

        try:
            async with asyncio.timeout(seconds) as patience:
                source = await Source.spool(
                    counted(),
                    recording.name,
                    content_type=_OF_ANY_KIND,
                    check_type=False,
                    max_bytes=recording.byte_size,
                    keep_in=self.shelf.folder,
                )
        except TimeoutError:
            raise Problem(503, "slow", "Nothing arrived for too long.", retry_after=1.0) from None
        except InvalidInputError:
            raise self._wrong_length(recording) from None
        try:
            if (await source.fingerprint()).byte_size != recording.byte_size:
                raise self._wrong_length(recording)
        except BaseException:
            source.close()
            raise
        await self._keep(recording, source)
        self._turns.took(loop.time() - began)

    async def _keep(self, recording: Recording, arrived: Source) -> None:
        original = recording.original
        assert original is not None
        kept = await self.shelf.take(arrived, recording.name)
        assert kept.path is not None
        original.path, original.on_gone = kept.path, kept.on_gone
        original.source = recognised(kept.path, recording.name)
        session = self._owners[recording]
        try:
            await self._begin(recording, session)
        except BaseException:
            self.archive.forget(recording, session)
            original.source.close()
            original.source = None
            original.on_gone(original)
            raise
        self.archive.arrived(recording)

    def _wrong_length(self, recording: Recording) -> Problem:
        problem = Problem(
            400,
            "length",
            f"Other than the announced {recording.byte_size} bytes arrived.",
            hint="Send it again when nothing writes to the file any more.",
        )
        recording.move(Stage.FAILED, problem)
        return problem

    async def again(
        self, session: Session, identifier: str, earlier: Recording, strength: int
    ) -> Recording:
        """Enhance once more what is here already, at the same or another strength.

        Raises:
            Problem: It is not here any more, or there is no room now.
        """
        if identifier in session.recordings:
            return session.recordings[identifier]
        self.client.check_strength(strength)
        self._check_number(session)
        original = earlier.original
        if original is None or original.source is None:
            raise not_found()
        self._admission.check_space(original.byte_size, sent=False)
        self._admission.check_line(self.client)
        recording = self._recording(identifier, earlier.name, strength, original)
        recording.received = recording.byte_size
        try:
            await self._begin(recording, session)
        except BaseException:
            self.archive.forget(recording, session)
            recording.let_go()
            raise
        return self._add(session, recording)

    def _recording(self, identifier: str, name: str, strength: int, original: Kept) -> Recording:
        words = self.space.explain, self.space.noted
        return Recording(identifier, name, strength, original, self._changed, *words)

    async def _begin(self, recording: Recording, session: Session) -> None:
        """Have a recording enhanced. First it is written down, so that a kill costs nothing."""
        recording.service = self.jobs.service
        await self.archive.begun(recording, session)
        await self.jobs.begin(recording)

    async def open(self) -> None:
        """Find what an earlier application left, and go on with it; the client is there."""
        self.sessions.secret = await self.shelf.open()
        if self.shelf.lasting and self.space.keeper is None:  # the service outlives this
            await self.jobs.open(self.shelf.folder)
        found = await self.archive.found(self._recording)
        await self.jobs.keep_only([recording for _, recording in found])
        for name, recording in found:
            session = self.sessions.named(name)
            if not recording.stage.over:
                await self._go_on(recording, session)
            self._add(session, recording)
            if session not in self._timers:
                self._wait_for(session)

    async def _go_on(self, recording: Recording, session: Session) -> None:
        problem = self.jobs.elsewhere(recording)
        try:
            if problem is None:
                await self._begin(recording, session)
        except AudioEnhanceError as error:
            problem = Problem.of(error)
        if problem is not None:
            recording.move(Stage.FAILED, problem)

    # Going on

    def ahead(self, recording: Recording) -> int:
        """Return how many recordings have their turn before this one."""
        if recording.stage is not Stage.WAITING:
            return 0
        return self._line.ahead(recording)

    def snapshot(self, recording: Recording) -> dict[str, Any]:
        """Return what the page shows of a recording, as JSON."""
        return recording.snapshot(self.ahead(recording)) | {
            "before": self.measuring.shown(recording.original),
            "after": self.measuring.shown(recording.result),
        }

    def _add(self, session: Session, recording: Recording) -> Recording:
        self._owners[recording] = session
        session.add(recording)
        self._changed(recording)
        return recording

    def _changed(self, recording: Recording) -> None:
        session = self._owners.get(recording)
        if session is None:  # not added yet
            return
        if recording.stage.over:
            self._line.leave(recording)
            passed = time.time() - (recording.ended_at or time.time())
            self._later(recording, max(0.0, self.limits.keep_seconds - passed))
            self.archive.over(self.client, recording)
        elif recording.stage is Stage.EXPECTED:
            self._later(recording, self.limits.arrival_seconds)
        else:
            self._not_later(recording)
            if recording.stage is not Stage.RECEIVING:
                self._line.settle(recording)
            if recording.stage is Stage.ENHANCING:
                self._progress.watch(self.space.keeper)
        session.changed(recording)

    def _got_on(self, recording: Recording) -> None:
        self._owners[recording].changed(recording)

    def _later(self, recording: Recording, seconds: float) -> None:
        self._not_later(recording)
        self._timers[recording] = asyncio.get_running_loop().call_later(
            seconds, self._too_late, recording
        )

    def _not_later(self, key: Recording | Session) -> None:
        if timer := self._timers.pop(key, None):
            timer.cancel()

    def _too_late(self, recording: Recording) -> None:
        del self._timers[recording]
        if recording.stage is Stage.EXPECTED:
            recording.move(
                Stage.FAILED,
                Problem(503, "slow", "It did not arrive.", hint="Choose the file again."),
            )
        else:
            self.discard(recording)

    # Going away

    def cancel(self, recording: Recording, reason: Problem | None = None) -> None:
        """Stop whatever is being done with a recording."""
        recording.cancel(reason)
        if arrival := self._arrivals.get(recording):
            arrival.cancel()

    def discard(self, recording: Recording) -> None:
        """Stop, and forget the recording."""
        session = self._owners[recording]
        self.cancel(recording)
        self._not_later(recording)
        session.remove(recording)
        self._line.leave(recording)
        del self._owners[recording]
        self.archive.forget(recording, session)
        self.jobs.forget(recording)
        recording.let_go()
        self.space.free(recording)

    def joined(self, session: Session) -> Listening:
        """Count a page that begins to listen.

        Raises:
            Problem: Too many do.
        """
        if self.closing:
            raise Problem(503, "busy", "The application is being stopped.", retry_after=5.0)
        listening = self._streams.join(session)
        self._not_later(session)
        return listening

    def left(self, listening: Listening) -> None:
        """Count a page that stopped listening; it may be back in a moment."""
        self._streams.leave(listening)
        session = listening.session
        if not session.streams and session.recordings and not self.closing:
            self._wait_for(session)

    def _wait_for(self, session: Session) -> None:
        self._timers[session] = asyncio.get_running_loop().call_later(
            self.limits.leave_seconds, self._gone, session
        )

    def _gone(self, session: Session) -> None:
        del self._timers[session]
        for recording in list(session.recordings.values()):
            # What the server has begun cannot be taken back: its result may as well be kept.
            if not recording.submitted:
                self.cancel(recording, left())

    def hang_up(self) -> None:
        """Take nothing more, and end every event stream."""
        self.closing = True
        for session in self.sessions:
            session.wake()

    async def close(self, drain_seconds: float) -> None:
        """Wait for what is under way, but not for ever, and let go of every recording."""
        self.hang_up()
        tasks = [recording.job.task for recording in self._owners if recording.job is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=drain_seconds)
        self._progress.close()
        await self.archive.close()
        if not self.shelf.lasting:
            for recording in list(self._owners):
                self.discard(recording)
        for recording in list(self._owners):
            self._owners.pop(recording)  # what is written down of it stays as it is
            recording.leave()
        for arrival in self._arrivals.values():
            arrival.cancel()
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if tasks:
            await asyncio.wait(tasks)
        await self.jobs.close()
        await self.space.close()
        await self.shelf.close()
