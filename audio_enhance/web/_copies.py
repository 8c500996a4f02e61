"""What players get of a recording where browsers would not jump exactly in it as it is."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from audio_enhance import AudioEnhanceError, Source

from ._kept import Kept
from ._tasks import Tasks

if TYPE_CHECKING:
    from audio_enhance.local.measuring import Measurer

_COPY = ".copy"
_ENDING = ".mp4"
_SOUND = ".heard"
_PART = ".part"  # of what is not whole


class Copies:
    """Has copies made, each once and only where one is needed.

    Args:
        measurer: What makes them; without one there are none.
    """

    def __init__(self, measurer: "Measurer | None") -> None:
        self._measurer = measurer
        self._under_way = Tasks[Kept]()

    async def of(self, kept: Kept) -> Path | None:
        """Return the copy of something that is here; `None` where it is played as it is.

        What it is, its name says. A video has one unless its sound cannot be taken out.
        """
        if self._measurer is not None and not kept.copied:
            await asyncio.wait([self._under_way.get(kept) or self._begin(self._measurer, kept)])
        return kept.copy

    def stop(self, kept: Kept) -> None:
        """Stop copying something: nobody wants to hear it any more."""
        self._under_way.stop(kept)

    async def close(self) -> None:
        """Stop everything."""
        await self._under_way.close()

    def _begin(self, measurer: "Measurer", kept: Kept) -> "asyncio.Task[None]":
        kept.hold()
        task = self._under_way[kept] = asyncio.ensure_future(_make(measurer, kept))

        def done(_: "asyncio.Task[None]") -> None:
            del self._under_way[kept]
            kept.release()

        task.add_done_callback(done)
        return task


async def _make(measurer: "Measurer", kept: Kept) -> None:
    assert kept.path is not None
    assert kept.source is not None
    try:
        copy = await asyncio.to_thread(_from_before, kept.path)
        if copy is None and kept.source.is_video:
            copy = await _of_video(measurer, kept.source, kept.path)
        elif copy is None:
            copy = await _of_sound(measurer, kept.path)
        if copy is not None:
            kept.copy_bytes = (await asyncio.to_thread(copy.stat)).st_size
            kept.copy = copy
    except (AudioEnhanceError, OSError):
        pass  # it is played as it is, as far as that goes
    kept.copied = True


def _from_before(path: Path) -> Path | None:
    """Return the copy that was made before a restart, if one was."""
    found = path.parent.glob(f"{path.name}{_COPY}.*")
    return next((each for each in found if each.suffix != _PART), None)


async def _of_sound(measurer: "Measurer", path: Path) -> Path | None:
    copy = path.with_name(f"{path.name}{_COPY}{_ENDING}")
    return copy if await measurer.copy(path, copy) else None


async def _of_video(measurer: "Measurer", video: Source, path: Path) -> Path:
    """Make a copy of the sound of a video: the sound itself, where players jump exactly in it."""
    from audio_enhance.local.measuring import write_sound

    sound = path.with_name(f"{path.name}{_SOUND}{_PART}")
    try:
        await write_sound(video, sound)
        copy = await _of_sound(measurer, sound)
        target = path.with_name(f"{path.name}{_COPY}{Path(copy or video.sent_as[0]).suffix}")
        return await asyncio.to_thread((copy or sound).replace, target)
    finally:
        await asyncio.to_thread(sound.unlink, missing_ok=True)
