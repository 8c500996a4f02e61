"""The disks that recordings take: this application's, and that of a local service of its own."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from typing import Protocol

from audio_enhance import AudioEnhanceError, EnhancementFailedError, Event, Job

from ._problems import Problem
from ._recording import Recording

_log = logging.getLogger("audio_enhance.web")
# Of a recording that is not done, the service is going to have a copy and a result.
_COPIES = 2


class LocalKeeper(Protocol):
    """What is asked of a local service, which keeps what it was sent and what it made."""

    @property
    def stored_bytes(self) -> int:
        """The bytes that it keeps."""
        ...

    async def remove_asset(self, asset_id: str) -> None:
        """Remove a recording, and all that was made of it."""
        ...

    def share_done(self, enhancement_id: str) -> float | None:
        """Return which part of a recording is enhanced, 0 to 1, if that is known."""
        ...

    def notes(self, enhancement_id: str) -> Sequence[str]:
        """Return what was noted of a recording, such as what is damaged in it."""
        ...

    def why_failed(self, enhancement_id: str) -> AudioEnhanceError | None:
        """Return why an enhancement failed, if that is known."""
        ...


class Space:
    """Says whether one more recording fits, and frees what one took.

    Args:
        limit: How many bytes may be taken.
        recordings: All that there are; looked at anew each time.

    Attributes:
        keeper: The local service; `None` where the service is somebody else's.
    """

    def __init__(self, limit: int, recordings: Collection[Recording]) -> None:
        self.keeper: LocalKeeper | None = None
        self._limit = limit
        self._recordings = recordings
        self._removals: set[asyncio.Task[None]] = set()

    def fits(self, byte_size: int, *, sent: bool = True) -> bool:
        """Whether a recording fits.

        Args:
            byte_size: Its length.
            sent: Whether it is still to be sent; otherwise it is here already.
        """
        needed = byte_size if sent else 0
        if self.keeper is not None:
            needed += _COPIES * byte_size
        return self._taken() + needed <= self._limit

    def _taken(self) -> int:
        kept = {kept for each in self._recordings for kept in (each.original, each.result)}
        taken = sum(each.bytes_on_disk for each in kept if each is not None)
        if self.keeper is not None:
            unfinished = sum(each.byte_size for each in self._recordings if not each.stage.over)
            taken += self.keeper.stored_bytes + _COPIES * unfinished
        return taken

    def free(self, recording: Recording) -> None:
        """Have the local service remove what it has of a recording that is gone from the list."""
        if self.keeper is not None and recording.job is not None:
            removal = asyncio.ensure_future(self._free(self.keeper, recording, recording.job))
            self._removals.add(removal)
            removal.add_done_callback(self._removals.discard)

    async def _free(self, keeper: LocalKeeper, recording: Recording, job: Job) -> None:
        await asyncio.wait([job.task])
        for asset_id in recording.asset_ids:
            if any(asset_id in other.asset_ids for other in self._recordings):
                continue  # the same recording is in the list once more: it goes with the last
            try:
                await keeper.remove_asset(asset_id)
            except OSError:
                _log.exception("the asset %s stays at the local service", asset_id)

    def explain(self, error: AudioEnhanceError) -> Problem:
        """Return what a failure means to a person, with the reason if it is known here."""
        reason = None
        if self.keeper is not None and isinstance(error, EnhancementFailedError):
            reason = self.keeper.why_failed(error.enhancement_id or "")
        if reason is None:
            return Problem.of(error)
        return Problem(502, "failed", reason.message, hint=reason.hint)

    def noted(self, event: Event) -> list[str]:
        """Return what a local service noted of the recording that an event is about."""
        if self.keeper is None:
            return []
        return list(self.keeper.notes(event.enhancement_id or ""))

    async def close(self) -> None:
        """Wait until everything is freed."""
        if self._removals:
            await asyncio.wait(self._removals)
