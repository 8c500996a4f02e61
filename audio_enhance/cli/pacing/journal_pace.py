"""How long a run that is at work will still take, as its journal shows from outside."""

from collections.abc import Iterable, Sequence

from audio_enhance import EntryState, Journal

from .pace import Pace
from .rates import Rates

# Between two results of one run there are hardly more seconds than this.
_LONGEST_GAP = 1800.0

_Result = tuple[float, float]


async def results_of(journal: Journal) -> tuple[list[_Result], list[float]]:
    """Return when results came and how long their recordings last, and the lengths of the rest.

    Seconds since 1970, and seconds of audio as they are guessed from sizes.
    """
    rates = Rates()
    done: list[_Result] = []
    left: list[float | None] = []
    async for entry in journal.entries():
        size = entry.byte_size
        length = None if size is None else rates.seconds(entry.source, size)
        if entry.state == EntryState.SUCCEEDED and length is not None:
            done.append((entry.updated_at, length))
        elif entry.state not in (EntryState.SUCCEEDED, EntryState.FAILED):
            left.append(length)
    known = [length for _, length in done]
    usual = sum(known) / len(known) if known else 1.0
    return sorted(done), [usual if length is None else length for length in left]


def seconds_left(done: Sequence[_Result], left: Iterable[float], *, now: float) -> float | None:
    """Return how long the rest will probably take, `None` before this run has results.

    Args:
        done: When results came, the latest last, and the lengths of their recordings.
        left: The lengths of the others.
        now: Seconds since 1970.
    """
    latest: list[_Result] = []
    after = now
    for at, length in reversed(done):
        if after - at > _LONGEST_GAP:
            break
        latest.append((at, length))
        after = at
    pace = Pace()
    for index, (at, length) in enumerate(reversed(latest)):
        if index:
            pace.result(at, length)
        else:
            pace.begin(at)
    lengths = list(left)
    return pace.seconds_left(now, len(lengths), sum(lengths))
