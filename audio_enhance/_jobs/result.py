"""What a job gives back: one enhanced recording."""

from pathlib import Path

import attrs

from audio_enhance._core.errors import AudioEnhanceError, OutputError
from audio_enhance._core.models import Asset, SpeechEnhancement


class ResultAwayError(AudioEnhanceError):
    """What was paid for is neither in its place nor at the server; for another one, redo it."""


@attrs.frozen(kw_only=True)
class EnhanceResult:
    """One enhanced recording.

    Attributes:
        asset: The asset it was made from.
        enhancement: The speech enhancement that made it.
        extra_enhancements: How many more enhancements the server may have made than were
            needed, because an answer was lost and the client asked again.
        failed_enhancements: How many enhancements the server finished with `failed` before one
            succeeded.
        saved: Where the result is; `None` if it is in a bucket, or no output folder was given.
        url: Where it is in a bucket; `None` if it is not in one.
        note: What you should know about it, in one sentence: that a video has other sound tracks,
            which stayed as they were, or data tracks, which are left out.
    """

    asset: Asset
    enhancement: SpeechEnhancement
    extra_enhancements: int = 0
    failed_enhancements: int = 0
    saved: Path | None = None
    url: str | None = None
    note: str | None = None

    @property
    def path(self) -> Path:
        """The file it was written to; raises `OutputError` where there is none."""
        if self.url is not None:
            raise OutputError(
                f"The result is not on this machine: {self.url}.", hint="Use result.url."
            )
        if self.saved is None:
            raise OutputError(
                "The result was not saved: the job was submitted without an output folder.",
                hint="Give output_dir, or use presigned_download_url(result.enhancement).",
            )
        return self.saved
