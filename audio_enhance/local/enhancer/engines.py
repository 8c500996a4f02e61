"""The engines, from the best one down, and which of them works on this machine.

=========  ================================================
dfn3       DeepFilterNet3: noise, other voices and echo
rnnoise    RNNoise: noise
afftdn     FFmpeg's `afftdn`: steady noise; always there
=========  ================================================
"""

from collections.abc import Callable

import attrs

from audio_enhance import MissingExtraError

from .errors import EngineError
from .libraries import deepfilternet, rnnoise

ENGINES = ("dfn3", "rnnoise", "afftdn")


@attrs.frozen(kw_only=True)
class Engine:
    """An engine that works here.

    Attributes:
        name: What ``--engine`` calls it.
        title: What people call it.
        passed_over: Why each better one does not work here, in a sentence.
    """

    name: str
    title: str
    passed_over: tuple[str, ...] = ()


def choose_engine(name: str | None = None) -> Engine:
    """Return an engine that works here; loads its library, which takes a moment.

    Args:
        name: One of `ENGINES`; the best one that works if None.

    Raises:
        EngineError: There is none of this name, or it does not work here.
    """
    if name is not None and name not in ENGINES:
        raise EngineError(
            f"There is no engine {name!r}.", hint=f"Choose one of: {', '.join(ENGINES)}."
        )
    passed_over: list[str] = []
    for engine, load in _LOADED:
        if name not in (None, engine.name):
            continue
        try:
            load()
        except OSError as error:
            if name is not None:
                raise EngineError(
                    f"{engine.title} does not work here: {error}.",
                    hint=MissingExtraError("local", engine.title).hint,
                ) from error
            passed_over.append(f"{engine.title} does not work here: {error}.")
            continue
        return attrs.evolve(engine, passed_over=tuple(passed_over))
    raise AssertionError("afftdn is part of FFmpeg")


_LOADED: tuple[tuple[Engine, Callable[[], object]], ...] = (
    (Engine(name="dfn3", title="DeepFilterNet3"), deepfilternet),
    (Engine(name="rnnoise", title="RNNoise"), rnnoise),
    (Engine(name="afftdn", title="FFmpeg's afftdn"), lambda: None),
)
