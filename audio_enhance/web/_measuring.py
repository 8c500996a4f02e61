"""Pictures and figures of what is kept."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from audio_enhance import AudioEnhanceError

from ._copies import Copies
from ._kept import Kept
from ._tasks import Tasks

if TYPE_CHECKING:
    from audio_enhance.local.measuring import Measurer

# What the page shows of the figures.
_SHOWN = ("duration", "loudness", "true_peak", "noise_floor", "speech_level", "highest", "lag")
# A process that measures takes longer to start than most recordings take; while idle, it takes
# memory.
_PATIENCE = 10.0


class Measuring:
    """Has originals and results measured, each once.

    Args:
        wanted: Whether to measure at all.

    Attributes:
        copies: What players get. It is what is measured, too, as encoders put silence in front.
    """

    def __init__(self, *, wanted: bool) -> None:
        self._measurer = _measurer() if wanted else None
        self.copies = Copies(self._measurer)
        self._under_way = Tasks[Kept]()
        self._seconds: dict[Kept, float] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._begun_lately = False

    @property
    def available(self) -> bool:
        """Whether anything is measured here; the extra `local` brings what it takes."""
        return self._measurer is not None

    def begin(
        self, kept: Kept, on_change: Callable[[], None], original: Kept | None = None
    ) -> None:
        """Begin to measure something, unless that was done or is being done.

        Args:
            kept: What.
            on_change: Told when there is something to show.
            original: Of what it is the result; it is measured first.
        """
        if self._measurer is None or kept.figures or kept.unmeasurable or kept in self._under_way:
            return
        self._begun_lately = True
        if self._keeper is None or self._keeper.done():
            self._keeper = asyncio.ensure_future(self._keep(self._measurer))
        kept.hold()
        task = asyncio.ensure_future(self._measure(self._measurer, kept, on_change, original))
        self._under_way[kept] = task

        def done(task: "asyncio.Task[None]") -> None:
            del self._under_way[kept]
            self._seconds.pop(kept, None)
            kept.release()
            if not task.cancelled():
                on_change()

        task.add_done_callback(done)

    def stop(self, kept: Kept) -> None:
        """Stop measuring something: nobody wants to see it any more."""
        self._under_way.stop(kept)
        self.copies.stop(kept)

    async def close(self) -> None:
        """Stop everything."""
        await self._under_way.close()
        await self.copies.close()
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    def shown(self, kept: Kept | None) -> dict[str, Any] | None:
        """Return what the page shows of something, `None` where nothing is known of it."""
        if kept is None:
            return None
        if kept.unmeasurable:
            return {"unmeasurable": True}
        if kept.figures is not None:
            return {name: kept.figures[name] for name in _SHOWN}
        seconds = self._seconds.get(kept)
        return None if seconds is None else {"seconds_done": seconds}

    async def _keep(self, measurer: "Measurer") -> None:
        """Keep its processes for the next recording, until none has come for a while."""
        async with measurer:
            while self._begun_lately:
                self._begun_lately = False
                await asyncio.sleep(_PATIENCE)

    async def _measure(
        self,
        measurer: "Measurer",
        kept: Kept,
        on_change: Callable[[], None],
        original: Kept | None,
    ) -> None:
        if original is not None and original in self._under_way:
            await asyncio.wait([self._under_way[original]])
        assert kept.path is not None

        def tell(seconds: float) -> None:
            self._seconds[kept] = seconds
            on_change()

        place = None if original is None else original.path
        copy = await self.copies.of(kept)
        try:
            # Of a video it is the sound.
            path = copy or kept.path
            kept.figures = await measurer.measure(path, kept.path, original=place, tell=tell)
        except (AudioEnhanceError, OSError):
            kept.unmeasurable = True


def _measurer() -> "Measurer | None":
    try:
        from audio_enhance.local.measuring import Measurer

        return Measurer(at_once=2)  # a short one need not wait for a long one
    except ImportError:
        return None
