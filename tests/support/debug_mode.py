"""asyncio's debug mode at a fraction of what it takes.

What it finds is wanted. Ten frames of every handle and all frames of every future are not: they
would take half of the time. Three are enough: two may be of asyncio's own, and the next is where it
was made. To get these as `traceback` does would still ask the disk each time whether a source has
changed.
"""

import asyncio.constants
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from traceback import FrameSummary, StackSummary
from types import FrameType
from typing import Any

_walk_stack, _extract = traceback.walk_stack, StackSummary.extract


_FRAMES = 3


class _Innermost:
    """The first frames of a stack, to be iterated over like all of them."""

    def __init__(self, frame: FrameType | None) -> None:
        self._frames = islice(_walk_stack(frame), _FRAMES)

    def __iter__(self) -> Iterator[tuple[FrameType, int]]:
        return self._frames


def _extracted(frames: Iterable[Any], **options: Any) -> StackSummary:
    if not isinstance(frames, _Innermost):
        return _extract(frames, **options)
    summaries = [
        FrameSummary(frame.f_code.co_filename, line, frame.f_code.co_name, lookup_line=False)
        for frame, line in frames
    ]
    return StackSummary.from_list(summaries)


def only_where_made() -> None:
    """Let handles, futures and tasks know nothing but where they were made."""
    setattr(asyncio.constants, "DEBUG_STACK_DEPTH", _FRAMES)  # noqa: B010  typed as final
    setattr(traceback, "walk_stack", _Innermost)  # noqa: B010  typed as what it was
    setattr(StackSummary, "extract", staticmethod(_extracted))  # noqa: B010
