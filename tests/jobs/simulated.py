"""A server in simulated time: one enhancement at a time, oldest first, nothing on the wire."""

from datetime import UTC, datetime

from attrs import define, evolve

from audio_enhance import EnhancementStatus, SpeechEnhancement
from audio_enhance._core.errors import NotFoundError
from tests.support.virtual_time import LoopClock


@define
class _Work:
    enhancement: SpeechEnhancement
    start: float
    end: float
    outcome: EnhancementStatus


class SimulatedServer:
    """What a queue creates at, and asks.

    Attributes:
        latency: Seconds from a request to its effect, and again until its answer.
        asked: The ids that were asked about, each with the time, in order.
        busy: Seconds of work so far, what is still to be done included.
    """

    def __init__(self, clock: LoopClock, latency: float = 0.0) -> None:
        self.latency = latency
        self.asked: list[tuple[str, float]] = []
        self.busy = 0.0
        self._clock = clock
        self._free_at = 0.0
        self._latest = 0.0
        self._works: dict[str, _Work] = {}

    async def create(
        self,
        seconds: float,
        *,
        outcome: EnhancementStatus = EnhancementStatus.SUCCEEDED,
        slow_answer: float = 0.0,
    ) -> SpeechEnhancement:
        """Create an enhancement that takes so many seconds of work."""
        await self._clock.sleep(self.latency)
        # No two at the same time: who comes first is who was heard first.
        now = self._latest = max(self._clock.now, self._latest + 1e-6)
        start = max(now, self._free_at)
        self._free_at = start + seconds
        self.busy += seconds
        enhancement = SpeechEnhancement(
            id=f"e{len(self._works)}",
            asset_id="a",
            strength=93,
            status=EnhancementStatus.QUEUED,
            download_url=None,
            requested_processing_at=datetime.fromtimestamp(now, UTC),
            finished_processing_at=None,
            model_id=None,
        )
        self._works[enhancement.id] = _Work(enhancement, start, self._free_at, outcome)
        await self._clock.sleep(self.latency + slow_answer)
        return enhancement

    async def ask(self, asset_id: str, enhancement_id: str, **_: object) -> SpeechEnhancement:
        """Answer how far it is."""
        self.asked.append((enhancement_id, self._clock.now))
        await self._clock.sleep(self.latency)
        found = self.state(enhancement_id)
        await self._clock.sleep(self.latency)
        return found

    def state(self, enhancement_id: str) -> SpeechEnhancement:
        """Return how far it is, without being asked."""
        work = self._works.get(enhancement_id)
        if work is None:
            raise NotFoundError("There is none.", status=404)
        if self._clock.now >= work.end:
            return evolve(
                work.enhancement,
                status=work.outcome,
                finished_processing_at=datetime.fromtimestamp(work.end, UTC),
            )
        begun = self._clock.now >= work.start
        return evolve(
            work.enhancement,
            status=EnhancementStatus.PROCESSING if begun else EnhancementStatus.QUEUED,
        )

    def foreign(self, seconds: float) -> None:
        """Put work of another process into the same queue."""
        self._free_at = max(self._clock.now, self._free_at) + seconds
        self.busy += seconds

    def questions(self, enhancement_id: str) -> int:
        """Return how often was asked about it."""
        return sum(asked == enhancement_id for asked, _ in self.asked)

    def end_of(self, enhancement_id: str) -> float:
        """Return when it is, or will be, finished."""
        return self._works[enhancement_id].end
