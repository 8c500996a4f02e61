"""How far the local service is with a recording."""

import asyncio
from types import SimpleNamespace
from typing import Any

from audio_enhance.web._kept import Kept
from audio_enhance.web._progress import Progress
from audio_enhance.web._recording import Recording, Stage


class Keeper:
    """A local service that gets on with every look, and then is done."""

    def __init__(self) -> None:
        self.shares = [None, 0.25, 0.251, 0.75]

    def share_done(self, enhancement_id: str) -> float | None:
        assert enhancement_id == "e"
        return self.shares.pop(0)


async def test_whoever_watches_is_told_what_got_on() -> None:
    recording = Recording("id", "a.mp3", 93, Kept(1), lambda _: None)
    recording.stage = Stage.ENHANCING
    job: Any = SimpleNamespace(enhancement=SimpleNamespace(id="e"))
    recording.job = job
    told: list[float | None] = []
    done = asyncio.Event()

    def changed(recording: Recording) -> None:
        told.append(recording.share)
        if recording.share == 0.75:
            recording.stage = Stage.SUCCEEDED
            done.set()

    keeper: Any = Keeper()
    progress = Progress([recording], changed, seconds=0.0)
    progress.watch(None)
    progress.watch(keeper)
    await done.wait()
    assert told == [0.25, 0.75]
    await asyncio.sleep(0)
    assert progress._timer is None or not keeper.shares
    progress.close()
