"""What became of the result that an earlier run made."""

from enum import Enum, auto
from functools import partial
from pathlib import PurePath
from typing import NamedTuple

from audio_enhance._core.cancellation import in_thread, to_its_end
from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._core.paths import path_of
from audio_enhance._recording.source import Source, original_of

from .entry import EntryState, JournalEntry
from .result_file import is_there, result_of

_CHANGED = "The result was changed since it was made, so it stays. Redo it for another one."


class Earlier(Enum):
    """What became of the result that an earlier run made of a source as it is now."""

    NONE = auto()
    """There never was one."""
    WHOLE = auto()
    """It is in its place."""
    CHANGED = auto()
    """It was changed since by somebody, whose it is now."""
    AWAY = auto()
    """It was moved or removed."""


async def earlier_result(entry: JournalEntry, source: Source) -> Earlier:
    """Return what became of an earlier result of the source, if there is one of it as it is now.

    A run with the same journal skips a result that is complete, or that you changed. Files are
    read only if they were modified since.

    Args:
        entry: What the journal says of the source.
        source: The source.

    Raises:
        InvalidSourceError: The source cannot be read.
        OutputError: The result is in a bucket that cannot be read.
    """
    result = result_of(entry)
    if entry.state != EntryState.SUCCEEDED or result is None or result.modified_ns is None:
        return Earlier.NONE
    if not await same_source(entry, source):
        return Earlier.NONE
    if await in_thread(result.is_there):
        return Earlier.WHOLE
    there = await to_its_end(partial(is_there, result.path))
    return Earlier.CHANGED if there else Earlier.AWAY


class Kept(NamedTuple):
    """An earlier result that is not made again.

    Attributes:
        place: Where it is, or where it was put by the run that made it.
        note: What a person should know of it, in one sentence.
    """

    place: PurePath
    note: str | None


async def kept_result(entry: JournalEntry, source: Source) -> Kept | None:
    """Return the earlier result of a source as it is now, if it is whole or somebody's since.

    What goes wrong is not told: the job meets the same, and says so.
    """
    try:
        earlier = await earlier_result(entry, source)
    except AudioEnhanceError:
        return None
    if earlier not in (Earlier.WHOLE, Earlier.CHANGED):
        return None
    assert entry.output is not None
    return Kept(path_of(entry.output), _CHANGED if earlier is Earlier.CHANGED else None)


async def same_source(entry: JournalEntry, source: Source) -> bool:
    """Whether the source is what it was when the entry was written."""
    if entry.md5 is None:
        return False
    if source.place is not None:
        seen = await original_of(source).look()
        if seen is None:
            return False
        # What was sent of a video is its sound, whose length says nothing of the file's.
        if not source.is_video and seen.size not in (None, entry.byte_size):
            return False
        if seen.version is not None and seen.version == entry.modified_ns:
            return True
    # Touched, but perhaps not changed: reading it costs less than enhancing it again.
    return (await source.fingerprint()).md5.hex() == entry.md5
