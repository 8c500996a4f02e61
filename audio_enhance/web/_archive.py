"""What is known of recordings, kept on the disk: entries, results, pictures."""

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping

from audio_enhance import AudioEnhanceError, EnhanceClient

from ._kept import Kept
from ._measuring import Measuring
from ._memory import entry_of, remembered
from ._recording import Recording, Stage
from ._results import Results
from ._session import Session
from ._shelf import Shelf

_log = logging.getLogger("audio_enhance.web")


class Archive:
    """Writes down what happens to recordings, keeps their results, and has them measured.

    Args:
        shelf: Where everything goes.
        measuring: What measures.
        owners: All recordings, and whose they are; looked at anew each time.
    """

    def __init__(
        self, shelf: Shelf, measuring: Measuring, owners: Mapping[Recording, Session]
    ) -> None:
        self._shelf = shelf
        self._measuring = measuring
        self._owners = owners
        self._results = Results(shelf, self._came_to)
        self._ended: set[Recording] = set()

    async def found(
        self, made: Callable[[str, str, int, Kept], Recording]
    ) -> list[tuple[str, Recording]]:
        """Return what an earlier application left, with the names of its sessions."""
        originals: dict[str, Kept] = {}
        found: list[tuple[str, Recording]] = []
        for entry in await self._shelf.entries():
            try:
                recording = await asyncio.to_thread(remembered, entry, self._shelf, originals, made)
            except (AudioEnhanceError, KeyError, TypeError, ValueError) as error:
                # Of another version, or a video without the extra for it.
                _log.warning("a recording of an earlier start cannot be listed: %s", error)
                continue
            if recording is not None:
                found.append((entry["session"], recording))
        return found

    async def begun(self, recording: Recording, session: Session) -> None:
        """Write down a recording that is about to be enhanced; it is on the disk afterwards."""
        self._note(recording, session)
        await self._shelf.written()

    def remember(self, recording: Recording) -> None:
        """Write down what is known of a recording, if it is one of ours."""
        self._note(recording, self._owners.get(recording))

    def _note(self, recording: Recording, session: Session | None) -> None:
        if session is not None and (entry := entry_of(recording, session)):
            self._shelf.note(_entry_name(recording, session), entry)

    def arrived(self, recording: Recording) -> None:
        """Take note that a recording is here."""
        self.remember(recording)
        assert recording.original is not None
        self._measure(recording.original)

    def over(self, client: EnhanceClient, recording: Recording) -> None:
        """Take note of a recording's end, once; its result is fetched."""
        if recording in self._ended:
            return
        self._ended.add(recording)
        self.remember(recording)
        if recording.stage is not Stage.SUCCEEDED:
            return
        if recording.result is None:
            self._results.fetch(client, recording)
        else:
            self._see(recording)

    def _came_to(self, recording: Recording, result: Kept) -> None:
        if recording in self._owners:
            recording.came_to(result)
            self.remember(recording)
            self._see(recording)

    def _see(self, recording: Recording) -> None:
        if recording.original is not None and recording.result is not None:
            self._measure(recording.original)
            self._measure(recording.result, recording.original)

    def _measure(self, kept: Kept, original: Kept | None = None) -> None:
        """Have something measured, and tell everybody who has it in the list."""

        def changed() -> None:
            for recording, session in self._owners.items():
                if kept in (recording.original, recording.result):
                    session.changed(recording)
                    if kept.figures is not None:
                        self.remember(recording)

        self._measuring.begin(kept, changed, original)

    def forget(self, recording: Recording, session: Session) -> None:
        """Keep nothing more of a recording that is no longer among the others."""
        self._ended.discard(recording)
        self._results.stop(recording)
        self._shelf.forget(_entry_name(recording, session))
        needed = {kept for each in self._owners for kept in (each.original, each.result)}
        for kept in {recording.original, recording.result} - needed:
            if kept is not None:
                self._measuring.stop(kept)

    async def close(self) -> None:
        """Stop fetching and measuring."""
        await self._results.close()
        await self._measuring.close()


def _entry_name(recording: Recording, session: Session) -> str:
    return hashlib.sha256(f"{session.name} {recording.id}".encode()).hexdigest()[:32]
