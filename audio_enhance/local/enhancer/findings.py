"""What the owner of a recording should hear about it, though it could be enhanced."""

import attrs

_WORTH_TELLING = 0.001  # seconds


@attrs.define
class Findings:
    """What was wrong with a recording, as far as it has been read.

    Attributes:
        gaps: Seconds that the recording's own clock skips.
        damaged: Seconds that could not be decoded.
        missing: Seconds that are missing at the end of a file that was cut off.
        skipped: Pieces that could not be decoded, in formats that have no clock.
        kept: Other tracks of sound that the result has as they were.
        left_out: Other tracks of sound that it does not have.
        codecs: The recording's codec and the result's, where they cannot be the same.
    """

    gaps: float = 0.0
    damaged: float = 0.0
    missing: float = 0.0
    skipped: int = 0
    kept: int = 0
    left_out: int = 0
    codecs: tuple[str, str] | None = None

    def notes(self) -> list[str]:
        """Return a sentence for each."""
        notes: list[str] = []
        if self.codecs is not None:
            before, after = self.codecs
            notes.append(f"Nothing here writes its codec ({before}): the result has {after}.")
        if self.damaged > _WORTH_TELLING:
            notes.append(f"{_seconds(self.damaged)} of it are damaged, and silent in the result.")
        if self.gaps > _WORTH_TELLING:
            notes.append(f"{_seconds(self.gaps)} are missing in it, and silent in the result.")
        if self.skipped:
            # As often rubbish between two frames, or at the end.
            notes.append("Some of it cannot be decoded and was skipped: the result may be shorter.")
        if self.missing > _WORTH_TELLING:
            notes.append(f"It was cut off: {_seconds(self.missing)} are missing at its end.")
        if self.kept:
            notes.append(f"Its first track is enhanced; {_more(self.kept)} kept as before.")
        if self.left_out:
            notes.append(f"Its first track is enhanced; {_more(self.left_out)} left out.")
        return notes


def _more(tracks: int) -> str:
    return "the other one is" if tracks == 1 else f"{tracks} others are"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} seconds" if seconds < 1 else f"{seconds:.1f} seconds"
