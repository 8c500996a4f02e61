"""What a run would do with each recording, and what that would cost. Nothing here is sent."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum, auto

import attrs

from audio_enhance import Earlier, EntryState, JournalEntry

# The API takes so many creations a minute, for the whole organization.
_CREATIONS_A_MINUTE = 100
# An asset is there from here on, an enhancement from there on.
_UPLOADED = {EntryState.UPLOADED, EntryState.SUBMITTING}
_ASKED_FOR = {EntryState.SUBMITTED, EntryState.PROCESSED, EntryState.DOWNLOADING}


class Action(StrEnum):
    """What a run would do with a recording at a strength."""

    ENHANCE = auto()
    """It is enhanced, and that is paid for."""
    FETCH = auto()
    """It was paid for before. It is paid for again only if the server no longer has it."""
    SKIP = auto()
    """Nothing: an earlier run made the result."""
    REFUSE = auto()
    """It fails before anything is sent."""


@attrs.frozen(kw_only=True)
class Foreseen:
    """What would become of one recording at one strength.

    Attributes:
        source: The recording.
        strength: The strength.
        action: What a run would do.
        why: Why, where it is not simply enhanced.
        byte_size: The recording's length in bytes.
        seconds: How long it lasts, where that can be told.
        is_estimate: Whether that is estimated.
        content_type: The type that would be sent, if there is one.
        uploaded: Whether an earlier run has uploaded it.
    """

    source: str
    strength: int
    action: Action
    why: str = ""
    byte_size: int = 0
    seconds: float | None = None
    is_estimate: bool = False
    content_type: str | None = None
    uploaded: bool = False


def foresee(
    entry: JournalEntry | None, earlier: Earlier, trouble: str, *, redo: bool
) -> tuple[Action, str]:
    """Return what a run would do, and why.

    Args:
        entry: What the journal says, if it knows the recording.
        earlier: What became of the result of an earlier run.
        trouble: Why the recording cannot be sent; empty if it can.
        redo: Whether results are made again.
    """
    if trouble:
        return Action.REFUSE, trouble
    if entry is None:
        return Action.ENHANCE, ""
    if earlier in (Earlier.WHOLE, Earlier.CHANGED) and not redo:
        changed = earlier is Earlier.CHANGED
        return Action.SKIP, "its result was changed since" if changed else "done before"
    if earlier is not Earlier.NONE:
        moved = earlier is Earlier.AWAY
        return Action.FETCH, "its result was moved or removed" if moved else "done before"
    if entry.state in _ASKED_FOR:
        return Action.FETCH, "an earlier run asked for it"
    if entry.state == EntryState.FAILED:
        return Action.ENHANCE, "failed before"
    return Action.ENHANCE, ""


def is_uploaded(entry: JournalEntry | None) -> bool:
    """Whether the server has what an earlier run uploaded, as far as the journal knows."""
    return entry is not None and entry.asset_id is not None and entry.state in _UPLOADED


@attrs.define
class Forecast:
    """The sum of what is foreseen.

    Attributes:
        actions: How many results each action has.
        creations: How many assets and enhancements are created.
        space: About how many bytes the results need: each is about as large as its recording.
        audio_seconds: How long what is enhanced or fetched lasts, as far as that can be told;
            at each strength.
        estimated: How many of those have a length that is estimated.
        untold: How many of those have an unknown length.
    """

    actions: Counter[Action] = attrs.field(factory=Counter[Action])
    creations: int = 0
    space: int = 0
    audio_seconds: float = 0.0
    estimated: int = 0
    untold: int = 0
    _uploads: set[str] = attrs.field(factory=set[str], init=False)

    @classmethod
    def of(cls, jobs: Iterable[Foreseen]) -> "Forecast":
        """Return the sum over some jobs."""
        forecast = cls()
        for job in jobs:
            forecast.add(job)
        return forecast

    def add(self, job: Foreseen) -> None:
        """Take in one job."""
        self.actions[job.action] += 1
        if job.action not in (Action.ENHANCE, Action.FETCH):
            return
        self.space += job.byte_size
        self.audio_seconds += job.seconds or 0.0
        self.estimated += job.is_estimate
        self.untold += job.seconds is None
        if job.action is Action.ENHANCE:
            # All strengths of a recording share its upload.
            self.creations += 1 + (not job.uploaded and job.source not in self._uploads)
            self._uploads.add(job.source)

    @property
    def least_seconds(self) -> float:
        """How long the API's limit of creations makes it take at least."""
        return 60.0 * (max(0, self.creations - 1) // _CREATIONS_A_MINUTE)
