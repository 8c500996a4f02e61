"""A history that is told to a window, at times of its own."""

from datetime import UTC, datetime

from audio_enhance import EnhancementStatus, PollPolicy, SpeechEnhancement, WaitTimeoutError
from audio_enhance._scheduler.polling import Crowd
from audio_enhance._scheduler.window import Window

WAV, MP3 = "audio/wav", "audio/mpeg"
# What the server's clock shows when ours shows zero.
EPOCH = 1_700_000_000.0


def server_time(now: float) -> datetime:
    """Return what the server's clock shows at a time of ours."""
    return datetime.fromtimestamp(EPOCH + now, UTC)


def described(
    enhancement_id: str,
    requested: float,
    status: EnhancementStatus = EnhancementStatus.QUEUED,
    ended: float | None = None,
    retry_after: float | None = None,
) -> SpeechEnhancement:
    """Return an enhancement as the server describes it; times are ours."""
    return SpeechEnhancement(
        id=enhancement_id,
        asset_id="a",
        strength=93,
        status=status,
        download_url=None,
        requested_processing_at=server_time(requested),
        finished_processing_at=None if ended is None else server_time(ended),
        model_id=None,
        retry_after=retry_after,
    )


class Replay:
    """A window without chance, and what was told to it.

    Attributes:
        now: The time of the latest event.
    """

    def __init__(
        self,
        *,
        longest: float | None = None,
        polling: PollPolicy | None = None,
        crowd: Crowd | None = None,
    ) -> None:
        self.window = Window(
            polling or PollPolicy(), longest=longest, spread=lambda low, high: low, crowd=crowd
        )
        self.now = 0.0
        self._requested: dict[str, float] = {}

    def submit(
        self,
        enhancement_id: str,
        at: float,
        *,
        requested: float | None = None,
        size: int = 1_000_000,
        content_type: str = WAV,
        freed: float | None = None,
        retry_after: float | None = None,
    ) -> None:
        """Tell that one was created, whose answer came at a time."""
        self.now = at
        requested = self._requested[enhancement_id] = at if requested is None else requested
        found = described(enhancement_id, requested, retry_after=retry_after)
        since = None if freed is None else server_time(freed)
        self.window.submitted(found, size, content_type, at, freed=since)

    def take_up(self, enhancement_id: str, at: float, *, requested: float) -> None:
        """Tell of one that an earlier run created."""
        self.now = at
        self._requested[enhancement_id] = requested
        self.window.taken_up(described(enhancement_id, requested), 1_000_000, WAV, at)

    def find(
        self,
        enhancement_id: str,
        at: float,
        status: EnhancementStatus = EnhancementStatus.PROCESSING,
        ended: float | None = None,
        retry_after: float | None = None,
    ) -> WaitTimeoutError | None:
        """Tell what the server answered."""
        self.now = at
        found = described(
            enhancement_id, self._requested[enhancement_id], status, ended, retry_after
        )
        return self.window.answered(enhancement_id, found, at)

    def finish(self, enhancement_id: str, ended: float, at: float | None = None) -> None:
        """Tell that it succeeded, found at once unless a time is given."""
        at = ended if at is None else at
        assert self.find(enhancement_id, at, EnhancementStatus.SUCCEEDED, ended) is None

    def taught(self, seconds: float, *, size: int = 1_000_000, content_type: str = WAV) -> "Replay":
        """Let the window learn from a few that took so long, long ago."""
        for _ in range(3):
            self.window.estimate.observe(content_type, size, seconds)
        return self

    @property
    def asked(self) -> str:
        """What is to be asked about next."""
        question = self.window.next_question
        assert question is not None
        return question.id

    @property
    def at(self) -> float:
        """When that is."""
        question = self.window.next_question
        assert question is not None
        return question.at

    @property
    def wait(self) -> float:
        """How long that is after the latest event."""
        return self.at - self.now

    def expected(self, size: int = 1_000_000, content_type: str = WAV) -> float | None:
        """What was learned of a recording."""
        return self.window.estimate.expected(content_type, size)
