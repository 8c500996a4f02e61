"""The enhancement of one recording, from file to file.

decode ──► 48 kHz ──► engine ──► strength ──► the recording's rate ──► encode

A first pass looks through the recording; the second one enhances it. Both stream in windows of
10 seconds, so memory does not grow with the recording. What is long is cut into `pieces`, which
every core has a share in.
"""

import logging
import os
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from math import inf
from pathlib import Path

import attrs

from audio_enhance import check_strength

from . import chain
from .afftdn import Afftdn
from .decode import Recording
from .denoiser import denoise
from .encode import Output
from .engines import Engine, choose_engine
from .guard import protect
from .pieces import cut
from .rnnoise import RNNoise
from .samples import Samples
from .side_by_side import SideBySide
from .strength import blended
from .survey import Survey, survey

_log = logging.getLogger(__name__)


def enhance_file(
    source: Path,
    destination: Path,
    *,
    strength: int,
    engine: str | None = None,
    max_seconds: float = inf,
    workers: int | Callable[[], int] | None = None,
    progress: Callable[[float], object] | None = None,
) -> list[str]:
    """Write an enhanced copy of a recording; blocks until it is done.

    The copy has the recording's container and codec (`formats` says where it cannot), number of
    channels, sample rate and duration, and what else is in it: tags, chapters, pictures.

    Args:
        source: The recording, in any of the API's formats; its name does not matter.
        destination: Where the copy goes. It is overwritten if it exists, and deleted if this fails.
        strength: 0 to 100. At 0 the copy is the recording, byte for byte; up to 50 the original
            prevails; above it the enhancement is maximized (`strength` says what each step does).
        engine: ``"dfn3"``, ``"rnnoise"`` or ``"afftdn"``; the best one that works here if None.
        max_seconds: How long the recording may last, in seconds; a longer one is refused.
        workers: How many cores a long recording may keep busy, 1 or more; all of them if None.
            The result is the same for any number. A function is called again and again.
        progress: Called now and then with the share of the recording that is enhanced, 0 to 1; not
            at strength 0.

    Returns:
        Sentences for the recording's owner: what is damaged or missing in it.

    Raises:
        InvalidStrengthError: The strength is not a whole number from 0 to 100.
        EngineError: The engine does not work here.
        NotAudioError: The recording is not audio, empty, broken, or of a kind that the API does
            not take.
        TooLongError: It lasts longer than `max_seconds`.
        OSError: A file cannot be read or written.
    """
    check_strength(strength)
    chosen = choose_engine(engine)
    for reason in chosen.passed_over:
        _log.warning("%s", reason)
    try:
        # What is broken is found here, at any strength and before anything is written.
        with Recording(source, max_seconds=max_seconds) as recording:
            known = survey(recording.blocks())
        if strength == 0:
            shutil.copyfile(source, destination)
            return []
        work = _Work(
            source=source,
            destination=destination,
            engine=chosen,
            known=known,
            workers=workers if callable(workers) else partial(int, workers or os.cpu_count() or 1),
            tell=_forwards(progress or (lambda _: None)),
        )
        _enhance(work, strength)
        return recording.findings.notes()
    except BaseException:
        destination.unlink(missing_ok=True)
        raise


@attrs.frozen(kw_only=True)
class _Work:
    source: Path
    destination: Path
    engine: Engine
    known: Survey
    workers: Callable[[], int]
    tell: Callable[[float], object]


def _enhance(work: _Work, strength: int) -> None:
    written, length = 0, max(work.known.length, 1)
    with (
        Recording(work.source) as recording,
        Output(work.destination, recording.format, work.source, recording.start) as output,
        _parts(work, recording) as parts,
    ):
        result = recording.format
        for original, enhanced in parts:
            output.write(blended(original, enhanced, strength))
            written += original.shape[1]
            work.tell(min(written / length, 1.0))
        output.finish(round(recording.length * result.rate / recording.rate))


@contextmanager
def _parts(work: _Work, recording: Recording) -> Generator[Iterable[tuple[Samples, Samples]]]:
    """Provide the recording part by part, before and after."""
    channels = recording.format.channels
    if work.engine.name != "dfn3":
        denoiser = RNNoise(channels) if work.engine.name == "rnnoise" else Afftdn(channels)
        yield protect(denoise(recording.blocks(), denoiser))
        return
    channels = 1 if work.known.alike else channels
    pieces = cut(work.known.length, channels)
    if len(pieces) == 1:
        yield chain.enhanced(recording.blocks(), work.known, channels)
        return
    opened = partial(_opened, work.source)
    clean = partial(chain.cleaned, survey=work.known, channels=channels)
    folder = work.destination.parent
    with SideBySide(pieces, opened, clean, channels, work.workers, folder) as pieces_of_it:
        yield chain.restored(recording.blocks(), pieces_of_it.joined(work.tell))


@contextmanager
def _opened(source: Path) -> Generator[Iterable[Samples]]:
    with Recording(source) as recording:
        yield recording.blocks()


def _forwards(tell: Callable[[float], object]) -> Callable[[float], None]:
    """Return what passes on a share only if it is larger than all before."""
    furthest = 0.0

    def told(share: float) -> None:
        nonlocal furthest
        if share > furthest:
            furthest = share
            tell(share)

    return told
