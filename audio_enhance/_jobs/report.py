"""What became of a batch: one outcome for each and every source and strength."""

from collections.abc import Sequence
from enum import StrEnum, auto
from pathlib import Path
from typing import overload

import attrs

from audio_enhance._core.errors import AudioEnhanceError
from audio_enhance._recording.given import AnySource


class OutcomeStatus(StrEnum):
    """How a source at one strength ended; each member is a string as well."""

    SUCCEEDED = auto()
    """The result was made."""
    FAILED = auto()
    """There is no result; the outcome's `error` says why."""
    SKIPPED = auto()
    """An earlier run of the same journal made the result."""


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of one source at one strength.

    Attributes:
        source: The source, as it was given.
        name: What it is called: its path, or else its name.
        strength: The strength.
        status: An `OutcomeStatus`.
        not_started: Whether its turn never came: the batch was stopped, or the only API client
            that could fetch it was refused.
        path: Where the result is, an absolute path; `None` if it is in a bucket.
        url: Where it is in a bucket.
        note: What you should know about it, in one sentence: that a skipped result has been changed
            or moved since it was made; or that a video has other sound tracks, which stayed as they
            were, or data tracks, which are left out.
        error: Why there is no result.
        asset_id: The asset, if there is one.
        enhancement_id: The speech enhancement, if there is one.
        extra_enhancements: How many more enhancements the server may have made than needed,
            because an answer was lost.
        failed_enhancements: How many the server finished with `failed`; after the first one, the
            client tries again.
    """

    source: AnySource
    name: str
    strength: int
    status: OutcomeStatus = attrs.field(converter=OutcomeStatus)
    not_started: bool = False
    path: Path | None = None
    url: str | None = None
    note: str | None = None
    error: AudioEnhanceError | None = None
    asset_id: str | None = None
    enhancement_id: str | None = None
    extra_enhancements: int = 0
    failed_enhancements: int = 0

    @property
    def ok(self) -> bool:
        """Whether the result is there, or was there and you moved or changed it."""
        return self.status is not OutcomeStatus.FAILED


class BatchReport(Sequence[Outcome]):
    """The outcomes of a batch, one per source and strength, in the order given.

    Attributes:
        stopped_by: What stopped the batch before its end: credentials that the server refuses,
            of every API client, or a closed client; `None` if nothing did.
    """

    def __init__(self, outcomes: list[Outcome], stopped_by: AudioEnhanceError | None) -> None:
        self._outcomes = outcomes
        self.stopped_by = stopped_by

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({len(self)} outcomes, {len(self.failed)} failed,"
            f" {self.extra_enhancements} extra enhancements)"
        )

    def __len__(self) -> int:
        return len(self._outcomes)

    @overload
    def __getitem__(self, index: int) -> Outcome: ...
    @overload
    def __getitem__(self, index: slice) -> list[Outcome]: ...
    def __getitem__(self, index: int | slice) -> Outcome | list[Outcome]:
        return self._outcomes[index]

    @property
    def succeeded(self) -> list[Outcome]:
        """The outcomes whose result is there."""
        return [outcome for outcome in self if outcome.ok]

    @property
    def failed(self) -> list[Outcome]:
        """The outcomes without a result."""
        return [outcome for outcome in self if not outcome.ok]

    @property
    def ok(self) -> bool:
        """Whether every result is there."""
        return all(outcome.ok for outcome in self)

    @property
    def extra_enhancements(self) -> int:
        """How many more enhancements the server may have made than were needed."""
        return sum(outcome.extra_enhancements for outcome in self)

    @property
    def failed_enhancements(self) -> int:
        """How many enhancements the server finished with `failed`."""
        return sum(outcome.failed_enhancements for outcome in self)
