"""How far a job is: the states it goes through, and which one may follow which."""

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from audio_enhance._core.models import Asset, SpeechEnhancement


class JobStatus(StrEnum):
    """How far a job is."""

    QUEUED = "queued"
    HASHING = "hashing"
    UPLOADING = "uploading"
    PROCESSING = "processing"
    DOWNLOADING = "downloading"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    WAITING = "waiting"  # as the server has asked to (`retry-after`), anywhere before its end

    @property
    def finished(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


class JobState(StrEnum):
    """How far a job is, step by step; the journal writes down the same names."""

    QUEUED = "queued"
    HASHING = "hashing"
    UPLOADING = "uploading"
    UPLOADED = "uploaded"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    PROCESSED = "processed"
    DOWNLOADING = "downloading"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def status(self) -> JobStatus:
        """What a caller is told of it."""
        return _STATUS[self]


_STATUS = {
    JobState.QUEUED: JobStatus.QUEUED,
    JobState.HASHING: JobStatus.HASHING,
    JobState.UPLOADING: JobStatus.UPLOADING,
    JobState.UPLOADED: JobStatus.UPLOADING,
    JobState.SUBMITTING: JobStatus.UPLOADING,
    JobState.SUBMITTED: JobStatus.PROCESSING,
    JobState.PROCESSED: JobStatus.PROCESSING,
    JobState.DOWNLOADING: JobStatus.DOWNLOADING,
    JobState.SUCCEEDED: JobStatus.SUCCEEDED,
    JobState.FAILED: JobStatus.FAILED,
    JobState.CANCELLED: JobStatus.CANCELLED,
}
_ENDS = frozenset({JobState.FAILED, JobState.CANCELLED})
_NEXT = {
    JobState.QUEUED: _ENDS | {JobState.HASHING},
    # What an earlier run or another job has done already is not done again.
    JobState.HASHING: _ENDS
    | {JobState.UPLOADING, JobState.UPLOADED, JobState.SUBMITTED, JobState.PROCESSED},
    JobState.UPLOADING: _ENDS | {JobState.UPLOADED},
    # The server may have dropped an upload by the time its enhancement is asked for.
    JobState.UPLOADED: _ENDS | {JobState.UPLOADING, JobState.SUBMITTING},
    # A request that failed is made again.
    JobState.SUBMITTING: _ENDS | {JobState.UPLOADED, JobState.SUBMITTED},
    # An enhancement that failed at the server is asked for once more.
    JobState.SUBMITTED: _ENDS | {JobState.UPLOADING, JobState.UPLOADED, JobState.PROCESSED},
    JobState.PROCESSED: _ENDS | {JobState.DOWNLOADING, JobState.SUCCEEDED},
    JobState.DOWNLOADING: _ENDS | {JobState.SUCCEEDED},
    JobState.SUCCEEDED: frozenset[JobState](),
    JobState.FAILED: frozenset[JobState](),
    JobState.CANCELLED: frozenset[JobState](),
}


class Track:
    """How far one content at one strength is; whoever wants to know reads it here.

    Jobs that want the same share one, from when they know that they do until it is processed.

    Attributes:
        state: The latest state.
        asset: The asset, as soon as there is one.
        enhancement: The speech enhancement, as the server described it last.
        submitted: Whether the server was, or may have been, asked for the enhancement, which
            cannot be taken back.
    """

    __slots__ = ("_uncertain", "asset", "enhancement", "state", "submitted")

    def __init__(self) -> None:
        self.state = JobState.QUEUED
        self.asset: Asset | None = None
        self.enhancement: SpeechEnhancement | None = None
        self.submitted = False
        self._uncertain = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.state.value!r}, submitted={self.submitted})"

    def enter(self, state: JobState) -> None:
        """Go on to a state; one that cannot follow is a mistake of ours."""
        assert state is self.state or state in _NEXT[self.state], f"{self.state} → {state}"
        self.state = state
        if state in (JobState.SUBMITTING, JobState.SUBMITTED, JobState.PROCESSED):
            self.submitted = True
        elif state is JobState.UPLOADED:  # what was asked for was refused, or failed
            self.submitted = self._uncertain

    def go_on(self, state: JobState, asset: "Asset") -> None:
        """Go on to a state in which there is an asset."""
        self.asset = asset
        self.enter(state)

    def suspect(self) -> None:
        """Remember that the server may have begun an enhancement that nobody knows the id of."""
        self._uncertain = self.submitted = True

    def copy(self) -> "Track":
        """Return one that goes its own way from here."""
        track = Track()
        track.state = self.state
        track.asset = self.asset
        track.enhancement = self.enhancement
        track.submitted = self.submitted
        track._uncertain = self._uncertain
        return track
