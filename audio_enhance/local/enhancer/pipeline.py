"""The enhancement of one recording, from file to file.

decode ──► 48 kHz ──► engine ──► strength ──► the recording's rate ──► encode

A first pass looks through the recording; the second one enhances it. Both stream in windows of
10 seconds, so memory does not grow with the recording.
"""

import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from math import inf
from pathlib import Path

from audio_enhance import check_strength

from . import chain
from .afftdn import Afftdn
from .decode import Recording
from .denoiser import denoise
from .encode import Output
from .engines import Engine, choose_engine
from .guard import protect
from .rnnoise import RNNoise
from .samples import Samples
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
    progress: Callable[[float], object] | None = None,
) -> list[str]:
    """Write an enhanced copy of a recording; blocks until it is done.

    The copy has the recording's container and codec (`formats` says where it cannot), number of
    channels, sample rate and duration. Tags are not copied.

    Args:
        source: The recording, in any of the API's formats; its name does not matter.
        destination: Where the copy goes; overwritten if it is there, gone if this fails.
        strength: 0 to 100. At 0 the copy is the recording, byte for byte; up to 50 the original
            prevails; above it the enhancement is maximized (`strength` says what each step does).
        engine: ``"dfn3"``, ``"rnnoise"`` or ``"afftdn"``; the best one that works here if None.
        max_seconds: How long the recording may last; what is longer is not even begun.
        progress: Told now and then which share of the recording is enhanced, 0 to 1; not at
            strength 0.

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
        else:
            for done in _enhance(source, destination, strength, chosen, known):
                if progress is not None:
                    progress(done)
        return recording.findings.notes() if strength else []
    except BaseException:
        destination.unlink(missing_ok=True)
        raise


def _enhance(
    source: Path, destination: Path, strength: int, engine: Engine, known: Survey
) -> Iterator[float]:
    """Write the result, and yield the share of it that is written."""
    written = 0
    with Recording(source) as recording, Output(destination, recording.format) as output:
        result = recording.format
        for original, enhanced in _parts(engine, recording.blocks(), known, result.channels):
            output.write(blended(original, enhanced, strength))
            written += original.shape[1]
            yield min(written / max(known.length, 1), 1.0)
        output.finish(round(recording.length * result.rate / recording.rate))


def _parts(
    engine: Engine, blocks: Iterable[Samples], known: Survey, channels: int
) -> Iterator[tuple[Samples, Samples]]:
    """Yield a recording part by part, before and after."""
    if engine.name == "dfn3":
        return chain.enhanced(blocks, known, channels)
    denoiser = RNNoise(channels) if engine.name == "rnnoise" else Afftdn(channels)
    return protect(denoise(blocks, denoiser))
