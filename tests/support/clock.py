"""A clock that stands still until somebody waits."""

import asyncio


class ManualClock:
    """Every sleep returns at once and moves the time on by what was asked for.

    Attributes:
        now: The monotonic time.
        epoch: What is added to it for the time of day.
        sleeps: What was asked for, in order.
    """

    def __init__(self, now: float = 1000.0, epoch: float = 1_700_000_000.0) -> None:
        self.now = now
        self.epoch = epoch
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.epoch + self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += max(0.0, seconds)
        await asyncio.sleep(0)
