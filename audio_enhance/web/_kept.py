"""Bytes on this application's disk: a recording as it was sent, or a result."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from audio_enhance import Source


def _nothing(_: object) -> None:
    pass


@attrs.define(eq=False)
class Kept:
    """What is kept for as long as anyone needs it.

    Attributes:
        byte_size: Its length.
        source: Its bytes; `None` until they are here, and when nobody needs them any more.
        path: Where they are.
        content_type: What they are, where their name does not tell.
        figures: What was measured of it, as `Measurer` returns it; `None` before.
        unmeasurable: Whether measuring it was tried in vain.
        copy: What players get instead of it, if there has to be something.
        copy_bytes: How much room that takes.
        copied: Whether it was looked at for that.
        on_gone: Told when nobody needs it any more.
    """

    byte_size: int
    source: Source | None = None
    path: Path | None = None
    content_type: str | None = None
    figures: dict[str, Any] | None = None
    unmeasurable: bool = False
    copy: Path | None = None
    copy_bytes: int = 0
    copied: bool = False
    on_gone: Callable[["Kept"], None] = _nothing
    _holders: int = 0

    @property
    def bytes_on_disk(self) -> int:
        """How much room it takes, with its copy and the pictures of it."""
        size = self.byte_size + self.copy_bytes
        if self.figures is None:
            return size
        drawn: int = 4 * self.figures["peaks"] + 96 * self.figures["spectrum"]
        return size + drawn * 8 // 7  # with the coarser levels

    def hold(self) -> None:
        """Count one more who needs it."""
        self._holders += 1

    def release(self) -> None:
        """Count one less; the file goes with the last."""
        self._holders -= 1
        if not self._holders and self.source is not None:
            self.source.close()
            self.source = None
            self.on_gone(self)
