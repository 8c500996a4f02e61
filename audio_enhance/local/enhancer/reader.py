"""One way through a recording, for several pieces of it one after another."""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain

from .samples import Samples


class Reader:
    """Reads forwards only, since a decoder finds no place again to the sample.

    Args:
        blocks: The recording from its start.
    """

    def __init__(self, blocks: Iterable[Samples]) -> None:
        self._rest = _placed(blocks)
        self._kept: deque[tuple[int, Samples]] = deque()

    def between(self, start: int, stop: int | None, again: int) -> Iterator[Samples]:
        """Yield what lies between two places.

        Args:
            start: The first sample; no earlier than the last call's `again`.
            stop: The sample after the last one, later than the last call's; None for the end.
            again: From here on, samples are kept for the next call.
        """
        kept, self._kept = self._kept, deque()
        for place, block in chain(kept, self._rest):
            end = place + block.shape[1]
            if end > again:
                self._kept.append((place, block))
            if end > start:
                yield block[:, max(start - place, 0) : None if stop is None else stop - place]
            if stop is not None and end >= stop:
                return


def _placed(blocks: Iterable[Samples]) -> Iterator[tuple[int, Samples]]:
    place = 0
    for block in blocks:
        yield place, block
        place += block.shape[1]
