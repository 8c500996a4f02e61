"""How far the local service is with what it enhances, which the API does not tell."""

import asyncio
from collections.abc import Callable, Collection

from ._recording import Recording, Stage
from ._space import LocalKeeper

_SECONDS = 1.0
_NOTICEABLE = 0.005


class Progress:
    """Looks again and again, as long as there is anything to look at.

    Args:
        recordings: All that there are; looked at anew each time.
        on_change: Told of each that got on.
        seconds: The time between two looks.
    """

    def __init__(
        self,
        recordings: Collection[Recording],
        on_change: Callable[[Recording], None],
        seconds: float = _SECONDS,
    ) -> None:
        self._recordings = recordings
        self._on_change = on_change
        self._seconds = seconds
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, keeper: LocalKeeper | None) -> None:
        """Look from now on, if there is a local service to look at."""
        if keeper is not None and self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._seconds, self._look, keeper)

    def close(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, keeper: LocalKeeper) -> None:
        self._timer = None
        under_way = [each for each in self._recordings if each.stage is Stage.ENHANCING]
        for recording in under_way:
            job = recording.job
            if job is None or job.enhancement is None:
                continue
            share = keeper.share_done(job.enhancement.id)
            if share is not None and abs(share - (recording.share or 0.0)) >= _NOTICEABLE:
                recording.share = share
                self._on_change(recording)
        if under_way:
            self.watch(keeper)
