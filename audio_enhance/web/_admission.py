"""What is taken in, and what is turned away before anything of it is sent."""

import asyncio
from collections.abc import Collection
from pathlib import Path

from audio_enhance import (
    VIDEO_SUFFIXES,
    EnhanceClient,
    Source,
    content_type_of,
    recording_suffixes,
)

from ._limits import Limits
from ._problems import Problem
from ._recording import Recording
from ._session import Session
from ._space import Space
from ._turns import Turns


def takes_videos() -> bool:
    """Whether videos are read: they need the extra `video`."""
    return recording_suffixes() >= VIDEO_SUFFIXES


def recognised(path: Path, name: str) -> Source:
    """Return what is in a file as what its name says that it is."""
    if takes_videos() and Path(name).suffix.lower() in VIDEO_SUFFIXES:
        return Source.from_video(path, filename=name)
    kind = content_type_of(name)
    return Source.from_path(path, filename=name, content_type=kind)


class Admission:
    """Says whether one more recording can be taken.

    Args:
        limits: How much is taken.
        space: What is taken of the disks.
        turns: When those who are turned away should come again.
        recordings: All that were taken in and are still here.
    """

    def __init__(
        self, limits: Limits, space: Space, turns: Turns, recordings: Collection[Recording]
    ) -> None:
        self._limits = limits
        self._recordings = recordings
        self._space = space
        self._turns = turns

    @property
    def _arriving(self) -> int:
        return sum(recording.stage.arriving for recording in self._recordings)

    def check_kind(self, name: str, byte_size: int) -> None:
        """Check what is announced; raises `Problem`."""
        if Path(name).suffix.lower() not in recording_suffixes():
            raise Problem(
                415,
                "type",
                "This is no recording, going by its name.",
                hint="MP3, WAV, M4A, AAC, FLAC, OGG, Opus and AIFF files can be enhanced"
                + (", and MP4, MOV, MKV and WebM videos." if takes_videos() else "."),
            )
        if byte_size > self._limits.max_bytes:
            raise Problem(413, "size", f"It is larger than {_size(self._limits.max_bytes)}.")
        if byte_size <= 0:
            raise Problem(422, "invalid", "The file is empty.", hint="Record it again.")

    def check_room(self, client: EnhanceClient) -> None:
        """Check that it can arrive, and wait for a client; raises `Problem`."""
        if self._arriving >= self._limits.uploads:
            raise Problem(
                503,
                "busy",
                "Other recordings are being sent just now.",
                retry_after=self._turns.later(asyncio.get_running_loop().time()),
            )
        self.check_line(client)

    def check_line(self, client: EnhanceClient) -> None:
        """Check that it can wait for a client; raises `Problem`."""
        if client.waiting + self._arriving >= self._limits.waiting:
            raise Problem(
                503,
                "busy",
                "Too many recordings are waiting already.",
                retry_after=client.backlog_seconds,
            )

    def check_space(self, byte_size: int, *, sent: bool = True) -> None:
        """Check that the disks have room for it; raises `Problem`."""
        if not self._space.fits(byte_size, sent=sent):
            raise Problem(
                503,
                "space",
                "The space for recordings is used up.",
                hint="Remove recordings that are no longer needed.",
                retry_after=30.0,
            )

    def check_number(self, session: Session) -> None:
        """Check that a session may have one more; raises `Problem`."""
        if len(session.recordings) >= self._limits.recordings:
            raise Problem(
                409,
                "many",
                f"There are {len(session.recordings)} recordings already.",
                hint="Remove some that are no longer needed.",
            )


def _size(count: int) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return f"{count} bytes"
