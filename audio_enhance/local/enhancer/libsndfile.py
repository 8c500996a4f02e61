"""libsndfile, which the package `soundfile` brings along, and what it is needed for: Vorbis."""

import importlib
import io
from functools import cache
from typing import Any


def open_vorbis(file: Any, rate: int, channels: int, quality: float) -> Any:
    """Return what encodes Vorbis of this quality, 0 to 1, into a file that is open.

    Raises:
        ImportError: `soundfile` is not installed.
        OSError: There is no libsndfile for this system.
    """
    module = importlib.import_module("soundfile")  # it has no types
    return module.SoundFile(
        *(file, "w"),
        samplerate=rate,
        channels=channels,
        format="OGG",
        subtype="VORBIS",
        compression_level=1 - quality,
    )


@cache
def writes_vorbis() -> bool:
    """Return whether Vorbis can be written here."""
    try:
        open_vorbis(io.BytesIO(), 48_000, 1, 0.5).close()
    except (ImportError, OSError, RuntimeError):
        return False  # RuntimeError: it was built without Vorbis
    return True
