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
_SOUND = ".heard"
COPY_TYPE = "audio/mp4"


class Copies:
    """Has copies made, each once and only where one is needed.

    Args:
        measurer: What makes them; without one there are none.
    """

    def __init__(self, measurer: "Measurer | None") -> None:
        self._measurer = measurer
        self._under_way = Tasks[Kept]()

    async def of(self, kept: Kept) -> Path | None:
        """Return the copy of something that is here; `None` where it is played as it is."""
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
    target = kept.path.with_name(kept.path.name + _COPY)
    try:
        if await asyncio.to_thread(target.is_file):  # from before a restart
            there = True
        elif not kept.source.is_video:
            there = await measurer.copy(kept.path, target)
        else:
            there = await _of_video(measurer, kept.source, kept.path, target)
        if there:
            kept.copy_bytes = (await asyncio.to_thread(target.stat)).st_size
            kept.copy = target
    except (AudioEnhanceError, OSError):
        pass  # it is played as it is, as far as that goes
    kept.copied = True


async def _of_video(measurer: "Measurer", video: Source, path: Path, target: Path) -> bool:
    from audio_enhance.local.measuring import write_sound

    sound = path.with_name(path.name + _SOUND)
    try:
        await write_sound(video, sound)
        return await measurer.copy(sound, target)
    finally:
        await asyncio.to_thread(sound.unlink, missing_ok=True)
