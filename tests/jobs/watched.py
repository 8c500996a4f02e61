"""A queue and its server in simulated time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from audio_enhance import (
    EnhancementStatus,
    PollPolicy,
    SpeechEnhancement,
)
from audio_enhance._jobs.watcher import Outstanding, ServerQueue
from tests.support.virtual_time import LoopClock

from .simulated import SimulatedServer


def ignored(*_: object) -> None:
    pass


class Run:
    """A queue and its server in simulated time."""

    def __init__(
        self,
        *,
        latency: float = 0.0,
        longest: float | None = None,
        depth: int | None = None,
        polling: PollPolicy | None = None,
    ) -> None:
        self.clock = LoopClock(epoch=0.0)  # the server's time of day
        self.server = SimulatedServer(self.clock, latency)
        self.queue = ServerQueue(
            self.server.ask, polling or PollPolicy(), self.clock, longest=longest
        )
        self.finished: list[str] = []
        self.told: list[tuple[str, EnhancementStatus, datetime | None]] = []
        if depth is not None:
            self.queue.window.depth = self.queue.gate.places = depth

    async def submit(
        self,
        seconds: float,
        *,
        size: int = 1_000_000,
        content_type: str = "audio/wav",
        priority: int = 0,
        sent: Callable[[], bool] = lambda: True,
        create: Callable[[], Awaitable[SpeechEnhancement]] | None = None,
    ) -> Outstanding:
        return await self.queue.submit(
            create or (lambda: self.server.create(seconds)),
            sent=sent,
            byte_size=size,
            content_type=content_type,
            priority=priority,
            on_submitted=lambda _: None,
            on_status=self._on_status,
            on_retry=ignored,
        )

    async def enhance(self, seconds: float, **arguments: int) -> SpeechEnhancement:
        outstanding = await self.submit(seconds, **arguments)  # type: ignore[arg-type]
        enhancement = await outstanding.finished
        self.finished.append(enhancement.id)
        return enhancement

    def _on_status(self, enhancement: SpeechEnhancement, expected: datetime | None) -> None:
        self.told.append((enhancement.id, enhancement.status, expected))

    async def all(self, *seconds: float) -> list[SpeechEnhancement]:
        return list(await asyncio.gather(*(self.enhance(each) for each in seconds)))
