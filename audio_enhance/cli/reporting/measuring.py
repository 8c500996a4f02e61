"""Both sides of every result, measured and drawn: a few at a time, in processes of their own."""

import asyncio
import math
import os
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeAlias

from audio_enhance import AudioEnhanceError, Source
from audio_enhance.cli.threads import to_its_end
from audio_enhance.local.measuring import Measurer, Pyramid, write_sound

from .facts import FIGURES, WITH_RESULT, Side, is_elsewhere
from .spool import Row

# Recordings that are wanted at several strengths are looked at once, if they come close together.
_REMEMBERED = 32
# What the enhancer reads as it is; the sound of others has to be taken out first.
_OUTSIDE = (".mkv", ".webm")

_Looking: TypeAlias = asyncio.Task[Side]


class Sides:
    """Measures both sides of rows.

    Args:
        folder: For what is drawn, while it is needed.
        at_once: How many files are looked at together; one for each core if it is not given.
        drawn: Whether pictures are made of them.

    Raises:
        MissingExtraError: The extra `local` is not installed.
    """

    def __init__(self, folder: Path, at_once: int | None = None, *, drawn: bool = True) -> None:
        self._at_once = at_once or os.cpu_count() or 1
        self._measurer = Measurer(self._at_once)
        self._folder = folder
        self._drawn = drawn
        self._number = count()
        self._under_way: set[_Looking] = set()

    async def measure(self, rows: Iterator[Row], take: Callable[[Row], Awaitable[None]]) -> None:
        """Look at what every row is about, and hand it on with `before` and `after`, in order.

        Memory does not grow with their number. Cancelling this ends the processes.

        Args:
            rows: The rows; drawing the next one may block.
            take: Given each row.
        """
        waiting: deque[tuple[Row, _Looking | None, _Looking | None]] = deque()
        known: dict[str, _Looking] = {}
        async with self._measurer:
            try:
                while (row := await to_its_end(partial(next, rows, None))) is not None:
                    before = after = None
                    if row["status"] in WITH_RESULT:
                        source = row["source"]
                        before = known[source] = known.get(source) or self._begin(source)
                        after = self._begin(row["path"])
                        if len(known) > _REMEMBERED:
                            del known[next(iter(known))]
                    waiting.append((row, before, after))
                    if len(waiting) > self._at_once:
                        await take(await _seen(*waiting.popleft()))
                while waiting:
                    await take(await _seen(*waiting.popleft()))
            finally:
                for looking in self._under_way:
                    looking.cancel()
                await asyncio.gather(*self._under_way, return_exceptions=True)

    def _begin(self, name: str | None) -> "_Looking":
        looking = asyncio.create_task(self._side(name))
        self._under_way.add(looking)
        looking.add_done_callback(self._under_way.discard)
        return looking

    async def _side(self, name: str | None) -> Side:
        if name is None:
            return {"trouble": "It is not where it was."}
        if is_elsewhere(name):
            return {"trouble": "It is not on this machine, so it was not measured."}
        path = await asyncio.to_thread(Path(name).absolute)
        if not await asyncio.to_thread(path.is_file):
            return {"trouble": "The file is gone."}
        place = self._folder / f"{next(self._number)}"
        try:
            sound = path
            if path.suffix.lower() in _OUTSIDE:
                sound = place.with_name(f"{place.name}.sound")
                await _take_sound(path, sound)
            found = await self._measurer.measure(sound, place)
            return await to_its_end(partial(_found, place, found, drawn=self._drawn))
        except AudioEnhanceError as error:
            return {"trouble": error.message}
        except OSError as error:
            return {"trouble": error.strerror or str(error)}
        finally:
            await to_its_end(partial(_remove, self._folder, place.name))


async def _seen(row: Row, before: _Looking | None, after: _Looking | None) -> Row:
    """Return a row with what was found, once it is."""
    return row | {"before": before and await before, "after": after and await after}


def _found(place: Path, found: dict[str, Any], *, drawn: bool) -> Side:
    figures = {name: found[name] if math.isfinite(found[name]) else None for name in FIGURES}
    return {**figures, "highest": found["highest"]} | (_drawn(place, found) if drawn else {})


def _drawn(place: Path, found: dict[str, Any]) -> Side:
    from . import pictures

    peaks = Pyramid(Path(f"{place}.peaks"), pictures.PEAKS_WIDTH, found["peaks"])
    spectrum = Pyramid(Path(f"{place}.spectrum"), pictures.SPECTRUM_WIDTH, found["spectrum"])
    return {
        "wave": pictures.wave(peaks) if found["peaks"] else "",
        "spectrogram": pictures.spectrogram(spectrum) if found["spectrum"] else "",
    }


def _remove(folder: Path, name: str) -> None:
    for path in folder.glob(f"{name}.*"):
        path.unlink(missing_ok=True)


async def _take_sound(path: Path, target: Path) -> None:
    """Write the sound of a video into a file of its own."""
    async with Source.from_video(path) as source:
        await write_sound(source, target)
